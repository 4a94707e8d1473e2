#include "engine/nn/decision_transformer.h"

#include <array>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/attention.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/reshape.h"

namespace hardy::nn {
namespace {

using graph::Graph;
using graph::Tensor;

// The network's tensors: the embeddings and their norm, of each layer those of Part, the last norm, the head.
enum Embedding {
  kReturnW,
  kReturnB,
  kObservationW,
  kObservationB,
  kActionW,
  kActionB,
  kTime,
  kScale,
  kShift,
  kLayers
};
enum Part {
  kScale1,
  kShift1,
  kQkvW,
  kQkvB,
  kOutW,
  kOutB,
  kScale2,
  kShift2,
  kUpW,
  kUpB,
  kDownW,
  kDownB,
  kParts
};
enum Last { kLastScale, kLastShift, kHeadW, kHeadB };

constexpr double kEpsilon = 1e-5, kDeviation = 0.02;

}  // namespace

void DecisionTransformerSpec::check() const {
  const auto require = [](bool right, const char* key, std::int64_t value, const std::string& why) {
    if (!right) throw Error(why, std::string(key) + " " + std::to_string(value));
  };
  require(observations >= 1, "observations", observations, "is not at least 1");
  require(actions >= 1, "actions", actions, "is not at least 1");
  require(layers >= 1, "layers", layers, "is not at least 1");
  require(heads >= 1 && width >= 1 && width % std::max<std::int64_t>(heads, 1) == 0, "width", width,
          "is no multiple of the heads, of which there are " + std::to_string(heads));
  require(times >= 1, "times", times, "is not at least 1");
}

std::vector<TensorSpec> DecisionTransformer::tensors(const std::string& name, std::int64_t agents) const {
  const std::int64_t d = spec_.width;
  // As published: weights and embeddings of deviation 0.02, uniform here, and biases of 0.
  const Initialiser weight = Initialiser::uniform(kDeviation * std::sqrt(3.0)),
                    zero = Initialiser::constant(0), one = Initialiser::constant(1);
  std::vector<TensorSpec> all;
  const auto linear = [&](const std::string& part, std::int64_t in, std::int64_t out) {
    all.push_back({name + "/" + part + "_w", {agents, in, out}, in, out, 0, weight});
    all.push_back({name + "/" + part + "_b", {agents, out}, in, out, 0, zero});
  };
  const auto norm = [&](const std::string& part) {
    all.push_back({name + "/" + part + "_scale", {agents, d}, d, d, 0, one});
    all.push_back({name + "/" + part + "_shift", {agents, d}, d, d, 0, zero});
  };
  linear("return", 1, d);
  linear("observation", spec_.observations, d);
  linear("action", spec_.actions, d);
  all.push_back({name + "/time", {agents, spec_.times, d}, spec_.times, d, 0, weight});
  norm("norm");
  for (std::int64_t l = 0; l < spec_.layers; ++l) {
    const std::string layer = "layer" + std::to_string(l) + "/";
    norm(layer + "norm1");
    linear(layer + "qkv", d, 3 * d);
    linear(layer + "out", d, d);
    norm(layer + "norm2");
    linear(layer + "up", d, 4 * d);
    linear(layer + "down", 4 * d, d);
  }
  norm("last_norm");
  linear("head", d, spec_.actions);
  return all;
}

DecisionTransformer::Hidden DecisionTransformer::hidden(Graph& g, std::span<const Tensor> parameters,
                                                        const StepWindows& in, bool of_actions,
                                                        const Drops& drops) const {
  const std::int64_t A = g.shape(in.times)[0], B = in.B, T = in.T, d = spec_.width, H = spec_.heads;
  const auto linear = [&](Tensor x, std::span<const Tensor> p, std::size_t w) {
    return ops::add_bias(g, ops::linear(g, x, p[w]), p[w + 1]);
  };
  const auto norm = [&](Tensor x, std::span<const Tensor> p, std::size_t scale) {
    return ops::layer_norm(g, x, p[scale], p[scale + 1], kEpsilon);
  };
  const auto dropped = [&](const Drop& drop, Tensor x) { return drop ? drop(g, x) : x; };

  const Tensor time = ops::gather_rows(g, parameters[kTime], ops::reshape(g, in.times, {A, B * T}));
  const auto token = [&](Tensor x, std::int64_t size, std::size_t w) {
    const Tensor y = ops::add(g, linear(ops::reshape(g, x, {A, B * T, size}), parameters, w), time);
    return ops::reshape(g, y, {A, B * T, 1, d});
  };
  Tensor x =
      ops::concat(g,
                  {token(in.returns, 1, kReturnW), token(in.observations, spec_.observations, kObservationW),
                   token(in.actions, spec_.actions, kActionW)},
                  2);
  x = dropped(drops.tokens, norm(ops::reshape(g, x, {A, 3 * B * T, d}), parameters, kScale));
  // Of each step the observation's token, and the action's where it is asked for.
  const std::int64_t read = of_actions ? 2 : 1;
  const auto picked = [&](Tensor tokens) {
    const Tensor steps = ops::slice(g, ops::reshape(g, tokens, {A, B * T, 3 * d}), d, (1 + read) * d);
    return ops::reshape(g, steps, {A, read * B * T, d});
  };
  for (std::int64_t l = 0; l < spec_.layers; ++l) {
    const std::span<const Tensor> p =
        parameters.subspan(kLayers + static_cast<std::size_t>(l) * kParts, kParts);
    const Tensor qkv = linear(norm(x, p, kScale1), p, kQkvW);
    const auto part = [&](std::int64_t i) {
      return ops::reshape(g, ops::slice(g, qkv, i * d, (i + 1) * d), {A, B, 3 * T, H, d / H});
    };
    Tensor y = ops::reshape(g, ops::attention(g, part(0), part(1), part(2), in.token_starts, in.token_ends),
                            {A, 3 * B * T, d});
    if (l + 1 == spec_.layers) x = picked(x), y = picked(y);  // nobody reads the others any more
    x = ops::add(g, x, dropped(drops.residual, linear(y, p, kOutW)));
    const Tensor inner = ops::gelu(g, linear(norm(x, p, kScale2), p, kUpW));
    x = ops::add(g, x, dropped(drops.residual, linear(inner, p, kDownW)));
  }
  x = norm(x, parameters.last(4), kLastScale);
  if (!of_actions) return {x, {}};
  const Tensor both = ops::reshape(g, x, {A, B * T, 2 * d});
  return {ops::slice(g, both, 0, d), ops::slice(g, both, d, 2 * d)};
}

Tensor DecisionTransformer::actions(Graph& g, std::span<const Tensor> parameters,
                                    Tensor of_observations) const {
  const std::span<const Tensor> p = parameters.last(4);
  return ops::tanh(g, ops::add_bias(g, ops::linear(g, of_observations, p[kHeadW]), p[kHeadB]));
}

Tensor DecisionTransformer::apply(Graph&, std::span<const Tensor>, Tensor, const std::string& label) const {
  throw Error("is a decision transformer, which takes windows of steps", label, "call hidden()");
}

nlohmann::json DecisionTransformer::describe() const {
  return {{"kind", "decision_transformer"},
          {"observations", spec_.observations},
          {"actions", spec_.actions},
          {"width", spec_.width},
          {"layers", spec_.layers},
          {"heads", spec_.heads},
          {"times", spec_.times}};
}

namespace {
const RegisterArchitecture registration("decision_transformer",
                                        [](const nlohmann::json& d) -> ArchitecturePtr {
                                          DecisionTransformerSpec s;
                                          for (const auto& [key, place] :
                                               {std::pair{"observations", &s.observations},
                                                std::pair{"actions", &s.actions},
                                                std::pair{"width", &s.width}, std::pair{"layers", &s.layers},
                                                std::pair{"heads", &s.heads}, std::pair{"times", &s.times}})
                                            *place = d.at(key).get<std::int64_t>();
                                          return std::make_shared<DecisionTransformer>(s);
                                        });
}  // namespace

}  // namespace hardy::nn
