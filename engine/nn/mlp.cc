#include "engine/nn/mlp.h"

#include <array>

#include "engine/base/json.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"

namespace hardy::nn {

LayerStart MlpSpec::start(std::size_t layer) const {
  if (layer < starts.size()) return starts[layer];
  return {Initialiser::pytorch_linear(), Initialiser::pytorch_linear()};
}

namespace {

struct Named {
  const char* name;
  graph::Tensor (*apply)(graph::Graph&, graph::Tensor);
};
constexpr std::array<Named, 4> kNonlinearities{
    {{"relu", ops::relu}, {"tanh", ops::tanh}, {"gelu", ops::gelu}, {"silu", ops::silu}}};

const Named& named(Nonlinearity f) { return kNonlinearities[static_cast<std::size_t>(f)]; }

class Mlp final : public Architecture {
 public:
  explicit Mlp(const MlpSpec& spec) : spec_(spec) {
    if (spec_.widths.size() < 2) throw Error("a network needs an input and an output width", "mlp");
  }

  std::vector<TensorSpec> tensors(const std::string& name, std::int64_t agents) const override {
    std::vector<TensorSpec> all;
    for (std::size_t l = 0; l < spec_.layers(); ++l) {
      const std::int64_t in = spec_.widths[l], out = spec_.widths[l + 1], members = spec_.members;
      const LayerStart start = spec_.start(l);
      const std::string layer = std::to_string(l);
      all.push_back({name + "/w" + layer,
                     members > 0 ? Shape{agents, members, in, out} : Shape{agents, in, out}, in, out, members,
                     start.weight});
      all.push_back({name + "/b" + layer, members > 0 ? Shape{agents, members, out} : Shape{agents, out}, in,
                     out, members, start.bias});
      if (!normalised(l)) continue;
      const Shape shape = all.back().shape;
      all.push_back({name + "/scale" + layer, shape, in, out, members, Initialiser::constant(1)});
      all.push_back({name + "/shift" + layer, shape, in, out, members, Initialiser::constant(0)});
    }
    return all;
  }

  graph::Tensor apply(graph::Graph& g, std::span<const graph::Tensor> parameters, graph::Tensor x,
                      const std::string& label) const override {
    std::size_t next = 0;
    for (std::size_t l = 0; l < spec_.layers(); ++l) {
      x = ops::add_bias(g, ops::linear(g, x, parameters[next]), parameters[next + 1]);
      next += 2;
      if (l + 1 < spec_.layers()) x = named(spec_.nonlinearity).apply(g, x);
      if (normalised(l)) {
        x = ops::layer_norm(g, x, parameters[next], parameters[next + 1], 1e-6);
        next += 2;
      }
      g.name(x, label + " layer " + std::to_string(l));
    }
    return x;
  }

  std::int64_t inputs() const override { return spec_.widths.front(); }
  std::int64_t outputs() const override { return spec_.widths.back(); }
  std::int64_t members() const override { return spec_.members; }
  nlohmann::json describe() const override {
    nlohmann::json described = {{"kind", "mlp"},
                                {"widths", spec_.widths},
                                {"members", spec_.members},
                                {"nonlinearity", named(spec_.nonlinearity).name}};
    if (spec_.layer_norm) described["layer_norm"] = true;  // older readers know none
    return described;
  }

 private:
  bool normalised(std::size_t layer) const { return spec_.layer_norm && layer + 1 < spec_.layers(); }

  MlpSpec spec_;
};

ArchitecturePtr from(const nlohmann::json& d) {
  MlpSpec spec;
  spec.widths = d.at("widths").get<std::vector<std::int64_t>>();
  spec.members = d.at("members").get<std::int64_t>();
  spec.nonlinearity = nonlinearity_named(d.at("nonlinearity").get<std::string>());
  spec.layer_norm = d.value("layer_norm", false);
  return mlp(spec);
}

const RegisterArchitecture registration("mlp", from);

}  // namespace

std::string name_of(Nonlinearity f) { return named(f).name; }

Nonlinearity nonlinearity_named(const std::string& name) {
  const auto* const found = std::ranges::find(kNonlinearities, name, &Named::name);
  if (found == kNonlinearities.end())
    throw Error("there is no nonlinearity '" + name + "'", "", "there are relu, tanh, gelu and silu");
  return static_cast<Nonlinearity>(found - kNonlinearities.begin());
}

ArchitecturePtr mlp(const MlpSpec& spec) { return std::make_shared<Mlp>(spec); }

}  // namespace hardy::nn
