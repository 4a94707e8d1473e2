// What values a dataset's rewards allow, and the line about a critic that left them.
#include "algorithms/offline/value_range.h"

#include <gtest/gtest.h>

#include "algorithms/offline/offline_trainee.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"

namespace hardy::algorithms {
namespace {

datasets::Transitions with_rewards(std::vector<float> rewards, std::vector<std::uint8_t> ends) {
  datasets::Transitions t;
  t.rows = static_cast<std::int64_t>(rewards.size());
  t.rewards = std::move(rewards);
  t.episode_end = std::move(ends);
  return t;
}

TEST(ValueRange, IsTheGeometricSumOfTheExtremeRewardsOrTheRewardWhereAnEndIsBetter) {
  const ValueRange mixed = value_range(with_rewards({3, -2, 1}, {0, 0, 1}), 0.75);
  EXPECT_DOUBLE_EQ(mixed.least, -8);
  EXPECT_DOUBLE_EQ(mixed.largest, 12);
  const ValueRange costs = value_range(with_rewards({-3, -1}, {0, 1}), 0.75);
  EXPECT_DOUBLE_EQ(costs.least, -12);
  EXPECT_DOUBLE_EQ(costs.largest, -1);  // one more step never helps
  EXPECT_DOUBLE_EQ(value_range(with_rewards({2, 4}, {0, 1}), 0.75).least, 2);
}

TEST(ValueRange, TheDatasOwnMeanIsOfDiscountedReturnsWithinEachEpisode) {
  // From the last row back: 8; 4 + 8 / 2 = 8; an end: 2; 1 + 2 / 2 = 2.
  const ValueRange range = value_range(with_rewards({1, 2, 4, 8}, {0, 1, 0, 1}), 0.5);
  EXPECT_DOUBLE_EQ(range.data_mean, (2 + 2 + 8 + 8) / 4.0);
}

TEST(ValueRange, WithoutDiscountOrValuesThereIsNone) {
  const datasets::Transitions t = with_rewards({1, 2}, {0, 1});
  for (const double gamma : {0.0, 1.0}) {
    EXPECT_EQ(value_range(t, gamma).gamma, 0) << gamma;
    EXPECT_EQ(beyond(value_range(t, gamma), {{"value/q", {1e9}}}, std::vector<std::uint64_t>{0}), "");
  }
}

TEST(ValueRange, TheLineNamesTheFirstSeedWhoseMeanValueIsOutside) {
  const ValueRange range = value_range(with_rewards({3, -2, 1}, {0, 0, 1}), 0.75);
  const std::vector<std::uint64_t> seeds{7, 8};
  EXPECT_EQ(beyond(range, {{"value/q", {-8.9, 12.9}}}, seeds), "");
  EXPECT_EQ(
      beyond(range, {{"value/q", {5, 13.2}}, {"td_error", {1, 4.4}}, {"weight_at_cap", {0.1, 0.372}}}, seeds),
      "seed 8: the mean Q of a batch is 13, and rewards of 3 allow 12 at gamma 0.75 (the data's own mean is "
      "1): "
      "its values are wrong; mean |TD error| 4, 37 % of the policy's weights at their cap");
  EXPECT_EQ(beyond(range, {{"value/q", {-9.2, 0}}}, seeds),
            "seed 7: the mean Q of a batch is -9, and rewards of -2 allow -8 at gamma 0.75 (the data's own "
            "mean is 1): "
            "its values are wrong");
}

std::unique_ptr<OfflineTrainee> trained(const std::string& method, const test::Values& values, int steps) {
  datasets::Transitions t = example_transitions(100);
  std::ranges::fill(t.rewards, -1.0f);
  test::Values usual{{"hidden", "8"}, {"batch-size", "16"}};
  if (method != "bc") usual["gamma"] = "0.5";  // values are from -2 to -1
  auto trainee = std::make_unique<OfflineTrainee>(*test::method_with(method, test::over(usual, values)),
                                                  std::move(t), std::vector<std::uint64_t>{3},
                                                  std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f));
  ThreadTeam team(1);
  for (int i = 0; i < steps; ++i) trainee->step(team);
  return trainee;
}

TEST(ValueRange, ARunWhoseValuesAreImpossibleSaysSoAndOneThatLearnsDoesNot) {
  for (const char* method : {"iql", "riql"}) {
    // Frozen critics begin near 0, which rewards of -1 do not allow.
    const std::string said = trained(method, {{"learning-rate", "0"}}, 500)->warning();
    EXPECT_TRUE(said.starts_with("seed 3: the mean Q of a batch is")) << method << ": " << said;
    EXPECT_NE(said.find("and rewards of -1 allow -1 at gamma 0.5"), std::string::npos) << said;
    EXPECT_EQ(trained(method, {{"learning-rate", "0.01"}}, 500)->warning(), "") << method;
  }
  EXPECT_EQ(trained("bc", {}, 500)->warning(), "");
}

TEST(ValueRange, TheLoggedShareOfWeightsAtTheirCapIsTheirs) {
  // Weights are exp(0) = 1 everywhere: all at a cap of 1, none at a cap of 2.
  for (const char* method : {"iql", "riql"}) {
    EXPECT_EQ(
        trained(method, {{"beta", "0"}, {"weight-cap", "1"}}, 1)->learner().reports().at("weight_at_cap")[0],
        1)
        << method;
    EXPECT_EQ(
        trained(method, {{"beta", "0"}, {"weight-cap", "2"}}, 1)->learner().reports().at("weight_at_cap")[0],
        0)
        << method;
  }
}

}  // namespace
}  // namespace hardy::algorithms
