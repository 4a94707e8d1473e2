// The same elements under another shape; no kernel runs.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

graph::Tensor reshape(graph::Graph& g, graph::Tensor x, const Shape& shape);
// A new axis of 1 before `axis`: [A, B] -> [A, 1, B] for axis 1.
graph::Tensor unsqueeze(graph::Graph& g, graph::Tensor x, int axis);
// The axis, which must be 1, removed.
graph::Tensor squeeze(graph::Graph& g, graph::Tensor x, int axis);

}  // namespace hardy::ops
