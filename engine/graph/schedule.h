// The order in which a plan runs its nodes, and which pointwise nodes run together block by block.
#pragma once

#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

// Nodes that run as one step: a single node, or a chain of pointwise nodes over equally many elements,
// each of whose in-chain operands is read at the element being written.
struct Step {
  std::vector<Node> nodes;
  bool chain() const { return nodes.front().op->cpu_range != nullptr; }
};

// root[v]: the value whose memory v shares (v itself, what an alias op renames or an op writes to in place).
// Alias nodes get no step; what reads a value that a node writes over comes before that node, an Error where
// it cannot. With chains = false every pointwise node is a step of its own.
std::vector<Step> schedule(const Graph& g, const std::vector<Node>& nodes, const std::vector<Tensor>& root,
                           bool chains);

}  // namespace hardy::graph
