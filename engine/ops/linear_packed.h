// Dense layers whose weights are read many times between two updates, as a decoding step reads them.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, B, in], packed f32 [A, packed_size(in, out)] (engine/ops/gemm.h: each agent's w, packed) -> x w
// [A, B, out], with linear()'s bits. On the CPU; no gradient passes.
graph::Tensor linear_packed(graph::Graph& g, graph::Tensor x, graph::Tensor packed, std::int64_t out);

}  // namespace hardy::ops
