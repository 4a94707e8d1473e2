// Tensors joined along an axis, and ranges taken out of one.
#pragma once

#include <initializer_list>
#include <span>

#include "engine/graph/graph.h"

namespace hardy::ops {

extern const graph::Op kConcat;  // what the planner recognises (gather_fusion.cc)

// Up to 16 operands of one type that agree on every axis but `axis` (negative: from the back).
graph::Tensor concat(graph::Graph& g, std::span<const graph::Tensor> operands, int axis);
inline graph::Tensor concat(graph::Graph& g, std::initializer_list<graph::Tensor> operands, int axis) {
  return concat(g, std::span(operands.begin(), operands.size()), axis);
}

// Elements [begin, end) of `axis`. The gradient is zero outside.
graph::Tensor slice(graph::Graph& g, graph::Tensor x, int axis, std::int64_t begin, std::int64_t end);

// The everyday case, the last axis: [..., m] and [..., n] -> [..., m + n]; [..., n] -> [..., end - begin].
inline graph::Tensor concat(graph::Graph& g, graph::Tensor a, graph::Tensor b) {
  return concat(g, {a, b}, -1);
}
inline graph::Tensor slice(graph::Graph& g, graph::Tensor x, std::int64_t begin, std::int64_t end) {
  return slice(g, x, -1, begin, end);
}

}  // namespace hardy::ops
