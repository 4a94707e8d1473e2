// The loop of acting, policies with a memory in it, and what heads of choices do.
#include "algorithms/acting/rollout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/acting/collect.h"
#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/evaluation_queue.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

// Pushes left and right in turn, and remembers in each row which it was.
class Alternating final : public Policy {
 public:
  explicit Alternating(int rows) : steps(static_cast<std::size_t>(rows)), starts(steps.size()) {}
  void start(std::int64_t row) override {
    steps[static_cast<std::size_t>(row)] = 0;
    ++starts[static_cast<std::size_t>(row)];
  }
  void act(std::span<const double>, std::span<const Random>, ActionMemory& actions, std::span<float>,
           ThreadTeam&) override {
    for (std::size_t i = 0; i < steps.size(); ++i) actions.choices[i] = steps[i]++ % 2;
  }
  // It leaves nothing to chance.
  void log_prob(std::span<const double>, const Actions& actions, std::span<float> log_probs,
                ThreadTeam&) override {
    for (std::size_t i = 0; i < steps.size(); ++i)
      log_probs[i] = actions.choices()[i] == steps[i] % 2 ? 0 : -INFINITY;
  }
  std::vector<int> steps, starts;
};

TEST(Rollout, APoliciesMemoryBeginsAnewWithEachEpisodeAndInEachRow) {
  const auto env = envs::make_environment("cart_pole", 3);
  Alternating policy(3);
  Rollout rollout(*env);
  ThreadTeam team(2);
  for (int i = 0; i < 3; ++i) rollout.start(i, 7, policy);
  for (int t = 0; t < 5; ++t) {
    rollout.act(policy, {}, team);
    rollout.step(team);
    if (t == 1) rollout.start(2, 7, policy);  // the same episode, two steps later
  }
  EXPECT_EQ(policy.starts, (std::vector<int>{1, 1, 2}));
  EXPECT_EQ(policy.steps, (std::vector<int>{5, 5, 3}));
  EXPECT_EQ(rollout.action(0).choices()[0], 0);
  // Rows 0 and 1 agree; row 2 is where they were after three steps.
  EXPECT_TRUE(std::ranges::equal(rollout.next_observation(0), rollout.next_observation(1)));
  const auto alone = envs::make_environment("cart_pole", 1);
  Alternating again(1);
  Rollout three(*alone);
  three.start(0, 7, again);
  for (int t = 0; t < 3; ++t) three.act(again, {}, team), three.step(team);
  EXPECT_TRUE(std::ranges::equal(rollout.next_observation(2), three.next_observation(0)));
}

TEST(Rollout, WhatHasEndedIsNotSteppedOn) {
  const auto env = envs::make_environment("cart_pole", 2);
  Alternating policy(2);
  Rollout rollout(*env);
  ThreadTeam team(1);
  rollout.start(0, 1, policy);
  rollout.start(1, 2, policy);
  std::vector<double> falls(env->state_size(), 0), state(falls.size());
  falls[2] = 0.3;  // the pole lies beyond its limit
  env->load_state(0, falls);
  rollout.act(policy, {}, team);
  rollout.step(team);
  EXPECT_FALSE(rollout.runs(0));
  EXPECT_TRUE(rollout.terminated(0));
  EXPECT_EQ(rollout.running(), 1);
  env->save_state(0, falls);
  rollout.act(policy, {}, team);
  rollout.step(team);
  env->save_state(0, state);
  EXPECT_EQ(state, falls);
}

// Two observations; the scores of three choices are the biases, whatever is observed.
PolicySpec constant(Head head) {
  PolicySpec spec;
  spec.head = head;
  spec.observation_size = 2, spec.action_size = 1, spec.action_choices = 3, spec.hidden = {};
  return spec;
}

TEST(Choices, ACategoricalHeadDrawsByItsProbabilitiesAndSaysTheirLogarithms) {
  constexpr std::int64_t kRows = 20000;
  const double p[] = {0.2, 0.5, 0.3};
  Actor actor(constant(Head::kCategorical), kRows,
              {std::vector<float>(6),
               {static_cast<float>(std::log(p[0]) + 1), static_cast<float>(std::log(p[1]) + 1),
                static_cast<float>(std::log(p[2]) + 1)}});
  std::vector<Random> draws;
  for (std::uint64_t i = 0; i < kRows; ++i) draws.emplace_back(i, RandomStream::kExplore, 3);
  ActionMemory actions;
  actions.choices.resize(kRows);
  std::vector<float> log_probs(kRows);
  ThreadTeam team(2);
  const std::vector<double> observations(2 * kRows);
  actor.act(observations, draws, actions, log_probs, team);
  double counts[3] = {0, 0, 0};
  for (std::size_t i = 0; i < kRows; ++i) {
    const auto choice = static_cast<std::size_t>(actions.choices[i]);
    ASSERT_LT(choice, 3u);
    ++counts[choice];
    EXPECT_NEAR(log_probs[i], std::log(p[choice]), 1e-6);
  }
  for (int k = 0; k < 3; ++k)
    EXPECT_NEAR(counts[k] / kRows, p[k], 4 * std::sqrt(p[k] * (1 - p[k]) / kRows)) << k;
  actor.act(observations, std::span<const Random>(), actions, log_probs, team);
  EXPECT_EQ(actions.choices, std::vector<std::int32_t>(kRows, 1));  // the mode
}

