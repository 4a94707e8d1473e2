// Rewrites that the planner makes before it places anything: a layer's product, bias and activation
// become one kernel, and so do the gradients that read the same operands.
#pragma once

#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

// nodes: the live nodes of g. kept[v]: value v must exist after the run. Values that a rewrite makes
// unnecessary are no node's output any more.
std::vector<Node> fuse_layers(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept);

}  // namespace hardy::graph
