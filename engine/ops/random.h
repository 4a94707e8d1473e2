// Draws inside a graph, keyed by (seed, stream, step, index) as engine/base/random.h has it.
//   seeds i32 [A, 2]: the low and high words of each agent's seed
//   step  i32 [1, 2]: the low and high words of the step; [1, 3]: and the pass within it, counted from 0,
//         whose draws follow those of the pass before
// Each agent counts its own elements from 0, so that its draws do not depend on its neighbours.
#pragma once

#include "engine/base/random.h"
#include "engine/graph/graph.h"

namespace hardy::ops {

// Standard normal, f32, `shape` beginning with A.
graph::Tensor random_normal(graph::Graph& g, const Shape& shape, graph::Tensor seeds, graph::Tensor step,
                            RandomStream stream);
// Uniform integers in [0, limit), i32 [A, n]; limit i32 [1], read at each run.
graph::Tensor random_index(graph::Graph& g, std::int64_t n, graph::Tensor limit, graph::Tensor seeds,
                           graph::Tensor step, RandomStream stream);
// Row i of agent a's logits [A, B, n] draws k with probability e^logit_k / sum_j e^logit_j, by inverting the
// distribution at the agent's i-th uniform: Random::categorical's own draw. i32 [A, B].
graph::Tensor random_categorical(graph::Graph& g, graph::Tensor logits, graph::Tensor seeds,
                                 graph::Tensor step, RandomStream stream);

}  // namespace hardy::ops
