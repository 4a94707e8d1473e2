// Rotary positions (Su et al. 2021, arXiv 2104.09864).
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, S, T, H, d], d even; first i32 [A, S]: row t of x stands at position first + t. Elements i and
// i + d/2 of it turn by the angle (first + t) base^(-2 i / d).
graph::Tensor rotary(graph::Graph& g, graph::Tensor x, graph::Tensor first, double base = 10000);

}  // namespace hardy::ops
