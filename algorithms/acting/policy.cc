#include "algorithms/acting/policy.h"

#include <algorithm>
#include <cmath>

#include "engine/base/nearest.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

namespace {

constexpr std::pair<Head, const char*> kHeads[] = {{Head::kDeterministic, "deterministic"},
                                                   {Head::kGaussian, "gaussian"},
                                                   {Head::kTanhGaussian, "tanh_gaussian"},
                                                   {Head::kCategorical, "categorical"},
                                                   {Head::kGreedyQ, "greedy_q"},
                                                   {Head::kDuelingQ, "dueling_q"}};

}  // namespace

bool chooses(Head head) {
  return head == Head::kCategorical || head == Head::kGreedyQ || head == Head::kDuelingQ;
}

std::string name_of(Head head) {
  for (const auto& [h, name] : kHeads)
    if (h == head) return name;
  return "?";
}

Head head_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [h, known] : kHeads) {
    if (known == name) return h;
    names.emplace_back(known);
  }
  throw Error("there is no such policy head", name, suggestion(name, names));
}

std::vector<std::int64_t> hidden_layers(const std::vector<std::int64_t>& widths) {
  return widths.size() == 1 ? std::vector<std::int64_t>(2, widths[0]) : widths;
}

std::vector<std::int64_t> layer_widths(std::int64_t in, const std::vector<std::int64_t>& hidden,
                                       std::int64_t out) {
  std::vector<std::int64_t> widths{in};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(out);
  return widths;
}

nn::ArchitecturePtr PolicySpec::mlp() const {
  const int outputs = head == Head::kTanhGaussian ? 2 * action_size
                      : head == Head::kDuelingQ   ? 1 + action_choices
                      : chooses(head)             ? action_choices
                                                  : action_size;
  nn::MlpSpec spec;
  spec.widths = layer_widths(observation_size, hidden, outputs);
  spec.nonlinearity = nonlinearity;
  return nn::mlp(spec);
}

graph::Tensor q_values(graph::Graph& g, Head head, graph::Tensor net) {
  if (head == Head::kGreedyQ) return net;
  const graph::Tensor advantage = ops::slice(g, net, 1, g.shape(net).back());
  return ops::add(g, ops::slice(g, net, 0, 1), ops::subtract(g, advantage, ops::mean(g, advantage, -1)));
}

namespace {

struct GaussianLaw {
  graph::Tensor mean, log_std;
};

// Of kGaussian and kTanhGaussian, before it is squashed.
GaussianLaw law_of(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std) {
  if (head == Head::kGaussian) return {net, ops::unsqueeze(g, ops::clamp(g, log_std, -5, 2), 1)};
  const std::int64_t actions = g.shape(net).back() / 2;
  const graph::Tensor mean = ops::slice(g, net, 0, actions);
  return {mean, ops::clamp(g, ops::slice(g, net, actions, 2 * actions), -20, 2)};
}

}  // namespace

nn::ActionSample act_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                             graph::Tensor noise) {
  if (head == Head::kDeterministic) return {ops::tanh(g, net), {}};
  const auto [mean, deviation] = law_of(g, head, net, log_std);
  if (head == Head::kGaussian)
    return noise ? nn::gaussian(g, mean, deviation, noise) : nn::ActionSample{mean, {}};
  if (!noise) return {ops::tanh(g, mean), {}};
  return nn::tanh_gaussian(g, mean, deviation, noise);
}

graph::Tensor log_prob_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                               graph::Tensor action) {
  if (head == Head::kCategorical) return nn::categorical_log_prob(g, net, action);
  if (head != Head::kGaussian && head != Head::kTanhGaussian)
    throw Error("leaves nothing to chance: its actions have no density", "policy head " + name_of(head));
  const auto [mean, deviation] = law_of(g, head, net, log_std);
  return head == Head::kGaussian ? nn::gaussian_log_prob(g, mean, deviation, action)
                                 : nn::tanh_gaussian_log_prob(g, mean, deviation, action);
}

std::vector<std::vector<float>> policy_parameters(const nn::ParameterStore& store, std::int64_t agent) {
  std::vector<std::vector<float>> tensors;
  for (int i = 0; i < store.size(); ++i)
    if (store.name(i).starts_with("policy/")) {
      const std::span<const float> x = store.agent(i, agent);
      tensors.emplace_back(x.begin(), x.end());
    }
  return tensors;
}

}  // namespace hardy::algorithms
