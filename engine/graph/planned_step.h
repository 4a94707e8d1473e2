// A step of a plan: one op with its operands' memory, or a chain of pointwise ones that runs block by block.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph/branches.h"
#include "engine/graph/device_chains.h"
#include "engine/graph/device_kernels.h"
#include "engine/graph/op.h"

namespace hardy {
class ThreadTeam;
}

namespace hardy::graph {

inline constexpr std::size_t kMaxOperands = 16;  // of an op

// One node with its operands' memory resolved.
struct Launch {
  Node node;
  std::vector<Buffer> inputs, outputs;
  std::vector<int> input_slot, output_slot;  // of a chain's scratch, -1 elsewhere
  DeviceKernel kernel = nullptr;             // of the plan's device

  std::vector<Access> accesses() const {
    std::vector<Access> all;
    for (const auto* buffers : {&inputs, &outputs})
      for (const Buffer& b : *buffers) {
        if (!b.data) continue;  // a chain's own
        const auto begin = reinterpret_cast<std::uintptr_t>(b.data);
        all.push_back(
            {begin, begin + static_cast<std::size_t>(b.elements()) * size_of(b.type), buffers == &outputs});
      }
    return all;
  }

  KernelCall call() const { return {inputs, outputs, node.attributes.data()}; }
};

struct PlannedStep {
  std::vector<Launch> launches;
  std::vector<ChainLink> links;          // of these, on a device, where there are several
  int slots = 0;                         // scratch places of a chain
  std::int64_t elements = 0, block = 0;  // of a chain: elements that go through it at a time
};

// Elements that a chain with so many intermediates, of elements of `widest` bytes at most, takes at a time.
std::int64_t chain_block(int slots, std::size_t widest);

// On the CPU.
void run_step(const PlannedStep& step, ThreadTeam& team);

}  // namespace hardy::graph
