// Pointwise steps of a device's plan that become one launch, so that no launch begins later for it.
#pragma once

#include <functional>
#include <vector>

#include "engine/graph/schedule.h"

namespace hardy::graph {

// steps: a node each, in an order that serves. The level of a step is the length of the longest way to it, in
// launches. A node that `may_chain` joins the chain that makes one of its operands, or one of its own level
// that reads what it reads, where all else that it reads comes from lower levels: so the chain begins when it
// did without it. The steps that are left are in an order that serves.
std::vector<Step> join_chains(const Graph& g, const std::vector<Step>& steps,
                              const std::function<bool(const Node&)>& may_chain);

}  // namespace hardy::graph
