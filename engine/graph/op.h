// What an operation is: a name, a gradient rule and one kernel for each device. An op lives in a file
// of its own under engine/ops; the graph, the planner and the executor know it by this record alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/shape.h"

namespace hardy {
class ThreadTeam;
}

namespace hardy::graph {

class Graph;
struct Node;

// A value of a graph. Cheap to copy; id -1 means "none".
struct Tensor {
  std::int32_t id = -1;
  explicit operator bool() const { return id >= 0; }
  bool operator==(const Tensor&) const = default;
};

// Memory of one operand while a kernel runs.
struct Buffer {
  void* data = nullptr;
  DType type = DType::kF32;
  Shape shape;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  std::int64_t elements() const { return shape.elements(); }
};

struct KernelCall {
  std::span<const Buffer> inputs;
  std::span<const Buffer> outputs;
  const std::byte* attributes = nullptr;

  template <class A>
  const A& attribute() const {
    return *reinterpret_cast<const A*>(attributes);
  }
};

using Kernel = void (*)(const KernelCall&, ThreadTeam&);
// The part [begin, end) of a pointwise op's output elements; what lets chains run block by block.
using RangeKernel = void (*)(const KernelCall&, std::int64_t begin, std::int64_t end);
// What a call computes in matrix products, a multiply-add as 2; of shapes alone, the buffers may be empty.
using FlopCount = double (*)(const KernelCall&);
// Gradients with respect to each input, given those of the outputs ({} where none flows); {} for an input
// that no output depends on, or whose derivative is 0 wherever there is one.
using GradientRule = std::vector<Tensor> (*)(Graph&, const Node&, std::span<const Tensor> output_gradients);

struct Op {
  const char* name;
  GradientRule gradient = nullptr;  // null: a gradient that would pass through is an error, unless `stops`
  Kernel cpu = nullptr;             // null for pointwise ops and aliases
  RangeKernel cpu_range = nullptr;  // set: pointwise; the output may share memory with an input of its shape
  bool alias = false;               // the output is input 0 under another shape; no kernel runs
  bool stops = false;               // gradients end here, and that is meant: stop_gradient
  std::array<int, 2> derivatives{-1, -1};  // of a functor (engine/ops/slope.h), by these operands in turn
  // Output 0 is input 0, in its memory, after the kernel wrote to it in place: an input of the graph, or what
  // another such op made of one. What reads the state before runs before.
  bool writes = false;
  FlopCount flops = nullptr;  // null: none in products
};

struct Node {
  const Op* op = nullptr;
  std::vector<Tensor> inputs, outputs;
  std::vector<std::byte> attributes;  // one trivially copyable record, the op's own

  template <class A>
  const A& attribute() const {
    return *reinterpret_cast<const A*>(attributes.data());
  }
};

}  // namespace hardy::graph
