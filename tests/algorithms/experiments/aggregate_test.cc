#include "algorithms/experiments/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/random.h"

namespace hardy::algorithms {
namespace {

TEST(Aggregate, TheInterquartileMeanIsThatOfTheMiddleHalf) {
  EXPECT_DOUBLE_EQ(interquartile_mean({100, 1, 2, -50}), 1.5);
  EXPECT_DOUBLE_EQ(interquartile_mean({5, 1, 3}), 3);  // nothing is cut of three
  EXPECT_DOUBLE_EQ(interquartile_mean({1, 2, 3, 4, 5, 6, 7, 80}), 4.5);
  EXPECT_TRUE(std::isnan(interquartile_mean({})));
}

TEST(Aggregate, OneRunATaskHasNoIntervalAndMoreHaveOneAroundTheValue) {
  const Interval alone = interquartile_mean_of({{1}, {2}, {3}, {4}}, 1);
  EXPECT_EQ(alone.low, alone.high);
  const Interval several = interquartile_mean_of({{1, 2, 3}, {4, 6, 9}}, 1);
  EXPECT_LT(several.low, several.value);
  EXPECT_GT(several.high, several.value);
  const Interval again = interquartile_mean_of({{1, 2, 3}, {4, 6, 9}}, 1);
  EXPECT_EQ(several.low, again.low);  // the same seed, the same interval
}

// Means of ten normal runs on each of four tasks: the interval holds the truth about as often as it says.
TEST(Aggregate, IntervalsCoverTheTruth) {
  int covered = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const Random random(static_cast<std::uint64_t>(round), RandomStream::kUser);
    ScoresByTask scores(4);
    std::uint64_t draw = 0;
    for (auto& runs : scores)
      for (int i = 0; i < 10; ++i) {
        double sum = -6;  // of twelve uniform numbers: nearly normal, mean 0
        for (int j = 0; j < 12; ++j) sum += random.uniform64(draw++);
        runs.push_back(sum);
      }
    const Interval i = interquartile_mean_of(scores, 3, 300);
    covered += i.low <= 0 && 0 <= i.high;
  }
  EXPECT_GT(covered, kRounds * 0.86);
  EXPECT_LT(covered, kRounds);
}

TEST(Aggregate, ImprovementCountsPairsWithinTasksAndTiesByHalf) {
  EXPECT_DOUBLE_EQ(probability_of_improvement({{2, 2}, {0}}, {{1, 3}, {0}}, 1).value, 0.5);
  EXPECT_DOUBLE_EQ(probability_of_improvement({{2}, {9}}, {{1}, {}}, 1).value,
                   1);  // the second task has no rival
  EXPECT_TRUE(std::isnan(probability_of_improvement({{}}, {{1}}, 1).value));
}

TEST(Aggregate, AProfileIsTheShareOfRunsAboveEachThreshold) {
  EXPECT_EQ(performance_profile({{1, 2}, {3, 4}}, {0, 2, 5}), (std::vector<double>{1, 0.5, 0}));
}

}  // namespace
}  // namespace hardy::algorithms
