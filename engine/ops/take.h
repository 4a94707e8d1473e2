// One element of every row by index: a categorical distribution's log-probability of what was drawn.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [..., n] and index i32 [...] with values in [0, n) -> [..., 1].
graph::Tensor take(graph::Graph& g, graph::Tensor x, graph::Tensor index);

}  // namespace hardy::ops
