// The everyday pointwise ops: arithmetic, exp, log, activations, and stop_gradient.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

using graph::Graph;
using graph::Tensor;

Tensor fill(Graph& g, DType type, const Shape& shape, double value);

Tensor add(Graph& g, Tensor a, Tensor b);
Tensor subtract(Graph& g, Tensor a, Tensor b);
Tensor multiply(Graph& g, Tensor a, Tensor b);
Tensor divide(Graph& g, Tensor a, Tensor b);
Tensor minimum(Graph& g, Tensor a, Tensor b);
Tensor maximum(Graph& g, Tensor a, Tensor b);

Tensor copy(Graph& g, Tensor x);                                    // the same numbers in memory of their own
Tensor affine(Graph& g, Tensor x, double scale, double shift = 0);  // scale * x + shift
Tensor negate(Graph& g, Tensor x);
Tensor square(Graph& g, Tensor x);
Tensor exp(Graph& g, Tensor x);
Tensor log(Graph& g, Tensor x);
Tensor softplus(Graph& g, Tensor x);                        // log(1 + e^x)
Tensor clamp(Graph& g, Tensor x, double low, double high);  // slope 0 outside

Tensor relu(Graph& g, Tensor x);
Tensor tanh(Graph& g, Tensor x);
Tensor gelu(Graph& g, Tensor x);  // x Phi(x), the exact form
Tensor silu(Graph& g, Tensor x);  // x / (1 + e^-x)

// The same numbers; no gradient passes.
Tensor stop_gradient(Graph& g, Tensor x);

// What the planner recognises when it fuses a layer (linear_fusion.cc).
extern const graph::Op kRelu, kReluGradient, kTanh;

}  // namespace hardy::ops
