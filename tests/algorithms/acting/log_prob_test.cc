// What a policy says of given actions: the closed forms in float64, what act() said of its own, and refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "algorithms/acting/policy.h"

namespace hardy::algorithms {
namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
const std::vector<float> kLow{-2, 0}, kHigh{2, 5};

// Two actions; a network without hidden layers and weights: its outputs are the biases.
PolicySpec of_numbers(Head head) {
  PolicySpec spec;
  spec.head = head;
  spec.observation_size = 1, spec.action_size = 2, spec.hidden = {};
  spec.action_low = kLow, spec.action_high = kHigh;
  return spec;
}
PolicySpec of_choices(Head head) {
  PolicySpec spec;
  spec.head = head;
  spec.observation_size = 1, spec.action_size = 1, spec.action_choices = 3, spec.hidden = {};
  return spec;
}
std::vector<float> log_probs_of(Actor& actor, const Actions& actions, std::size_t rows, int threads = 1) {
  std::vector<float> log_probs(rows);
  ThreadTeam team(threads);
  actor.log_prob(std::vector<double>(rows), actions, log_probs, team);
  return log_probs;
}

TEST(LogProb, OfASquashedGaussianIsTheChangeOfVariables) {
  const std::vector<double> mean{0.3, -0.4}, log_std{-0.5, 0.25};
  Actor actor(of_numbers(Head::kTanhGaussian), 5, {std::vector<float>(4), {0.3f, -0.4f, -0.5f, 0.25f}});
  const std::vector<float> actions{0, 2.5f, -1.9f, 4.9f, 1.5f, 0.1f, 0.25f, 3, -0.5f, 1};
  const std::vector<float> found = log_probs_of(actor, actions, 5);
  for (std::size_t row = 0; row < 5; ++row) {
    double expected = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      // a = low + (tanh u + 1) half; du/da = 1 / (half (1 - tanh^2 u))
      const double half = (static_cast<double>(kHigh[k]) - kLow[k]) / 2,
                   t = (static_cast<double>(actions[2 * row + k]) - kLow[k]) / half - 1,
                   z = (std::atanh(t) - mean[k]) / std::exp(log_std[k]);
      expected += -z * z / 2 - log_std[k] - kHalfLog2Pi - std::log(1 - t * t) - std::log(half);
    }
    EXPECT_NEAR(found[row], expected, 2e-5) << row;
  }
}

TEST(LogProb, OfAGaussianHasTheStretchOfItsFormat) {
  for (const bool scaled : {true, false}) {
    PolicySpec spec = of_numbers(Head::kGaussian);
    spec.scaled = scaled;
    Actor actor(spec, 2, {std::vector<float>(2), {0.25f, -0.5f}, {-1, 3}});  // 3 is held to 2
    const std::vector<float> actions{-2, 5, 0.5f, 1.5f};
    const std::vector<float> found = log_probs_of(actor, actions, 2);
    const double mean[] = {0.25, -0.5}, log_std[] = {-1, 2};
    for (std::size_t row = 0; row < 2; ++row) {
      double expected = 0;
      for (std::size_t k = 0; k < 2; ++k) {
        const double half = scaled ? (static_cast<double>(kHigh[k]) - kLow[k]) / 2 : 1,
                     centre = scaled ? (static_cast<double>(kHigh[k]) + kLow[k]) / 2 : 0,
                     z = ((static_cast<double>(actions[2 * row + k]) - centre) / half - mean[k]) /
                         std::exp(log_std[k]);
        expected += -z * z / 2 - log_std[k] - kHalfLog2Pi - std::log(half);
      }
      EXPECT_NEAR(found[row], expected, 2e-5) << scaled << row;
    }
  }
}

