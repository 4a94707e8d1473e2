// Causal attention over sequences of their own lengths.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// softmax(q k^T / sqrt(d)) v, head by head. q [A, S, T, H, d]; k, v [A, S, U, G, d], H a multiple of G: heads
// of one group share a key (grouped-query attention). first, last: i32 [A, S]. Row t of q stands at position
// first + t and sees the keys of positions 0 to first + t, those in k's and v's first axis of that number.
// Rows from position `last` on are padding: 0, without a gradient. first + t < U for all others. -> [A, S, T,
// H, d].
//
// Training: first = 0, last = the sequence's length, T = U. A row's bits depend on its own keys alone;
// decode_attention gives the same ones, one token a row. The scores are never held as a whole; the gradient
// computes them again. There is no second derivative.
graph::Tensor attention(graph::Graph& g, graph::Tensor q, graph::Tensor k, graph::Tensor v,
                        graph::Tensor first, graph::Tensor last);

}  // namespace hardy::ops
