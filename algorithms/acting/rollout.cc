#include "algorithms/acting/rollout.h"

#include <algorithm>

#include "algorithms/acting/actions.h"
#include "engine/base/error.h"

namespace hardy::algorithms {

void act_uniformly(const envs::EnvSpec& spec, const Random& draws, std::size_t row, ActionMemory& actions) {
  if (spec.discrete()) {
    actions.choices[row] = evenly(spec.action_choices, draws.uniform(0));
    return;
  }
  const auto act = static_cast<std::size_t>(spec.action_size);
  for (std::size_t k = 0; k < act; ++k)
    actions.numbers[row * act + k] = evenly(spec.action_low[k], spec.action_high[k], draws.uniform(k));
}

void require_match(const PolicySpec& policy, const envs::EnvSpec& spec, const std::string& who) {
  if (!chooses(policy.head)) {
    require_continuous(spec, who);
  } else if (!spec.discrete()) {
    throw Error("its actions are numbers within bounds", spec.name,
                who + " acts by one of several choices; take a task of discrete actions");
  }
  const auto sizes = [](int observations, int actions, int choices) {
    return std::to_string(observations) + " observations and " +
           (choices > 0 ? std::to_string(choices) + " choices" : std::to_string(actions) + " actions");
  };
  const std::string its = sizes(policy.observation_size, policy.action_size, policy.action_choices),
                    there = sizes(spec.observation_size, spec.action_size, spec.action_choices);
  if (its != there)
    throw Error("the policy's sizes are not the environment's", spec.name,
                who + " has " + its + ", " + spec.name + " has " + there);
}

Rollout::Rollout(envs::BatchEnvironment& env)
    : env_(env),
      observation_size_(static_cast<std::size_t>(env.spec().observation_size)),
      actions_(env.spec().action_size, env.spec().action_choices, static_cast<std::size_t>(env.size())) {
  const auto n = static_cast<std::size_t>(env.size());
  observations_.resize(n * observation_size_);
  next_.resize(n * observation_size_);
  rewards_.resize(n);
  log_probs_.resize(n);
  terminated_.resize(n);
  truncated_.resize(n);
  runs_.resize(n);
}

void Rollout::start(int i, std::uint64_t seed, Policy& policy) {
  const auto n = static_cast<std::size_t>(i);
  env_.reset(i, seed, std::span(next_).subspan(n * observation_size_, observation_size_));
  policy.start(i);
  rewards_[n] = 0;
  running_ += runs_[n] == 0;
  runs_[n] = 1;
}

void Rollout::act(Policy& policy, std::span<const Random> draws, ThreadTeam& team) {
  policy.rewarded(rewards_);
  policy.act(next_, draws, actions_, log_probs_, team);
}

void Rollout::step(ThreadTeam& team) {
  std::ranges::copy(next_, observations_.begin());
  envs::step_all(env_, team, actions_, next_, rewards_, terminated_, truncated_, runs_);
  for (std::size_t i = 0; i < runs_.size(); ++i)
    if (runs_[i] && (terminated_[i] || truncated_[i])) runs_[i] = 0, --running_;
}

Actions Rollout::action(int i) const {
  const auto n = static_cast<std::size_t>(i);
  if (!actions_.choices.empty()) return std::span(actions_.choices).subspan(n, 1);
  const std::size_t act = actions_.numbers.size() / runs_.size();
  return std::span(actions_.numbers).subspan(n * act, act);
}

void Rollout::resume(std::span<const double> now) {
  std::ranges::copy(now, next_.begin());
  std::ranges::fill(runs_, std::uint8_t{1});
  running_ = static_cast<int>(runs_.size());
}

}  // namespace hardy::algorithms
