// Rows of a table by index: how a batch leaves the dataset.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

extern const graph::Op kGatherRows;  // table, index -> rows

// table [N, d] (shared by all agents) or [A, N, d] (one an agent), index i32 [A, B] with values in
// [0, N) -> [A, B, d]. The gradient scatters back, repeated rows added in batch order.
graph::Tensor gather_rows(graph::Graph& g, graph::Tensor table, graph::Tensor index);

// The form that a device's plan puts in (gather_fusion.cc): index, tables -> outputs, each of which has a
// draw's rows of one or more of the tables side by side, as GatherColumns says; elements of 4 bytes.
extern const graph::Op kGatherColumns;

}  // namespace hardy::ops
