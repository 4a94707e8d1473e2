// DQN on cart_pole, briefly: that interaction, replay, exploration and updates together make a better policy.
#include <gtest/gtest.h>

#include "algorithms/acting/evaluate.h"
#include "algorithms/online/interacting_trainee.h"
#include "tests/algorithms/methods.h"

namespace hardy::algorithms {
namespace {

TEST(DqnLearning, AFewThousandStepsBalanceLongerThanEvenDrawsDo) {
  const auto dqn = test::method_with("dqn", {{"hidden", "64"}, {"epsilon-steps", "2000"}});
  InteractingTrainee trainee(*dqn, "dqn", {.environment = "cart_pole", .capacity = 6000, .start_steps = 500},
                             {1, 2});
  ThreadTeam team(2);
  const auto play = [&](std::int64_t agent) {
    return evaluate(trainee.policy(), policy_parameters(trainee.learner().parameters(), agent), "cart_pole",
                    20, 9)
        .mean_return();
  };
  // Even draws come to 22. It swings on its way up, the more so after few steps.
  for (const std::int64_t agent : {0, 1}) EXPECT_LT(play(agent), 40) << "it balanced before it had learned";
  for (int t = 0; t < 6000; ++t) trainee.step(team);
  for (const std::int64_t agent : {0, 1}) EXPECT_GT(play(agent), 55) << agent;
}

// The share of uniform actions is what the method says: of both choices in the beginning, none in the end.
TEST(DqnLearning, ActsEvenlyFirstThenGreedily) {
  const auto dqn = test::method_with(
      "dqn", {{"hidden", "8"}, {"epsilon-start", "0"}, {"epsilon-end", "0"}, {"batch-size", "8"}});
  InteractingTrainee trainee(
      *dqn, "dqn", {.environment = "cart_pole", .capacity = 220, .start_steps = 200, .update_every = 1000},
      {5});
  ThreadTeam team(1);
  const std::vector<std::int32_t>& choices = trainee.replay().choices();
  for (int t = 0; t < 220; ++t) trainee.step(team);
  double ones = 0;
  for (int t = 0; t < 200; ++t) ones += choices[static_cast<std::size_t>(t)];
  EXPECT_NEAR(ones / 200, 0.5, 0.15);
  // From then on what the network, which has not moved, takes where the agent was.
  Actor actor(trainee.policy(), 20, policy_parameters(trainee.learner().parameters(), 0));
  ActionMemory greedy;
  greedy.choices.resize(20);
  const auto seen = trainee.replay().observations();
  actor.act(std::vector<double>(seen.begin() + 800, seen.end()), std::span<const Random>(), greedy, {}, team);
  EXPECT_EQ(greedy.choices, std::vector<std::int32_t>(choices.begin() + 200, choices.end()));
}

}  // namespace
}  // namespace hardy::algorithms
