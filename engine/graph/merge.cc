#include "engine/graph/merge.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace hardy::graph {

std::vector<Node> merge_equal(const Graph& g, const std::vector<Node>& nodes, const std::vector<char>& kept) {
  std::vector<Tensor> reads(g.values());  // by value: the one that is read in its place
  for (std::size_t v = 0; v < reads.size(); ++v) reads[v] = {static_cast<std::int32_t>(v)};
  const auto at = [](Tensor t) { return static_cast<std::size_t>(t.id); };

  std::vector<char> stays(g.values(), 0);
  for (const Node& node : nodes)
    if (node.op->alias || node.op->writes) stays[at(node.inputs[0])] = 1;
  const auto lasts = [&](Tensor t) { return stays[at(t)] || kept[at(g.memory_of(t))]; };

  // What a node computes, but for its outputs' types and shapes.
  using Key = std::tuple<const Op*, std::vector<std::int32_t>, std::vector<std::byte>>;
  std::map<Key, std::size_t> found;
  std::vector<Node> left;
  for (const Node& original : nodes) {
    Node node = original;
    std::vector<std::int32_t> operands;
    for (Tensor& t : node.inputs) operands.push_back((t = reads[at(t)]).id);
    const bool own = node.op->writes || std::ranges::any_of(node.outputs, lasts);
    const auto [place, fresh] = own ? std::pair{found.end(), true}
                                    : found.try_emplace({node.op, operands, node.attributes}, left.size());
    const auto same = [&](const Node& other) {
      return std::ranges::equal(node.outputs, other.outputs, [&](Tensor a, Tensor b) {
        return g.type(a) == g.type(b) && g.shape(a) == g.shape(b);
      });
    };
    if (fresh || !same(left[place->second])) {
      left.push_back(std::move(node));
      continue;
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      reads[at(node.outputs[i])] = left[place->second].outputs[i];
  }
  return left;
}

}  // namespace hardy::graph
