// What only outputs on demand need of a graph (PlanOptions::on_demand): work that a run leaves out.
#pragma once

#include <vector>

#include "engine/graph/agents_apart.h"

namespace hardy::graph {

// The nodes that what is on demand alone needs, taken out of `nodes`: all but those that read what somebody
// may have changed once a run is over, or what agents that run apart each compute for all. needed[v]: an
// output of every run.
std::vector<Node> take_on_demand(const Graph& g, const AgentsApart& agents, std::vector<Node>& nodes,
                                 std::vector<char> needed);

}  // namespace hardy::graph
