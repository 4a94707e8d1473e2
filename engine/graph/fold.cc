#include "engine/graph/fold.h"

#include <algorithm>

#include "engine/base/threads.h"

namespace hardy::graph {
namespace {

constexpr std::size_t kMostBytes = std::size_t{2} << 20;

}  // namespace

Folded fold_constants(const Graph& g, const std::vector<Node>& nodes, const std::vector<Tensor>& root,
                      const std::vector<char>& kept) {
  Folded folded{{}, std::vector<std::vector<std::byte>>(g.values())};
  const auto at = [&](Tensor t) { return static_cast<std::size_t>(root[static_cast<std::size_t>(t.id)].id); };
  const auto value = [&](Tensor t) -> const std::vector<std::byte>& {
    const ValueInfo& info = g.info(root[static_cast<std::size_t>(t.id)]);
    return info.source == Source::kConstant ? info.data : folded.data[at(t)];
  };
  const auto bytes = [&](Tensor t) {
    return static_cast<std::size_t>(g.shape(t).elements()) * size_of(g.type(t));
  };
  ThreadTeam alone(1);
  for (const Node& node : nodes) {
    const bool constant = !node.op->alias && std::ranges::all_of(node.inputs, [&](Tensor t) {
      return !value(t).empty();
    }) && std::ranges::all_of(node.outputs, [&](Tensor t) { return !kept[at(t)] && bytes(t) <= kMostBytes; });
    if (!constant) {
      folded.nodes.push_back(node);
      continue;
    }
    std::vector<Buffer> inputs, outputs;
    for (Tensor t : node.inputs)  // kernels only read their inputs
      inputs.push_back({const_cast<std::byte*>(value(t).data()), g.type(t), g.shape(t)});
    for (Tensor t : node.outputs) {
      folded.data[at(t)].resize(bytes(t));
      outputs.push_back({folded.data[at(t)].data(), g.type(t), g.shape(t)});
    }
    const KernelCall call{inputs, outputs, node.attributes.data()};
    if (node.op->cpu_range)
      node.op->cpu_range(call, 0, outputs[0].elements());
    else
      node.op->cpu(call, alone);
  }
  std::vector<char> read(g.values(), 0);
  for (const Node& node : folded.nodes)
    for (Tensor t : node.inputs) read[at(t)] = 1;
  for (std::size_t v = 0; v < g.values(); ++v)
    if (!read[v]) folded.data[v].clear();
  return folded;
}

}  // namespace hardy::graph
