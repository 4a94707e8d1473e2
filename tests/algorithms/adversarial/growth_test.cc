#include "algorithms/adversarial/growth.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/random.h"

namespace hardy::algorithms {
namespace {

RegretTable power_law(double exponent, double noise, int replicas, std::uint64_t seed) {
  RegretTable t;
  std::uint64_t draw = 0;
  const Random random(seed, Stream::kNoise);
  for (double k = 1024; k <= 131072; k *= 2) {
    t.episodes.push_back(k);
    t.regret.emplace_back();
    for (int r = 0; r < replicas; ++r)
      t.regret.back().push_back(3 * std::pow(k, exponent) * (1 + noise * random.normal(draw++)));
  }
  return t;
}

TEST(Growth, APowerLawsExponentIsFoundExactly) {
  const Growth g = growth_of(power_law(0.5, 0, 4, 1), 1);
  EXPECT_NEAR(g.all.value, 0.5, 1e-12);
  EXPECT_NEAR(g.upper_half.value, 0.5, 1e-12);
  EXPECT_EQ(g.all.points, 8);
  EXPECT_EQ(g.upper_half.points, 4);
  ASSERT_EQ(g.local.size(), 7u);
  for (const double slope : g.local) EXPECT_NEAR(slope, 0.5, 1e-12);
  EXPECT_NEAR(g.all.low, 0.5, 1e-12);
  EXPECT_NEAR(g.all.high, 0.5, 1e-12);
}

// Closed form of least squares on three points: the slope of log y = (0, a, b) at log x = (0, 1, 2) is b / 2.
TEST(Growth, TheFitIsLeastSquares) {
  const double e = std::exp(1.0);
  const Line line = fit_log_log({1, e, e * e}, {1, std::exp(5.0), std::exp(3.0)});
  EXPECT_NEAR(line.slope, 1.5, 1e-12);
  EXPECT_NEAR(line.intercept, 8.0 / 3 - 1.5, 1e-12);
}

TEST(Growth, IntervalsCoverTheTruthAboutAsOftenAsTheySay) {
  int covered = 0;
  double width = 0, wide = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Growth g = growth_of(power_law(0.6, 0.3, 32, seed), seed, 300);
    covered += g.all.low <= 0.6 && 0.6 <= g.all.high;
    width += g.all.high - g.all.low;
    const Growth few = growth_of(power_law(0.6, 0.3, 8, seed), seed, 300);
    wide += few.all.high - few.all.low;
  }
  EXPECT_GE(covered, 86);
  EXPECT_LE(covered, 100);
  EXPECT_NEAR(wide / width, 2, 0.3);  // a quarter of the replicas, twice the width
}

TEST(Growth, TheSameSeedGivesTheSameInterval) {
  const RegretTable t = power_law(0.6, 0.5, 16, 3);
  const Growth a = growth_of(t, 7, 200), b = growth_of(t, 7, 200), c = growth_of(t, 8, 200);
  EXPECT_EQ(a.all.low, b.all.low);
  EXPECT_EQ(a.upper_half.high, b.upper_half.high);
  EXPECT_NE(a.all.low, c.all.low);
}

TEST(Growth, WhatHasNoLogarithmIsLeftOutAndSaidSo) {
  const Growth g = growth_of({{10, 20, 40}, {{-1, -1}, {2, 2}, {4, 4}}}, 1, 50);
  EXPECT_NEAR(g.all.value, 1, 1e-12);
  EXPECT_TRUE(std::isnan(g.local[0]));
  EXPECT_TRUE(std::isnan(fit_log_log({1, 2}, {0, -1}).slope));
}

TEST(Growth, OneReplicaHasNoInterval) {
  const Growth g = growth_of(power_law(0.5, 0.1, 1, 1), 1);
  EXPECT_TRUE(std::isfinite(g.all.value));
  EXPECT_TRUE(std::isnan(g.all.low));
  EXPECT_TRUE(std::isnan(g.standard_error[0]));
}

}  // namespace
}  // namespace hardy::algorithms