TEST(LogProb, IsWhatActSaidOfItsOwnSamples) {
  constexpr std::size_t kRows = 500;
  std::vector<Random> draws;
  for (std::uint64_t i = 0; i < kRows; ++i) draws.emplace_back(i, RandomStream::kExplore, 3);
  const std::vector<double> observations(kRows);
  ThreadTeam team(2);
  for (const Head head : {Head::kTanhGaussian, Head::kGaussian}) {
    const std::vector<float> bias = head == Head::kGaussian ? std::vector<float>{0.1f, -0.2f}
                                                            : std::vector<float>{0.1f, -0.2f, -1, -0.5f};
    std::vector<std::vector<float>> parameters{std::vector<float>(bias.size()), bias};
    if (head == Head::kGaussian) parameters.push_back({-1, -0.5f});
    Actor actor(of_numbers(head), kRows, parameters);
    ActionMemory actions(2, 0, kRows);
    std::vector<float> said(kRows);
    actor.act(observations, draws, actions, said, team);
    const std::vector<float> found = log_probs_of(actor, actions, kRows, 2);
    std::size_t compared = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      // An action is rounded to 2^-24 of its range, which moves u by that over 1 - t^2, and the density's
      // logarithm by that times |z| / sigma + 2, here below 12.
      double bound = 4e-6;
      bool held = false;
      for (std::size_t k = 0; k < 2; ++k) {
        const double a = actions.numbers[2 * row + k], half = (static_cast<double>(kHigh[k]) - kLow[k]) / 2,
                     t = (a - kLow[k]) / half - 1;
        held = held || a == static_cast<double>(kLow[k]) || a == static_cast<double>(kHigh[k]);
        bound += 3e-7 * 12 / (head == Head::kGaussian ? 1 : 1 - t * t);
      }
      if (held) continue;  // a Gaussian's that was held to its bounds: another action than what was drawn
      ++compared;
      EXPECT_NEAR(found[row], said[row], bound) << name_of(head) << " " << row;
    }
    EXPECT_GT(compared, kRows / 2);
    EXPECT_EQ(log_probs_of(actor, actions, kRows, 1), found);
  }
  Actor actor(of_choices(Head::kCategorical), kRows, {std::vector<float>(3), {0.5f, -1, 2}});
  ActionMemory choices(1, 3, kRows);
  std::vector<float> said(kRows);
  actor.act(observations, draws, choices, said, team);
  EXPECT_EQ(log_probs_of(actor, choices, kRows), said);
}

TEST(LogProb, OfACategoricalIsTheLogSoftmaxAndAGreedyHeadIsCertain) {
  const float logits[] = {0.5f, -1, 2};
  const std::vector<std::int32_t> choices{0, 1, 2};
  Actor categorical(of_choices(Head::kCategorical), 3, {std::vector<float>(3), {0.5f, -1, 2}});
  const std::vector<float> found = log_probs_of(categorical, choices, 3);
  const double sum = std::exp(0.5) + std::exp(-1.0) + std::exp(2.0);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(found[k], logits[k] - std::log(sum), 1e-6);
  Actor greedy(of_choices(Head::kGreedyQ), 3, {std::vector<float>(3), {2, 2, 1}});
  EXPECT_EQ(log_probs_of(greedy, choices, 3), (std::vector<float>{0, -INFINITY, -INFINITY}));
}

TEST(LogProb, ActionsOutsideOfTheBoundsAreImpossibleAndThoseOnThemAreNot) {
  Actor actor(of_numbers(Head::kTanhGaussian), 4, {std::vector<float>(4), std::vector<float>(4)});
  const std::vector<float> found =
      log_probs_of(actor, std::vector<float>{2.1f, 1, -2, 0, 2, 5, std::nanf(""), 1}, 4);
  EXPECT_EQ(found[0], -INFINITY);
  EXPECT_TRUE(std::isfinite(found[1]));
  EXPECT_FLOAT_EQ(found[1], found[2]);  // the law is even
  EXPECT_EQ(found[3], -INFINITY);
}

TEST(LogProb, WhatHasNoDensityOrDoesNotFitIsRefused) {
  Actor deterministic(of_numbers(Head::kDeterministic), 1, {std::vector<float>(2), std::vector<float>(2)});
  EXPECT_THROW(log_probs_of(deterministic, std::vector<float>(2), 1), Error);
  Actor categorical(of_choices(Head::kCategorical), 1, {std::vector<float>(3), std::vector<float>(3)});
  EXPECT_THROW(log_probs_of(categorical, std::vector<std::int32_t>{3}, 1), Error);
  EXPECT_THROW(log_probs_of(categorical, std::vector<std::int32_t>{-1}, 1), Error);
  EXPECT_THROW(log_probs_of(categorical, std::vector<float>{0}, 1), Error);
  EXPECT_THROW(log_probs_of(categorical, std::vector<std::int32_t>{0, 0}, 2), Error);
}

}  // namespace
}  // namespace hardy::algorithms
