// A batch of instances with the caller's memory, random actions, and a record of everything seen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "envs/environment.h"

namespace hardy::envs {

using Record = std::vector<double>;  // observations, rewards and flags, step by step

struct EnvironmentBatch {
  explicit EnvironmentBatch(BatchEnvironment& e)
      : env(e),
        n(static_cast<std::size_t>(e.size())),
        obs(static_cast<std::size_t>(e.spec().observation_size)),
        act_size(static_cast<std::size_t>(e.spec().action_size)),
        actions(e.spec().action_size, e.spec().action_choices, n),
        observations(n * obs),
        rewards(n),
        terminated(n),
        truncated(n) {}

  std::span<double> observation(std::size_t i) { return std::span(observations).subspan(i * obs, obs); }
  // Instance i does what instance `from` of another batch does.
  void imitate(std::size_t i, const EnvironmentBatch& other, std::size_t from) {
    if (!actions.choices.empty()) {
      actions.choices[i] = other.actions.choices[from];
      return;
    }
    std::copy_n(other.actions.numbers.begin() + static_cast<std::ptrdiff_t>(from * act_size), act_size,
                actions.numbers.begin() + static_cast<std::ptrdiff_t>(i * act_size));
  }
  void reset(int i, std::uint64_t seed) { env.reset(i, seed, observation(static_cast<std::size_t>(i))); }

  // Uniform actions, numbers within the bounds or choices, drawn at (seed, t).
  void act(std::uint64_t seed, std::uint64_t t) {
    const Random random(seed, RandomStream::kExplore, t);
    for (std::size_t i = 0; i < actions.choices.size(); ++i)
      actions.choices[i] =
          static_cast<std::int32_t>(random.integer(i, static_cast<std::uint32_t>(env.spec().action_choices)));
    for (std::size_t k = 0; k < actions.numbers.size(); ++k) {
      const float low = env.spec().action_low[k % act_size], high = env.spec().action_high[k % act_size];
      actions.numbers[k] = low + (high - low) * random.uniform(k);
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
  ActionMemory actions;
  std::vector<double> observations, rewards;
  std::vector<std::uint8_t> terminated, truncated;
};

inline Record rollout(const std::string& name, int instances, int steps, std::uint64_t seed, int threads) {
  const auto env = make_environment(name, instances);
  EnvironmentBatch batch(*env);
  for (int i = 0; i < instances; ++i) batch.reset(i, seed + static_cast<std::uint64_t>(i));
  Record first(batch.observations);
  ThreadTeam team(threads);
  const Record rest = batch.run(team, steps, seed);
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

}  // namespace hardy::envs
