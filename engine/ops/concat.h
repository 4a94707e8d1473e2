// Joining and cutting along the last axis.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// [..., m] and [..., n] -> [..., m + n].
graph::Tensor concat(graph::Graph& g, graph::Tensor a, graph::Tensor b);
// [..., n] -> [..., end - begin]. The gradient is zero outside.
graph::Tensor slice(graph::Graph& g, graph::Tensor x, std::int64_t begin, std::int64_t end);

}  // namespace hardy::ops
