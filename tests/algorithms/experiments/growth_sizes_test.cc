// Growth along the sizes of what is played: power laws are found, what moves together is said to do so.
#include "algorithms/experiments/growth_sizes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hardy::algorithms {
namespace {

// R = 3 K^0.5 d^0.7 H^2 A^0.25, four replicas a hundredth to either side.
SizedRun run_of(std::int64_t K, int d, int H, int A) {
  const double r = 3 * std::pow(K, .5) * std::pow(d, .7) * std::pow(H, 2) * std::pow(A, .25);
  return {{K, H, 5, A, d}, {.99 * r, 1.01 * r, .995 * r, 1.005 * r}};
}

const SizeExponent& of(const std::vector<SizeExponent>& all, const std::string& size) {
  for (const SizeExponent& e : all)
    if (e.size == size) return e;
  ADD_FAILURE() << "no exponent along " << size;
  return all.front();
}

TEST(GrowthSizes, AlongEachSizeAndJointlyThePowerLawsAreFound) {
  std::vector<SizedRun> runs;
  for (const std::int64_t K : {256, 1024, 4096}) {
    for (const int d : {2, 4, 8, 16}) runs.push_back(run_of(K, d, 3, 4));
    for (const int H : {1, 2, 5}) runs.push_back(run_of(K, 4, H, 4));
    for (const int A : {2, 3, 8}) runs.push_back(run_of(K, 4, 3, A));
  }
  const std::vector<SizeExponent> along = along_sizes(runs, 1, 200), joint = joint_exponents(runs, 1, 200);
  ASSERT_EQ(along.size(), 3u);
  ASSERT_EQ(joint.size(), 4u);
  for (const auto& [size, x] : {std::pair{"d", .7}, std::pair{"H", 2.0}, std::pair{"A", .25}}) {
    EXPECT_NEAR(of(along, size).exponent.value, x, 1e-12) << size;
    EXPECT_NEAR(of(joint, size).exponent.value, x, 1e-12) << size;
    for (const auto* all : {&along, &joint}) {
      EXPECT_LT(of(*all, size).exponent.low, x) << size;
      EXPECT_GT(of(*all, size).exponent.high, x) << size;
      EXPECT_GT(of(*all, size).exponent.low, x - .1) << size;
    }
  }
  EXPECT_NEAR(of(joint, "K").exponent.value, .5, 1e-12);
  EXPECT_EQ(of(along, "d").exponent.points, 4);
  EXPECT_EQ(of(along, "d").held, "K = 4096, H = 3, A = 4, S = 5");  // the largest K
}

TEST(GrowthSizes, WhatMovesTogetherHasOneExponent) {
  std::vector<SizedRun> runs;  // one-hot features: d = S A
  for (const std::int64_t K : {256, 1024, 4096})
    for (const int A : {2, 4, 8}) runs.push_back(run_of(K, 5 * A, 3, A));
  const std::vector<SizeExponent> along = along_sizes(runs, 1, 50), joint = joint_exponents(runs, 1, 50);
  ASSERT_EQ(along.size(), 1u);
  EXPECT_NEAR(of(along, "A").exponent.value, .95, 1e-12);
  EXPECT_EQ(of(along, "A").held, "K = 4096, d = 10 to 40, H = 3, S = 5");
  EXPECT_NEAR(of(joint, "d").exponent.value, .95, 1e-12);
  EXPECT_NE(of(joint, "A").exponent.none_because.find("moves with"), std::string::npos);
  EXPECT_TRUE(std::isnan(of(joint, "A").exponent.value));
}

TEST(GrowthSizes, TwoValuesAreNoLawAndNegativeRegretHasNoLogarithm) {
  EXPECT_TRUE(along_sizes({run_of(64, 2, 1, 2), run_of(64, 4, 1, 2)}, 1, 50).empty());
  std::vector<SizedRun> runs{run_of(64, 2, 1, 2), run_of(64, 4, 1, 2), run_of(64, 8, 1, 2)};
  runs[1].regret = {-1, -2};
  for (const auto& all : {along_sizes(runs, 1, 50), joint_exponents(runs, 1, 50)}) {
    EXPECT_TRUE(std::isnan(of(all, "d").exponent.value));
    EXPECT_NE(of(all, "d").exponent.none_because.find("no logarithm"), std::string::npos);
  }
}

}  // namespace
}  // namespace hardy::algorithms
