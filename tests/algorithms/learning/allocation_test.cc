// After the first step, training allocates nothing.
#include <gtest/gtest.h>

#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/interacting_trainee.h"
#include "tests/algorithms/methods.h"
#include "tests/engine/count_allocations.h"

namespace hardy::algorithms {
namespace {

datasets::Transitions some_transitions(std::int64_t rows) {
  datasets::Transitions t;
  t.rows = rows;
  t.observation_size = 11;
  t.action_size = 3;
  const auto fill = [&](std::vector<float>& x, std::int64_t width, std::uint64_t which) {
    x.resize(static_cast<std::size_t>(rows * width));
    const Random random(which, RandomStream::kUser);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * random.uniform(i) - 1;
  };
  fill(t.observations, 11, 1);
  fill(t.actions, 3, 2);
  fill(t.rewards, 1, 3);
  fill(t.next_observations, 11, 4);
  t.terminals.assign(static_cast<std::size_t>(rows), 0.0f);
  t.episode_end.assign(static_cast<std::size_t>(rows), 0);
  return t;
}

class TrainingAllocation : public ::testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(TrainingAllocation, IsNoneAfterTheFirstStep) {
  const auto& [name, threads] = GetParam();
  const auto method = make_method(name);
  method->check();
  OfflineTrainee trainee(*method, some_transitions(1000), {1, 2}, {-1, -1, -1}, {1, 1, 1});
  ThreadTeam team(threads);
  trainee.step(team);
  const std::int64_t before = test::allocations();
  for (int i = 0; i < 5; ++i) trainee.step(team);
  EXPECT_EQ(test::allocations(), before);
}

INSTANTIATE_TEST_SUITE_P(EveryOfflineMethod, TrainingAllocation,
                         ::testing::Combine(::testing::Values("bc", "iql", "riql"), ::testing::Values(1, 2)));

// Environment steps, the replay and the updates together.
TEST(InteractionAllocation, IsNoneAfterTheFirstUpdate) {
  const auto method = test::method_with("sac", {{"hidden", "32"}, {"batch-size", "32"}});
  InteractingTrainee trainee(*method, "sac", {.environment = "hopper", .capacity = 400, .start_steps = 50},
                             {1});
  ThreadTeam team(2);
  for (int i = 0; i < 60; ++i) trainee.step(team);
  const std::int64_t before = test::allocations();
  for (int i = 0; i < 200; ++i) trainee.step(team);
  EXPECT_EQ(test::allocations(), before);
}

}  // namespace
}  // namespace hardy::algorithms