TEST(Choices, AGreedyHeadTakesTheFirstOfTheLargestWithProbabilityOne) {
  ThreadTeam team(1);
  const auto choice = [&](Head head, std::vector<float> bias) {
    Actor actor(constant(head), 1, {std::vector<float>(2 * bias.size()), bias});
    ActionMemory actions;
    actions.choices.resize(1);
    std::vector<float> log_prob{-7};
    actor.act(std::vector<double>(2), std::vector<Random>{Random(1, RandomStream::kExplore)}, actions,
              log_prob, team);
    EXPECT_EQ(log_prob[0], 0);
    return actions.choices[0];
  };
  EXPECT_EQ(choice(Head::kGreedyQ, {-3, -1, -1}), 1);
  EXPECT_EQ(choice(Head::kDuelingQ, {50, -3, -4, 2}), 2);  // the first number is V
}

TEST(Choices, DuelingValuesAreVPlusTheAdvantageLessItsMean) {
  graph::Graph g;
  const graph::Tensor net = g.input("net", DType::kF32, {1, 1, 4});
  const graph::Tensor q = q_values(g, Head::kDuelingQ, net);
  graph::Plan plan(g, {q});
  const float out[] = {10, 1, 2, 6};
  std::copy_n(out, 4, plan.data<float>(net));
  ThreadTeam team(1);
  plan.run(team);
  const float expected[] = {8, 9, 13};
  for (int k = 0; k < 3; ++k) EXPECT_FLOAT_EQ(plan.data<float>(q)[k], expected[k]);
}

TEST(Choices, APolicyPlaysOnlyTasksOfItsKindAndSize) {
  const auto refused = [](const PolicySpec& spec, const char* task, const char* says) {
    try {
      require_match(spec, envs::make_environment(task, 1)->spec(), "this policy");
      ADD_FAILURE() << task << " was taken";
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(says), std::string::npos) << e.message();
    }
  };
  PolicySpec spec = constant(Head::kGreedyQ);
  refused(spec, "pendulum", "numbers within bounds");
  refused(spec, "cart_pole", "cart_pole has 4 observations and 2 choices");
  spec.head = Head::kDeterministic, spec.action_choices = 0;
  refused(spec, "cart_pole", "one of 2 choices");
  refused(spec, "pendulum", "this policy has 2 observations and 1 actions");
}

TEST(Evaluation, OfChoicesIsTheSameInAnEnvironmentOfItsOwnAndInOneThatIsUsedAgain) {
  PolicySpec spec = constant(Head::kGreedyQ);
  spec.observation_size = 4, spec.action_choices = 2;
  // Pushes towards where the pole falls.
  const std::vector<std::vector<float>> balance{{0, 0.05f, 0, 0.1f, 0, 1, 0, 0.5f}, {0, 0}};
  const Evaluation fresh = evaluate(spec, balance, "cart_pole", 5, 42);
  EXPECT_GT(fresh.mean_return(), 300);
  EXPECT_EQ(fresh.returns, fresh.lengths);  // one a step
  // More episodes than instances are played in waves, each as it would be beside all others.
  const auto many = envs::make_environment("cart_pole", 70);
  EXPECT_EQ(evaluate(spec, balance, "cart_pole", 70, 42).returns, evaluate(spec, balance, *many, 42).returns);
  EvaluationQueue queue("cart_pole", 5, 42);
  queue.push({1, spec, {{std::vector<float>(8), {1, 0}}}});
  queue.push({2, spec, {balance}});
  const auto results = queue.drain();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_LT(results[0].agents[0].mean_return(), 15);  // pushes left alone
  EXPECT_EQ(results[1].agents[0].returns, fresh.returns);
}

TEST(Collect, TasksOfChoicesGiveIntegersAndTheirEvenProbabilities) {
  const datasets::Arrays a = collect("cart_pole", behaviour("cart_pole", "random", 2000), 3, 2);
  const auto& actions = a.at("actions");
  EXPECT_EQ(actions.type, datasets::ArrayType::kI64);
  double ones = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t choice = actions.as<std::int64_t>()[i];
    ASSERT_TRUE(choice == 0 || choice == 1);
    ones += static_cast<double>(choice);
  }
  EXPECT_NEAR(ones / 2000, 0.5, 0.05);
  for (const float x : a.at("infos/action_log_probs").floats()) ASSERT_FLOAT_EQ(x, std::log(0.5f));
}

}  // namespace
}  // namespace hardy::algorithms
