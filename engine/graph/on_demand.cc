#include "engine/graph/on_demand.h"

#include <algorithm>
#include <utility>

namespace hardy::graph {

std::vector<Node> take_on_demand(const Graph& g, const AgentsApart& agents, std::vector<Node>& nodes,
                                 std::vector<char> needed) {
  const auto lasts = [&](Tensor t) {
    const Source source = g.info(g.memory_of(t)).source;
    return source == Source::kConstant ||
           (source == Source::kComputed &&
            (agents.count == 1 || agents.apart[static_cast<std::size_t>(t.id)]));
  };
  std::vector<char> always(nodes.size(), 0);
  for (bool more = true; more;) {  // fusion leaves nodes in no order
    more = false;
    for (std::size_t n = nodes.size(); n-- > 0;) {
      if (always[n]) continue;
      always[n] = !std::ranges::all_of(nodes[n].inputs, lasts) ||
                  std::ranges::any_of(nodes[n].outputs,
                                      [&](Tensor t) { return needed[static_cast<std::size_t>(t.id)]; });
      if (!always[n]) continue;
      for (Tensor t : nodes[n].inputs) needed[static_cast<std::size_t>(t.id)] = 1;
      more = true;
    }
  }
  std::vector<Node> run, later;
  for (std::size_t n = 0; n < nodes.size(); ++n) (always[n] ? run : later).push_back(std::move(nodes[n]));
  nodes = std::move(run);
  return later;
}

}  // namespace hardy::graph
