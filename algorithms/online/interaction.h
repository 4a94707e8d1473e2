// A learner that gathers its own data: each agent steps an environment of its own, keeps a replay
// table, and learns from it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algorithms/online/sac.h"
#include "envs/environment.h"

namespace hardy::algorithms {

struct InteractionSettings {
  std::int64_t capacity = 1000000;  // replay rows an agent; beyond them the oldest are overwritten
  std::int64_t start_steps = 5000;  // uniform random actions, no learning
  std::int64_t update_every = 1;    // environment steps a learning step
};

// Replay memory of all agents. Actions are scaled into [-1, 1], as the policy's are in the updates.
struct Replay {
  std::vector<float> observations, actions, rewards, next_observations, terminals;  // [A, capacity, ...]
  std::int32_t rows = 0;
};

class Interaction {
 public:
  Interaction(const std::string& environment, const SacSettings& sac, const InteractionSettings& settings,
              std::vector<std::uint64_t> seeds, device::Device* device = nullptr);

  // One environment step of every agent and, when it is due, one learning step.
  void iterate(ThreadTeam& team);

  std::int64_t steps_done() const { return t_; }
  Learner& learner() { return learner_; }
  const PolicySpec& policy() const { return policy_; }
  const envs::EnvSpec& spec() const { return env_->spec(); }
  const Replay& replay() const { return replay_; }
  // Return of each agent's last finished episode (NaN before the first).
  const std::vector<double>& last_returns() const { return last_returns_; }

  // What a checkpoint keeps beside the learner and the replay.
  struct State {
    std::int64_t t = 0;
    std::vector<std::uint64_t> episodes;
    std::vector<double> returns, last_returns, observations, environments;
  };
  State state() const;
  void restore(const State& state, const Replay& replay);

 private:
  void reset(std::int64_t agent);
  void store(std::int64_t agent);
  void upload();  // what store() wrote, where the learner is on a device

  SacSettings sac_;
  InteractionSettings settings_;
  std::unique_ptr<envs::BatchEnvironment> env_;
  PolicySpec policy_;
  ActionBounds bounds_;
  Learner learner_;
  Replay replay_;
  std::unique_ptr<Actor> actor_;
  std::int64_t t_ = 0;
  std::vector<std::uint64_t> episodes_;
  std::vector<double> observations_, next_, rewards_, returns_, last_returns_;
  std::vector<float> actions_, noise_;
  std::vector<std::uint8_t> terminated_, truncated_;
};

}  // namespace hardy::algorithms
