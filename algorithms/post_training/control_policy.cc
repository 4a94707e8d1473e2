#include "algorithms/post_training/control_policy.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/nn/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"

namespace hardy::algorithms {
namespace {

using graph::Graph;
using graph::Tensor;

// sum_d (log_std_d + log(2 pi e) / 2) for each of the rows of `like` [A, B].
Tensor gaussian_entropy(Graph& g, Tensor log_std, Tensor like) {
  const Tensor each = ops::affine(g, log_std, 1, nn::kHalfLog2Pi + 0.5);
  return ops::add(g, ops::squeeze(g, ops::sum(g, each, -1), -1), ops::fill(g, DType::kF32, g.shape(like), 0));
}

}  // namespace

ControlLaw law_of(Graph& g, const PolicySpec& spec, Tensor net, Tensor log_std, Tensor drawn) {
  if (chooses(spec.head)) return {nn::categorical_log_prob(g, net, drawn), nn::categorical_entropy(g, net)};
  const GaussianLaw law = gaussian_law(g, spec.head, net, log_std, spec.log_std_low);
  const Tensor log_prob = nn::gaussian_log_prob(g, law.mean, law.log_std, drawn);
  return {log_prob, gaussian_entropy(g, law.log_std, log_prob)};
}

void drawn_of(const PolicySpec& spec, std::span<float> actions) {
  spec.bounds().scale(actions);
  if (spec.head != Head::kTanhGaussian) return;
  for (float& a : actions)
    a = static_cast<float>(std::atanh(std::clamp(static_cast<double>(a), -1 + 1e-6, 1 - 1e-6)));
}

ControlSampler::ControlSampler(const PolicySpec& spec, std::int64_t rows, nn::ParameterStore& store)
    : spec_(spec), bounds_(spec.bounds()) {
  const std::int64_t A = store.agents();
  const nn::ArchitecturePtr network = spec.mlp();
  std::vector<Tensor> parameters;
  for (const nn::TensorSpec& t : network->tensors("policy", A))
    parameters.push_back(graph_.parameter(t.name, DType::kF32, t.shape));
  observations_ = graph_.input("observations", DType::kF32, {A, rows, spec.observation_size});
  const Tensor net = network->apply(graph_, parameters, observations_, "policy");
  std::vector<Tensor> outputs;
  if (chooses(spec.head)) {
    log_prob_ = ops::log_softmax(graph_, net);
    entropy_ = nn::categorical_entropy(graph_, net);
  } else {
    Tensor log_std;
    if (spec.head == Head::kGaussian) {
      log_std = graph_.parameter("policy/log_std", DType::kF32, {A, spec.action_size});
      parameters.push_back(log_std);
    }
    noise_ = graph_.input("noise", DType::kF32, {A, rows, spec.action_size});
    const GaussianLaw law = gaussian_law(graph_, spec.head, net, log_std, spec.log_std_low);
    drawn_ = ops::map(graph_, nn::Reparameterise{}, law.mean, law.log_std, noise_);
    log_prob_ = nn::gaussian_log_prob(graph_, law.mean, law.log_std, drawn_);
    entropy_ = gaussian_entropy(graph_, law.log_std, log_prob_);
    outputs.push_back(drawn_);
  }
  outputs.push_back(log_prob_);
  outputs.push_back(entropy_);
  plan_ = std::make_unique<graph::Plan>(graph_, outputs);
  for (const Tensor t : parameters) {
    const int index = store.find(graph_.info(t).name);
    if (index < 0) throw Error("the learner has no such parameter", graph_.info(t).name);
    plan_->bind(t, store.value(index));
  }
}

void ControlSampler::act(std::span<const double> observations, std::span<const Random> draws,
                         ActionMemory& actions, std::span<float> log_probs, ThreadTeam& team) {
  observe_as(spec_, observations, plan_->data<float>(observations_));
  const auto width = static_cast<std::size_t>(spec_.action_size);
  if (noise_) {
    float* noise = plan_->data<float>(noise_);
    for (std::size_t i = 0; i < actions.numbers.size(); ++i)
      noise[i] = draws.empty() ? 0.0f : static_cast<float>(draws[i / width].normal(i % width));
  }
  plan_->run(team);
  const std::span<const float> log_prob = values(log_prob_);
  if (noise_) {
    std::ranges::copy(log_prob, log_probs.begin());
    const std::span<const float> u = drawn();
    for (std::size_t i = 0; i < u.size(); ++i) {
      const std::size_t k = i % width;
      const float a = spec_.head == Head::kTanhGaussian ? std::tanh(u[i]) : u[i];
      actions.numbers[i] = std::clamp(bounds_.stretched(a, k), bounds_.low[k], bounds_.high[k]);
    }
    return;
  }
  const auto n = static_cast<std::size_t>(spec_.action_choices);
  for (std::size_t row = 0; row < actions.choices.size(); ++row) {
    const std::span<const float> scores = log_prob.subspan(row * n, n);
    const std::int32_t choice =
        draws.empty() ? static_cast<std::int32_t>(std::ranges::max_element(scores) - scores.begin())
                      : choice_at(scores, draws[row].uniform64(0));
    actions.choices[row] = choice;
    log_probs[row] = scores[static_cast<std::size_t>(choice)];
  }
}

}  // namespace hardy::algorithms
