// Normalisation by the root mean square over the last axis (Zhang, Sennrich 2019, arXiv 1910.07467).
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, ..., n], gain [A, n], or [1, n] for all agents: y = gain x / sqrt(mean(x^2) + epsilon). Twice
// differentiable; the gain's gradient is a sum over the rows in their order.
graph::Tensor rms_norm(graph::Graph& g, graph::Tensor x, graph::Tensor gain, double epsilon = 1e-5);

}  // namespace hardy::ops
