// Rank correlations against numbers that can be counted, or that other programs give.
#include "algorithms/experiments/rank_correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace hardy::algorithms {
namespace {

TEST(RankCorrelation, TiesShareTheMeanOfTheirRanks) {
  EXPECT_EQ(ranks(std::vector<double>{3, 1, 3, 2, 3}), (std::vector<double>{4, 1, 4, 2, 4}));
}

TEST(RankCorrelation, DependsOnTheOrderAlone) {
  const std::vector<double> x{1, 2, 3, 4, 5}, y{-9, 0, 0.1, 1e6, 1e9}, down{5, 4, 3, 2, 1};
  EXPECT_DOUBLE_EQ(rank_correlation(x, y).spearman, 1);
  EXPECT_DOUBLE_EQ(rank_correlation(x, y).kendall, 1);
  EXPECT_DOUBLE_EQ(rank_correlation(x, down).spearman, -1);
  EXPECT_TRUE(std::isnan(rank_correlation(x, y).low));
}

// 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = 1, 1, 2, 1, 1, 0; three pairs of fifteen disagree.
TEST(RankCorrelation, IsSpearmansFormulaWithoutTies) {
  const std::vector<double> x{1, 2, 3, 4, 5, 6}, y{2, 1, 5, 3, 4, 6};
  const RankCorrelation r = rank_correlation(x, y);
  EXPECT_NEAR(r.spearman, 1 - 6.0 * 8 / 210, 1e-12);
  EXPECT_NEAR(r.kendall, (12.0 - 3) / 15, 1e-12);
  const double z = std::atanh(r.spearman), reach = 1.96 * std::sqrt((1 + r.spearman * r.spearman / 2) / 3);
  EXPECT_NEAR(r.low, std::tanh(z - reach), 1e-12);
  EXPECT_NEAR(r.high, std::tanh(z + reach), 1e-12);
}

// With ties, by hand: ranks of x 1.5 1.5 3 4, of y 1 2 3.5 3.5; five pairs with both apart, none against.
TEST(RankCorrelation, CountsTiesOnBothSides) {
  const RankCorrelation r =
      rank_correlation(std::vector<double>{1, 1, 2, 3}, std::vector<double>{1, 2, 3, 3});
  EXPECT_NEAR(r.spearman, 4.0 / 4.5, 1e-12);
  EXPECT_NEAR(r.kendall, 4.0 / 5, 1e-12);
}

TEST(RankCorrelation, LeavesOutWhatIsNotThereAndSaysNothingOfConstants) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const RankCorrelation r =
      rank_correlation(std::vector<double>{1, none, 2, 3}, std::vector<double>{1, 0, none, 2});
  EXPECT_EQ(r.n, 2);
  EXPECT_DOUBLE_EQ(r.spearman, 1);
  EXPECT_TRUE(std::isnan(rank_correlation(std::vector<double>{1, 1}, std::vector<double>{1, 2}).spearman));
  EXPECT_EQ(rank_correlation({}, {}).n, 0);
}

}  // namespace
}  // namespace hardy::algorithms
