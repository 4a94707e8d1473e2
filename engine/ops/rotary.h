// Rotary positions (Su et al. 2021, arXiv 2104.09864).
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, S, T, H, d], d even; first i32 [A, S]: row t of x stands at position first + t. Elements i and
// i + d/2 of it turn by the angle (first + t) base^(-2 i / d).
graph::Tensor rotary(graph::Graph& g, graph::Tensor x, graph::Tensor first, double base = 10000);

struct HeadCounts {
  std::int64_t heads = 1, kv_heads = 1;
};
struct Heads {
  graph::Tensor q, k, v;
};
// What rotary() makes of the queries and keys in qkv [A, S T, (H + 2 G) d], a token's heads side by side,
// with the same bits, and its values beside them: q [A, S, T, H, d], k and v [A, S, T, G, d]. One walk over
// qkv instead of three copies and two walks; on the CPU, and no gradient passes.
Heads rotary_heads(graph::Graph& g, graph::Tensor qkv, graph::Tensor first, const HeadCounts& n,
                   double base = 10000);

}  // namespace hardy::ops
