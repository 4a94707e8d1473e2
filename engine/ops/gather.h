// Rows of a table by index: how a batch leaves the dataset.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// table [N, d] (shared by all agents) or [A, N, d] (one an agent), index i32 [A, B] with values in
// [0, N) -> [A, B, d]. The gradient scatters back, repeated rows added in batch order.
graph::Tensor gather_rows(graph::Graph& g, graph::Tensor table, graph::Tensor index);

}  // namespace hardy::ops
