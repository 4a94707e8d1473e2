#include "engine/nn/mlp.h"

#include "engine/ops/arithmetic.h"
#include "engine/ops/linear.h"

namespace hardy::nn {

LayerStart MlpSpec::start(std::size_t layer) const {
  if (layer < starts.size()) return starts[layer];
  return {Initialiser::pytorch_linear(), Initialiser::pytorch_linear()};
}

std::vector<TensorSpec> mlp_tensors(const std::string& name, const MlpSpec& spec, std::int64_t agents) {
  if (spec.widths.size() < 2) throw Error("a network needs an input and an output width", name);
  std::vector<TensorSpec> tensors;
  for (std::size_t l = 0; l < spec.layers(); ++l) {
    const std::int64_t in = spec.widths[l], out = spec.widths[l + 1];
    const LayerStart start = spec.start(l);
    const std::string layer = std::to_string(l);
    const bool ensemble = spec.members > 0;
    tensors.push_back({name + "/w" + layer,
                       ensemble ? Shape{agents, spec.members, in, out} : Shape{agents, in, out}, in, out,
                       spec.members, start.weight});
    tensors.push_back({name + "/b" + layer, ensemble ? Shape{agents, spec.members, out} : Shape{agents, out},
                       in, out, spec.members, start.bias});
  }
  return tensors;
}

namespace {

graph::Tensor activate(graph::Graph& g, Nonlinearity f, graph::Tensor x) {
  switch (f) {
    case Nonlinearity::kRelu:
      return ops::relu(g, x);
    case Nonlinearity::kTanh:
      return ops::tanh(g, x);
    case Nonlinearity::kGelu:
      return ops::gelu(g, x);
    case Nonlinearity::kSilu:
      return ops::silu(g, x);
  }
  return x;
}

}  // namespace

graph::Tensor apply_mlp(graph::Graph& g, const MlpSpec& spec, std::span<const graph::Tensor> parameters,
                        graph::Tensor x, const std::string& label) {
  for (std::size_t l = 0; l < spec.layers(); ++l) {
    x = ops::add_bias(g, ops::linear(g, x, parameters[2 * l]), parameters[2 * l + 1]);
    if (l + 1 < spec.layers()) x = activate(g, spec.nonlinearity, x);
    g.name(x, label + " layer " + std::to_string(l));
  }
  return x;
}

}  // namespace hardy::nn
