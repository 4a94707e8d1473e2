#include "engine/graph/planned_step.h"

#include <algorithm>

#include "engine/base/threads.h"

namespace hardy::graph {
namespace {

constexpr std::size_t kChainScratch = 64 * 1024;  // bytes a thread has for a chain's intermediates
constexpr std::int64_t kChainBlock = 2048;        // elements, at most
constexpr std::int64_t kChainGrain = 8192;        // elements a thread takes at a time
alignas(64) thread_local std::byte chain_scratch[kChainScratch];

// The chain's elements [begin, end), block by block; a block's intermediates stay in this thread's
// scratch. A scratch operand's pointer is set back by the block's start, so that kernels index it like
// any other operand.
void run_chain(const PlannedStep& step, std::int64_t begin, std::int64_t end) {
  Buffer inputs[kMaxOperands], outputs[1];
  for (std::int64_t at = begin; at < end; at += step.block) {
    const std::int64_t stop = std::min(end, at + step.block);
    for (const Launch& l : step.launches) {
      if (step.slots == 0) {
        l.node.op->cpu_range(l.call(), at, stop);
        continue;
      }
      const auto placed = [&](const Buffer& b, int slot) {
        Buffer r = b;
        if (slot >= 0) {
          const auto size = static_cast<std::int64_t>(size_of(b.type));
          r.data = reinterpret_cast<void*>(reinterpret_cast<std::intptr_t>(chain_scratch) +
                                           (slot * step.block - at) * size);
        }
        return r;
      };
      for (std::size_t i = 0; i < l.inputs.size(); ++i) inputs[i] = placed(l.inputs[i], l.input_slot[i]);
      outputs[0] = placed(l.outputs[0], l.output_slot[0]);
      l.node.op->cpu_range({{inputs, l.inputs.size()}, outputs, l.node.attributes.data()}, at, stop);
    }
  }
}

}  // namespace

std::int64_t chain_block(int slots, std::size_t widest) {
  if (slots == 0) return kChainBlock;
  const auto fits = static_cast<std::int64_t>(kChainScratch / (static_cast<std::size_t>(slots) * widest));
  return std::min(kChainBlock, std::max<std::int64_t>(1, fits));
}

void run_step(const PlannedStep& step, ThreadTeam& team) {
  const Launch& first = step.launches.front();
  if (!first.node.op->cpu_range) {
    first.node.op->cpu(first.call(), team);
  } else if (step.elements <= kChainGrain || team.size() == 1) {
    run_chain(step, 0, step.elements);
  } else {
    team.for_range(step.elements, kChainGrain,
                   [&](std::int64_t begin, std::int64_t end) { run_chain(step, begin, end); });
  }
}

}  // namespace hardy::graph
