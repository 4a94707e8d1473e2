// Causal attention over sequences of their own lengths, and rotary positions (Su et al. 2021, arXiv
// 2104.09864).
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// softmax(q k^T / sqrt(d)) v, head by head. q [A, S, T, H, d]; k, v [A, S, U, G, d], H a multiple of G: heads
// of one group share a key (grouped-query attention). first, last: i32 [A, S]. Row t of q stands at position
// first + t and sees the keys of positions 0 to first + t, those in k's and v's first axis of that number.
// Rows from position `last` on are padding: 0, without a gradient. first + t < U for all others. -> [A, S, T,
// H, d].
//
// Training: first = 0, last = the sequence's length, T = U. Decoding: T = 1, first = the tokens before, k and
// v the cache. A row's bits depend on its own keys alone, so that both give the same ones. The scores are
// never held as a whole; the gradient computes them again. There is no second derivative.
graph::Tensor attention(graph::Graph& g, graph::Tensor q, graph::Tensor k, graph::Tensor v,
                        graph::Tensor first, graph::Tensor last);

// x [A, S, T, H, d], d even: elements i and i + d/2 of row t turn by the angle (first + t) base^(-2 i / d).
graph::Tensor rotary(graph::Graph& g, graph::Tensor x, graph::Tensor first, double base = 10000);

}  // namespace hardy::ops
