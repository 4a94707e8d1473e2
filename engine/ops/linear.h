// Dense layers, batched over agents and ensemble members.
//   x [A, B, in] or [A, E, B, in],  w [A, in, out] or [A, E, in, out]  ->  [A, (E,) B, out]
// With an ensemble in w alone, all members read the same x.
#pragma once

#include "engine/graph/graph.h"
#include "engine/ops/attributes.h"

namespace hardy::ops {

// x w. padded: some rows are padding, whose gradient is 0; on the CPU how many, and where, changes no bit of
// w's gradient, which then sums its rows by one chain.
graph::Tensor linear(graph::Graph& g, graph::Tensor x, graph::Tensor w, bool padded = false);
// y [A, (E,) B, n] + b [A, (E,) n]
graph::Tensor add_bias(graph::Graph& g, graph::Tensor y, graph::Tensor b);

// Fused forms that the planner puts in (linear_fusion.cc).
extern const graph::Op kLinear;                   // x, w -> y
extern const graph::Op kAddBias;                  // y, b -> y + b
extern const graph::Op kLinearBias;               // x, w, b -> activation(x w + b)
extern const graph::Op kLinearInputGradient;      // dy, w -> dx
extern const graph::Op kLinearInputGradientRelu;  // dy, w, y -> dx where y > 0, else 0
// dy, w, y -> the same dx, and its sum over B: the bias gradient of the layer that gave y. For devices.
extern const graph::Op kLinearInputGradientReluBias;
extern const graph::Op kLinearWeightGradient;      // x, dy -> dw
extern const graph::Op kBiasGradient;              // dy -> db
extern const graph::Op kLinearWeightBiasGradient;  // x, dy -> dw, db

}  // namespace hardy::ops
