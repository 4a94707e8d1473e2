#include "algorithms/acting/policy.h"

#include <algorithm>
#include <cmath>

#include "algorithms/acting/sequence_actor.h"
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

void Policy::log_prob(std::span<const double>, const Actions&, std::span<float>, ThreadTeam&) {
  throw Error("says nothing of the likelihood of given actions", "policy");
}

void observe_as(const PolicySpec& spec, std::span<const double> observations, float* in) {
  const auto obs = static_cast<std::size_t>(spec.observation_size);
  const bool normalised = !spec.observation_mean.empty();
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const auto x = static_cast<float>(observations[i]);
    in[i] = normalised ? (x - spec.observation_mean[i % obs]) / spec.observation_std[i % obs] : x;
  }
}

std::int32_t choice_at(std::span<const float> log_probs, double uniform) {
  for (std::size_t k = 0; k < log_probs.size(); ++k) {
    uniform -= std::exp(static_cast<double>(log_probs[k]));
    if (uniform < 0) return static_cast<std::int32_t>(k);
  }
  return static_cast<std::int32_t>(std::ranges::max_element(log_probs) - log_probs.begin());
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

nn::ArchitecturePtr PolicySpec::network() const {
  if (!sequential()) return mlp();
  return std::make_shared<nn::DecisionTransformer>(
      nn::DecisionTransformerSpec{.observations = observation_size,
                                  .actions = action_size,
                                  .width = sequence.width,
                                  .layers = sequence.layers,
                                  .heads = sequence.heads,
                                  .times = sequence.times});
}

std::unique_ptr<Policy> make_actor(const PolicySpec& spec, std::int64_t batch,
                                   const std::vector<std::vector<float>>& parameters) {
  if (spec.sequential()) return std::make_unique<SequenceActor>(spec, batch, parameters);
  return std::make_unique<Actor>(spec, batch, parameters);
}

graph::Tensor q_values(graph::Graph& g, Head head, graph::Tensor net) {
  if (head == Head::kGreedyQ) return net;
  const graph::Tensor advantage = ops::slice(g, net, 1, g.shape(net).back());
  return ops::add(g, ops::slice(g, net, 0, 1), ops::subtract(g, advantage, ops::mean(g, advantage, -1)));
}

GaussianLaw gaussian_law(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                         double log_std_low) {
  if (head == Head::kGaussian) return {net, ops::unsqueeze(g, ops::clamp(g, log_std, -5, 2), 1)};
  const std::int64_t actions = g.shape(net).back() / 2;
  const graph::Tensor mean = ops::slice(g, net, 0, actions);
  return {mean, ops::clamp(g, ops::slice(g, net, actions, 2 * actions), log_std_low, 2)};
}

nn::ActionSample act_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                             graph::Tensor noise, double log_std_low) {
  if (head == Head::kDeterministic) return {ops::tanh(g, net), {}};
  const auto [mean, deviation] = gaussian_law(g, head, net, log_std, log_std_low);
  if (head == Head::kGaussian)
    return noise ? nn::gaussian(g, mean, deviation, noise) : nn::ActionSample{mean, {}};
  if (!noise) return {ops::tanh(g, mean), {}};
  return nn::tanh_gaussian(g, mean, deviation, noise);
}

graph::Tensor log_prob_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                               graph::Tensor action, double log_std_low) {
  if (head == Head::kCategorical) return nn::categorical_log_prob(g, net, action);
  if (head != Head::kGaussian && head != Head::kTanhGaussian)
    throw Error("leaves nothing to chance: its actions have no density", "policy head " + name_of(head));
  const auto [mean, deviation] = gaussian_law(g, head, net, log_std, log_std_low);
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
