// Layer normalisation over the last axis (Ba, Kiros, Hinton 2016).
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, (E,) B, n], scale and shift [A, (E,) n]:
// y = scale (x - mean(x)) / sqrt(var(x) + epsilon) + shift, with var the mean squared deviation.
graph::Tensor layer_norm(graph::Graph& g, graph::Tensor x, graph::Tensor scale, graph::Tensor shift,
                         double epsilon = 1e-5);

}  // namespace hardy::ops
