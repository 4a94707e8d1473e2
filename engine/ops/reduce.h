// Reductions over one axis (kept as 1, so that the result stretches back) and sums to a shape.
// Every sum runs in an order that depends on the reduced length alone.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

using graph::Graph;
using graph::Tensor;

Tensor sum(Graph& g, Tensor x, int axis);  // axis counts from the back when negative
Tensor mean(Graph& g, Tensor x, int axis);
Tensor max(Graph& g, Tensor x, int axis);  // the gradient goes to the first largest element
Tensor min(Graph& g, Tensor x, int axis);  // likewise, the first smallest
Tensor logsumexp(Graph& g, Tensor x, int axis);

// Mean over every axis but the agent axis: [A, ...] -> [A].
Tensor mean_per_agent(Graph& g, Tensor x);
Tensor sum_per_agent(Graph& g, Tensor x);

// x summed over the axes that `shape` holds as 1: what undoes stretching. `shape` has x's rank, or is [1].
Tensor sum_to(Graph& g, Tensor x, const Shape& shape);
// x stretched to `shape` (axes of 1 repeated).
Tensor stretch(Graph& g, Tensor x, const Shape& shape);

}  // namespace hardy::ops
