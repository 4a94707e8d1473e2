// Values of an update's graph, as Python's methods of one's own put them together (own_methods.cc, ops.cc).
#pragma once

#include "engine/base/error.h"
#include "engine/graph/graph.h"

namespace hardy::python {

// It lives as long as the learner that is being built.
struct Value {
  graph::Graph* graph = nullptr;
  graph::Tensor tensor;
};

inline Value like(const Value& x, graph::Tensor t) { return {x.graph, t}; }
inline void require_one_graph(const Value& a, const Value& b) {
  if (a.graph != b.graph)
    throw Error("values of two updates cannot be put together", "ops", "each update draws its own batch");
}

}  // namespace hardy::python
