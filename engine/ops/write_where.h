// Rows of a table written over in place where a mask says so, and what follows from it for sums along rows:
// how a method corrects the data that it learns from.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

struct Written {
  graph::Tensor table;   // the same memory, with those rows
  graph::Tensor change;  // [A, B, n]: what each write added to what was there before it, 0 where none was
};

// table [A, N, n], an input or parameter of the graph, or what such an op gave; index i32 [A, B] with values
// in [0, N), values [A, B, n], which [A, B]: row b goes to index b where `which` is above 0, one after the
// other, so that of several for one row the last counts. All reads of the table itself come before. No
// gradient passes.
Written write_where(graph::Graph& g, graph::Tensor table, graph::Tensor index, graph::Tensor values,
                    graph::Tensor which);

// table [A, N, 1], as above: the row index b and the count b rows before it each gain change b, [A, B, 1], in
// the order of b. count i32 [A, B], at most index. -> the table.
graph::Tensor add_before(graph::Graph& g, graph::Tensor table, graph::Tensor index, graph::Tensor count,
                         graph::Tensor change);

}  // namespace hardy::ops
