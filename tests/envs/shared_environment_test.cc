#include "envs/shared_environment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/comm/agree.h"
#include "tests/engine/comm/thread_ranks.h"

namespace hardy::envs {
namespace {

using test::ThreadRanks;

// All that a batch says in 30 steps of five instances, some of which do not run, and its states at the end.
std::vector<double> told(BatchEnvironment& env) {
  const auto n = static_cast<std::size_t>(env.size()),
             obs = static_cast<std::size_t>(env.spec().observation_size);
  std::vector<double> all, observations(n * obs), rewards(n);
  std::vector<std::uint8_t> terminated(n), truncated(n), running(n, 1);
  ActionMemory actions(env.spec().action_size, env.spec().action_choices, n);
  ThreadTeam team(1);
  for (int i = 0; i < env.size(); ++i)
    env.reset(i, static_cast<std::uint64_t>(10 + i),
              std::span(observations).subspan(static_cast<std::size_t>(i) * obs, obs));
  all = observations;
  for (std::uint64_t t = 0; t < 30; ++t) {
    const Random draws(7, RandomStream::kUser, t);
    for (std::size_t i = 0; i < actions.choices.size(); ++i) actions.choices[i] = draws.uniform(i) < 0.7f;
    for (std::size_t i = 0; i < actions.numbers.size(); ++i) actions.numbers[i] = draws.uniform(i) - 0.5f;
    running[1] = t % 3 == 0;
    step_all(env, team, actions, observations, rewards, terminated, truncated, running);
    all.insert(all.end(), observations.begin(), observations.end());
    all.insert(all.end(), rewards.begin(), rewards.end());
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(terminated[i]);
      all.push_back(truncated[i]);
      if (!running[i] || (!terminated[i] && !truncated[i])) continue;
      env.reset(static_cast<int>(i), 100 + t, std::span(observations).subspan(i * obs, obs));
    }
  }
  if (auto* shared = dynamic_cast<SharedEnvironment*>(&env)) shared->gather_states();
  std::vector<double> state(env.state_size());
  for (int i = 0; i < env.size(); ++i) {
    env.save_state(i, state);
    all.insert(all.end(), state.begin(), state.end());
  }
  all.push_back(static_cast<double>(env.clipped_actions()));
  return all;
}

TEST(SharedEnvironment, SaysOnEveryRankWhatOneProcessDoes) {
  for (const char* name : {"cart_pole", "pendulum"}) {
    const auto one = make_environment(name, 5);
    const std::vector<double> expected = told(*one);
    for (const int size : {2, 3, 7})  // seven: some have no instance
      ThreadRanks::run(size, [&](comm::Ranks& ranks) {
        SharedEnvironment shared(ranks, name, 5);
        EXPECT_EQ(shared.size(), 5);
        EXPECT_EQ(told(shared), expected) << name << size << " " << ranks.rank();
      });
  }
}

TEST(SharedEnvironment, GoesOnFromStatesThatAnyRankHas) {
  const auto one = make_environment("pendulum", 3);
  std::vector<double> before(3 * one->state_size()), observation(3);
  for (int i = 0; i < 3; ++i) {
    one->reset(i, 5, observation);
    one->save_state(
        i, std::span(before).subspan(static_cast<std::size_t>(i) * one->state_size(), one->state_size()));
  }
  const auto step = [](BatchEnvironment& env) {
    std::vector<double> observations(9), rewards(3);
    std::vector<std::uint8_t> terminated(3), truncated(3);
    ThreadTeam team(1);
    step_all(env, team, ActionMemory(1, 0, 3), observations, rewards, terminated, truncated);
    return rewards;
  };
  const std::vector<double> expected = step(*one);
  ThreadRanks::run(2, [&](comm::Ranks& ranks) {
    SharedEnvironment shared(ranks, "pendulum", 3);
    const std::size_t each = shared.state_size();
    std::vector<double> state(each);
    for (int i = 0; i < 3; ++i) {
      const auto own = std::span(before).subspan(static_cast<std::size_t>(i) * each, each);
      shared.load_state(i, own);
      shared.save_state(i, state);  // before anything is exchanged
      EXPECT_TRUE(std::ranges::equal(state, own)) << i;
    }
    EXPECT_EQ(step(shared), expected);
  });
}

}  // namespace
}  // namespace hardy::envs
