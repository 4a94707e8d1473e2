// Agents apart: a graph whose values carry a leading agent axis, seen for one agent alone. On a CPU the
// agents then take their steps one by one, each in a core's own cache, instead of kernel by kernel together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

struct AgentsApart {
  std::int64_t count = 1;   // agents that run apart; 1: the graph cannot be taken apart, or has one agent
  std::vector<char> apart;  // by value: has an entry for each of them
};

// A value is apart if its leading axis is the agents' and all that it is computed from is apart too, shared
// (Graph::shared_input), or stretched from a leading axis of 1. A graph where anything mixes agents, or that
// has an output which is not apart, stays whole.
AgentsApart agents_apart(const Graph& g, std::int64_t agents, std::span<const Tensor> outputs);

}  // namespace hardy::graph
