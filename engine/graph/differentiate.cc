// Reverse-mode differentiation, graph to graph.
#include <algorithm>

#include "engine/graph/device_kernels.h"
#include "engine/graph/graph.h"

namespace hardy::graph {
namespace {

GradientOps& ops() {
  static GradientOps given{};
  return given;
}

bool real(const Graph& g, Tensor t) { return g.type(t) == DType::kF32 || g.type(t) == DType::kF64; }

}  // namespace

RegisterGradientOps::RegisterGradientOps(const GradientOps& given) { ops() = given; }

std::vector<Tensor> differentiate_from(Graph& g, std::size_t first, std::span<const Tensor> outputs,
                                       std::span<const Tensor> seeds, std::span<const Tensor> wrt) {
  const std::size_t end = g.nodes().size();
  const auto at = [](Tensor t) { return static_cast<std::size_t>(t.id); };

  std::vector<char> wanted(g.values(), 0);  // is the value real, and does it depend on something in wrt?
  for (Tensor t : wrt) {
    if (!real(g, t)) g.shape_error("differentiate", "only by f32 and f64 values", {t});
    wanted[at(t)] = 1;
  }
  for (std::size_t n = first; n < end; ++n) {
    const Node& node = g.nodes()[n];
    if (node.op->stops) continue;
    for (Tensor in : node.inputs)
      if (wanted[at(in)])
        for (Tensor out : node.outputs) wanted[at(out)] = real(g, out);
  }

  std::vector<Tensor> gradient(g.values());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (seeds[i])
      gradient[at(outputs[i])] =
          gradient[at(outputs[i])] ? ops().add(g, gradient[at(outputs[i])], seeds[i]) : seeds[i];
  for (std::size_t n = end; n-- > first;) {
    const Node node = g.nodes()[n];  // a copy: rules append nodes
    if (node.op->stops) continue;
    bool flows = false, needed = false;
    std::vector<Tensor> outs;
    for (Tensor out : node.outputs) {
      outs.push_back(gradient[at(out)]);
      flows = flows || outs.back();
    }
    for (Tensor in : node.inputs) needed = needed || wanted[at(in)];
    if (!flows || !needed) continue;
    if (!node.op->gradient)
      g.shape_error(
          kernel_key(*node.op).c_str(),
          "has no gradient rule, and a gradient would pass through it (stop_gradient says where one "
          "shall end)",
          node.inputs);
    const std::vector<Tensor> ins = node.op->gradient(g, node, outs);
    for (std::size_t i = 0; i < ins.size(); ++i) {
      const Tensor in = node.inputs[i];
      if (!ins[i] || !wanted[at(in)]) continue;
      if (!(g.shape(ins[i]) == g.shape(in)))
        g.shape_error(node.op->name, "its gradient rule gave a wrong shape", {in, ins[i]});
      gradient[at(in)] = gradient[at(in)] ? ops().add(g, gradient[at(in)], ins[i]) : ins[i];
    }
  }
  std::vector<Tensor> result;
  for (Tensor t : wrt) result.push_back(gradient[at(t)]);
  return result;
}

std::vector<Tensor> differentiate(Graph& g, Tensor loss, std::span<const Tensor> wrt) {
  if (!real(g, loss)) g.shape_error("differentiate", "only f32 and f64 values have gradients", {loss});
  const Tensor one = ops().fill(g, g.type(loss), g.shape(loss), 1.0);
  std::vector<Tensor> result = differentiate_from(g, 0, {&loss, 1}, {&one, 1}, wrt);

  // Each result gets memory of its own: equal gradients (of a + b, say) may be one value up to here.
  std::vector<Tensor> places;
  for (Tensor& d : result) {
    if (d && std::ranges::find(places, g.memory_of(d)) != places.end()) d = ops().copy(g, d);
    if (d) places.push_back(g.memory_of(d));
  }
  return result;
}

}  // namespace hardy::graph
