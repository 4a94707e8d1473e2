// A policy in an environment: the one loop that interaction, evaluation and collection share.
//
//   Rollout rollout(env);
//   for (int i = 0; i < env.size(); ++i) rollout.start(i, seed_of(i), policy);
//   while (rollout.running() > 0) {
//     rollout.act(policy, draws, team);
//     rollout.step(team);                     // s, a, r, s' of what ran are in it now
//   }
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/acting/formulas.h"
#include "algorithms/acting/policy.h"
#include "envs/environment.h"

namespace hardy::algorithms {

// An even draw for row i: numbers within the bounds, or a choice. Takes draws 0, 1, ... of `draws`.
void act_uniformly(const envs::EnvSpec& spec, const Random& draws, std::size_t row, ActionMemory& actions);

// An Error where a policy of this kind cannot act there: other sizes, choices for numbers or the other way
// round. who: what is to blame, "this policy".
void require_match(const PolicySpec& policy, const envs::EnvSpec& spec, const std::string& who);

class Rollout {
 public:
  explicit Rollout(envs::BatchEnvironment& env);

  // Instance i anew; an episode ends where the task does or its time is over, and nothing starts by itself.
  void start(int i, std::uint64_t seed, Policy& policy);
  // Actions for all instances, of which those that run count. draws: one an instance, or empty for the mode.
  void act(Policy& policy, std::span<const Random> draws, ThreadTeam& team);
  // Steps the instances that run.
  void step(ThreadTeam& team);

  int running() const { return running_; }
  bool runs(int i) const { return runs_[static_cast<std::size_t>(i)] != 0; }

  // Of instance i's last step: the state it was in, what it did, what came of it. Between start() and the
  // first step next_observation is where it begins.
  std::span<const double> observation(int i) const { return row(observations_, i); }
  std::span<const double> next_observation(int i) const { return row(next_, i); }
  Actions action(int i) const;
  double reward(int i) const { return rewards_[static_cast<std::size_t>(i)]; }
  bool terminated(int i) const { return terminated_[static_cast<std::size_t>(i)] != 0; }
  bool truncated(int i) const { return truncated_[static_cast<std::size_t>(i)] != 0; }
  float log_prob(int i) const { return log_probs_[static_cast<std::size_t>(i)]; }

  ActionMemory& actions() { return actions_; }  // what step() will do: to be written over after act()
  envs::BatchEnvironment& environment() { return env_; }
  // Where all instances are now, [n, obs]; resume() goes on from there, all of them running.
  std::span<const double> now() const { return next_; }
  void resume(std::span<const double> now);

 private:
  std::span<const double> row(const std::vector<double>& x, int i) const {
    return std::span(x).subspan(static_cast<std::size_t>(i) * observation_size_, observation_size_);
  }

  envs::BatchEnvironment& env_;
  std::size_t observation_size_;
  std::vector<double> observations_, next_, rewards_;
  ActionMemory actions_;
  std::vector<float> log_probs_;
  std::vector<std::uint8_t> terminated_, truncated_, runs_;
  int running_ = 0;
};

}  // namespace hardy::algorithms
