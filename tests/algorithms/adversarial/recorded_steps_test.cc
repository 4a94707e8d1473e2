// A learner's episode as a list of steps, which a device plays.
#include "algorithms/adversarial/steps/recorded_steps.h"

#include <gtest/gtest.h>

#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

std::vector<BoxStep> list_of(const BoxSteps& steps) { return {steps.step, steps.step + steps.count}; }

TEST(RecordedSteps, ABoxIsTheListOfItsLines) {
  const RegretConfig game = test::t1("ftrl_log_barrier", 8, 0.1, 0.1, 0.1);
  const Lane replica{0, {0.1, 0.1, 0.1}};
  RecordedSteps steps(game, {&replica, 1});
  const auto learner = regret_method("exp_weights_magnitude_reduced").make(steps);
  EXPECT_EQ(steps.taken().count, 0);
  learner->episode(0);
  using enum BoxStep;
  EXPECT_EQ(list_of(steps.taken()),
            (std::vector<BoxStep>{kEntropicPolicies, kOccupancies, kPlay, kCovariance, kEstimate,
                                  kReduceMagnitude, kBonus, kDilate, kFollow}));
  const auto uniform = regret_method("uniform").make(steps);
  EXPECT_EQ(list_of(steps.taken()), std::vector<BoxStep>{kUniformPolicies});
}

// Full information takes Sigma-dagger for its bonus alone: where one of the replicas has it, all do.
TEST(RecordedSteps, ABonusOfOneReplicaIsAStepOfAll) {
  const RegretConfig game = test::t1("hedge_full_information", 8, 0.1, 0, 0.1);
  const Lane replicas[] = {{0, {0.1, 0, 0.1}}, {1, {0.1, 0.5, 0.1}}};
  const auto steps_of = [&](std::size_t count) {
    RecordedSteps steps(game, std::span(replicas).first(count));
    regret_method("hedge_full_information").make(steps)->episode(0);
    return list_of(steps.taken());
  };
  EXPECT_EQ(std::ranges::count(steps_of(1), BoxStep::kCovariance), 0);
  EXPECT_EQ(std::ranges::count(steps_of(2), BoxStep::kCovariance), 1);
}

TEST(RecordedSteps, WhatIsNoStepIsRefused) {
  const RegretConfig game = test::t1("ftrl_log_barrier", 8, 0.1, 0.1, 0.1);
  const Lane replica{0, {0.1, 0.1, 0.1}};
  RecordedSteps steps(game, {&replica, 1});
  EXPECT_NE(test::refusal([&] { steps.draws(); }).find("random numbers"), std::string::npos);
  EXPECT_NE(test::refusal([&] { steps.draw_start(); }).find("random numbers"), std::string::npos);
  EXPECT_NE(test::refusal([&] { steps.inverse_covariance(); }).find("covariances"), std::string::npos);
  EXPECT_NE(test::refusal([&] { steps.occupancies_of(Numbers(36)); }).find("of its own"), std::string::npos);
  EXPECT_NE(test::refusal([&] {
              for (int i = 0; i < 17; ++i) steps.play();
            }).find("more than 16 steps"),
            std::string::npos);
}

}  // namespace
}  // namespace hardy::algorithms
