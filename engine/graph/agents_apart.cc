#include "engine/graph/agents_apart.h"

#include <algorithm>

namespace hardy::graph {

AgentsApart agents_apart(const Graph& g, std::int64_t agents, std::span<const Tensor> outputs) {
  AgentsApart result{1, std::vector<char>(g.values(), 0)};
  if (agents < 2) return result;
  const auto apart = [&](Tensor t) -> char& { return result.apart[static_cast<std::size_t>(t.id)]; };
  const auto leading = [&](Tensor t) { return g.shape(t).rank() > 0 ? g.shape(t)[0] : 1; };
  for (std::size_t v = 0; v < g.values(); ++v) {
    const Tensor t{static_cast<std::int32_t>(v)};
    apart(t) = leading(t) == agents && !g.info(t).shared;
  }
  const auto fits = [&](const Node& node) {
    const bool mixes = !apart(node.outputs[0]);
    return std::ranges::all_of(node.outputs, [&](Tensor t) { return apart(t) == apart(node.outputs[0]); }) &&
           std::ranges::all_of(node.inputs, [&](Tensor t) {
             if (node.op->alias) return apart(t) == apart(node.outputs[0]);
             return apart(t) ? !mixes : mixes || g.info(t).shared || leading(t) == 1;
           });
  };
  if (std::ranges::all_of(g.nodes(), fits) &&
      std::ranges::all_of(outputs, [&](Tensor t) { return apart(t); }))
    result.count = agents;
  else
    std::ranges::fill(result.apart, 0);
  return result;
}

}  // namespace hardy::graph
