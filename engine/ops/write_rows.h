// Rows written in place into an input of a graph: a cache of keys and values that decoding adds to.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// cache [A, S, U, ...], an input of the graph or what an earlier write_rows gave; rows [A, S, T, ...] of the
// same type and further axes; first, last i32 [A, S]. Row t of `rows` goes to position first + t; positions
// below 0, from `last` on or from U on are not written to. -> the cache with those rows, in the same memory:
// it holds them after the run, and what is built on the result sees them (also within it: all reads of the
// cache itself come before). Needed by no output, it does not run. One write to each state of a cache; what
// it held before is no output of a plan. No gradient passes.
graph::Tensor write_rows(graph::Graph& g, graph::Tensor cache, graph::Tensor rows, graph::Tensor first,
                         graph::Tensor last);

}  // namespace hardy::ops
