// Common subexpressions: of nodes that compute the same of the same operands one is left, whose value all
// read.
#pragma once

#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

// nodes: the live ones of g, in order. kept[root]: it has memory of its own, so that the node that makes it
// stays; so does what an op writes over or gives another shape, for what shares its memory follows from g.
std::vector<Node> merge_equal(const Graph& g, const std::vector<Node>& nodes, const std::vector<char>& kept);

}  // namespace hardy::graph
