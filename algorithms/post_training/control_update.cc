#include "algorithms/post_training/control_update.h"

#include "algorithms/post_training/control_policy.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

ControlUpdate::ControlUpdate(Learner& learner, const PolicySpec& spec, const ControlNetworks& policy,
                             const ControlNetworks* reference, const SequenceLoss& by, const Descent& descent,
                             std::int64_t steps, std::int64_t episodes)
    : SequenceUpdate(learner.agents(), episodes, steps, by.rollouts.token),
      steps_(static_cast<std::size_t>(steps)),
      obs_(static_cast<std::size_t>(spec.observation_size)),
      act_(static_cast<std::size_t>(spec.action_size)) {
  const std::int64_t A = learner.agents(), S = episodes, T = steps;
  const auto rows = static_cast<std::size_t>(A * S * T);
  observations_.resize(rows * obs_);
  drawn_.resize(chooses(spec.head) ? 0 : rows * act_);
  choices_.resize(chooses(spec.head) ? rows : 0);
  Update& u = learner.update("policy").accumulate(*this);
  graph::Graph& g = u.graph();
  const Tensor observations =
      u.table("observations", DType::kF32, {A, S * T, spec.observation_size}, observations_.data(), false);
  const Tensor drawn =
      chooses(spec.head) ? u.table("choices", DType::kI32, {A, S * T}, choices_.data(), false)
                         : u.table("drawn", DType::kF32, {A, S * T, spec.action_size}, drawn_.data(), false);
  const auto law = [&](const ControlNetworks& whose) {
    const Tensor log_std = whose.log_std.tensors.empty() ? Tensor{} : u.parameter(whose.log_std, 0);
    return law_of(g, spec, u.apply(whose.net, observations), log_std, drawn);
  };
  const auto by_episode = [&](Tensor x) { return ops::reshape(g, x, {A, S, T}); };
  const ControlLaw own = law(policy);
  SequenceScores scores{by_episode(own.log_prob), by_episode(own.entropy), std::nullopt};
  if (reference) scores.log_reference = ops::stop_gradient(g, by_episode(law(*reference).log_prob));
  const Tensor loss = sequence_loss(u, arrays(), by, scores);
  if (policy.log_std.tensors.empty())
    u.minimise("policy", loss, {policy.net}, descent);
  else
    u.minimise("policy", loss, {policy.net, policy.log_std}, descent);
}

void ControlUpdate::clear() {
  std::ranges::fill(observations_, 0.0f);
  std::ranges::fill(drawn_, 0.0f);
  std::ranges::fill(choices_, 0);
}

void ControlUpdate::put(const ControlRow& row, std::size_t at) {
  const auto copy = [&](const auto& from, auto& to, std::size_t width) {
    if (!from.empty()) std::ranges::copy(from, to.begin() + static_cast<std::ptrdiff_t>(at * steps_ * width));
  };
  copy(row.episode->observations, observations_, obs_);
  copy(row.episode->drawn, drawn_, act_);
  copy(row.episode->choices, choices_, 1);
}

}  // namespace hardy::algorithms
