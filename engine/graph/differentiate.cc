// Reverse-mode differentiation, graph to graph.
#include <algorithm>

#include "engine/graph/graph.h"
#include "engine/ops/arithmetic.h"

namespace hardy::graph {

std::vector<Tensor> differentiate(Graph& g, Tensor loss, std::span<const Tensor> wrt) {
  const std::size_t forward_nodes = g.nodes().size();
  const auto at = [](Tensor t) { return static_cast<std::size_t>(t.id); };

  std::vector<char> wanted(g.values(), 0);  // does the value depend on something in wrt?
  for (Tensor t : wrt) wanted[at(t)] = 1;
  for (std::size_t n = 0; n < forward_nodes; ++n) {
    const Node& node = g.nodes()[n];
    if (!node.op->gradient) continue;
    for (Tensor in : node.inputs)
      if (wanted[at(in)])
        for (Tensor out : node.outputs) wanted[at(out)] = 1;
  }

  std::vector<Tensor> gradient(g.values());
  gradient[at(loss)] = ops::fill(g, g.type(loss), g.shape(loss), 1.0);
  for (std::size_t n = forward_nodes; n-- > 0;) {
    const Node node = g.nodes()[n];  // a copy: rules append nodes
    if (!node.op->gradient) continue;
    bool flows = false, needed = false;
    std::vector<Tensor> outs;
    for (Tensor out : node.outputs) {
      outs.push_back(gradient[at(out)]);
      flows = flows || outs.back();
    }
    for (Tensor in : node.inputs) needed = needed || wanted[at(in)];
    if (!flows || !needed) continue;
    const std::vector<Tensor> ins = node.op->gradient(g, node, outs);
    for (std::size_t i = 0; i < ins.size(); ++i) {
      const Tensor in = node.inputs[i];
      if (!ins[i] || !wanted[at(in)]) continue;
      if (!(g.shape(ins[i]) == g.shape(in)))
        g.shape_error(node.op->name, "its gradient rule gave a wrong shape", {in, ins[i]});
      gradient[at(in)] = gradient[at(in)] ? ops::add(g, gradient[at(in)], ins[i]) : ins[i];
    }
  }

  // Each result gets memory of its own: equal gradients (of a + b, say) may be one value up to here.
  const auto memory_of = [&](Tensor t) {
    while (g.info(t).producer >= 0 && g.nodes()[static_cast<std::size_t>(g.info(t).producer)].op->alias)
      t = g.nodes()[static_cast<std::size_t>(g.info(t).producer)].inputs[0];
    return t;
  };
  std::vector<Tensor> result, places;
  for (Tensor t : wrt) {
    Tensor d = gradient[at(t)];
    if (d && std::ranges::find(places, memory_of(d)) != places.end()) d = ops::copy(g, d);
    if (d) places.push_back(memory_of(d));
    result.push_back(d);
  }
  return result;
}

}  // namespace hardy::graph
