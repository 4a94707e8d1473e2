// Order statistics over the ensemble axis.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// The alpha-quantile over `axis` (kept as 1): position (n - 1) alpha among the sorted values, linearly
// interpolated between its neighbours. alpha 0 is the minimum. n <= 64. The gradient goes to the two
// neighbours with the interpolation's weights. A NaN among the values gives NaN.
graph::Tensor quantile(graph::Graph& g, graph::Tensor x, double alpha, int axis);

}  // namespace hardy::ops
