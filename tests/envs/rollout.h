// A batch of instances with the caller's memory, random actions, and a record of everything seen.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "envs/environment.h"

namespace hardy::envs {

using Record = std::vector<double>;  // observations, rewards and flags, step by step

struct Batch {
  explicit Batch(BatchEnvironment& e)
      : env(e),
        n(static_cast<std::size_t>(e.size())),
        obs(static_cast<std::size_t>(e.spec().observation_size)),
        act_size(static_cast<std::size_t>(e.spec().action_size)),
        actions(n * act_size),
        observations(n * obs),
        rewards(n),
        terminated(n),
        truncated(n) {}

  std::span<double> observation(std::size_t i) { return std::span(observations).subspan(i * obs, obs); }
  std::span<float> action(std::size_t i) { return std::span(actions).subspan(i * act_size, act_size); }
  void reset(int i, std::uint64_t seed) { env.reset(i, seed, observation(static_cast<std::size_t>(i))); }

  // Uniform actions within the bounds, drawn at (seed, t).
  void act(std::uint64_t seed, std::uint64_t t) {
    const Random random(seed, Stream::kExplore, t);
    for (std::size_t k = 0; k < actions.size(); ++k) {
      const float low = env.spec().action_low[k % act_size], high = env.spec().action_high[k % act_size];
      actions[k] = low + (high - low) * random.uniform(k);
    }
  }

  void step(ThreadTeam& team) { step_all(env, team, actions, observations, rewards, terminated, truncated); }

  // Steps with random actions, whether episodes end or not.
  Record run(ThreadTeam& team, int steps, std::uint64_t seed) {
    Record record;
    for (int t = 0; t < steps; ++t) {
      act(seed, static_cast<std::uint64_t>(t));
      step(team);
      record.insert(record.end(), observations.begin(), observations.end());
      record.insert(record.end(), rewards.begin(), rewards.end());
      record.insert(record.end(), terminated.begin(), terminated.end());
      record.insert(record.end(), truncated.begin(), truncated.end());
    }
    return record;
  }

  BatchEnvironment& env;
  std::size_t n, obs, act_size;
  std::vector<float> actions;
  std::vector<double> observations, rewards;
  std::vector<std::uint8_t> terminated, truncated;
};

inline Record rollout(const std::string& name, int instances, int steps, std::uint64_t seed, int threads) {
  const auto env = make_environment(name, instances);
  Batch batch(*env);
  for (int i = 0; i < instances; ++i) batch.reset(i, seed + static_cast<std::uint64_t>(i));
  Record first(batch.observations);
  ThreadTeam team(threads);
  const Record rest = batch.run(team, steps, seed);
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

}  // namespace hardy::envs
