#include "algorithms/experiments/growth.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/random.h"

namespace hardy::algorithms {
namespace {

RegretTable power_law(double exponent, double noise, int replicas, std::uint64_t seed) {
  RegretTable t;
  std::uint64_t draw = 0;
  const Random random(seed, RandomStream::kNoise);
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

// And a true power law is seldom taken for none, whatever the noise.
TEST(Growth, IntervalsCoverTheTruthAboutAsOftenAsTheySay) {
  int covered = 0, given = 0;
  double width = 0, wide = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Growth g = growth_of(power_law(0.6, 0.3, 32, seed), seed, 300);
    const Growth few = growth_of(power_law(0.6, 0.3, 8, seed), seed, 300);
    if (!g.all.none_because.empty() || !few.all.none_because.empty()) continue;
    ++given;
    covered += g.all.low <= 0.6 && 0.6 <= g.all.high;
    width += g.all.high - g.all.low;
    wide += few.all.high - few.all.low;
  }
  EXPECT_GE(given, 96);
  EXPECT_GE(covered, given - 14);
  EXPECT_NEAR(wide / width, 2, 0.3);  // a quarter of the replicas, twice the width
}

// Log-normal regret whose tail grows heavier with K, as that of exponential weights at a large step; the mean
// is K^0.6 at every K. How often the plain percentile bootstrap holds it was measured at 0.60.
TEST(Growth, IntervalsHoldWhereTailsAreHeavyAndATailIndexSaysSo) {
  int covered = 0, warned = 0;
  const int trials = 200;
  for (std::uint64_t seed = 0; seed < trials; ++seed) {
    RegretTable t;
    std::uint64_t draw = 0;
    const Random random(seed, RandomStream::kNoise);
    for (int i = 0; i < 6; ++i) {
      const double K = std::pow(2.0, 10 + i), sigma = 0.3 + 0.34 * i;
      t.episodes.push_back(K);
      t.regret.emplace_back();
      for (int r = 0; r < 16; ++r)
        t.regret.back().push_back(std::pow(K, 0.6) *
                                  std::exp(sigma * random.normal(draw++) - sigma * sigma / 2));
    }
    const Growth g = growth_of(t, seed, 300);
    warned += g.tail_index < kHeavyTail;
    // Whether such a curve is a power law is another question, and often answered with no.
    const Exponent e = interval_of(t, seed, 300);
    covered += e.low <= 0.6 && 0.6 <= e.high;
  }
  EXPECT_GE(covered, trials * 77 / 100);
  EXPECT_GE(warned, trials * 95 / 100);
  EXPECT_GT(growth_of(power_law(0.6, 0.1, 16, 3), 1, 50).tail_index, kHeavyTail);
}

TEST(Growth, TheTailIndexIsThatOfAParetoLaw) {
  for (const double a : {1.2, 2.0, 5.0}) {
    std::vector<double> x;  // quantiles of P(X > x) = x^-a
    for (int i = 0; i < 4000; ++i) x.push_back(std::pow(1 - (i + 0.5) / 4000, -1 / a));
    EXPECT_NEAR(tail_index(x), a, 0.02 * a);
  }
  EXPECT_TRUE(std::isnan(tail_index({1, 2, 3, 4, 5, 6, 7})));           // too few
  EXPECT_TRUE(std::isnan(tail_index({-1, -2, -3, -4, -5, -6, 7, 8})));  // nothing to take logarithms of
}

TEST(Growth, PointsAreThoseThatTheFitHas) {
  const Growth g = growth_of({{10, 20, 40, 80}, {{-1, -1}, {2, 2}, {4, 4}, {8, 8}}}, 1, 50);
  EXPECT_EQ(g.all.points, 3);
  EXPECT_EQ(g.all.dropped, 1);
  EXPECT_EQ(g.upper_half.dropped, 0);
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
  EXPECT_TRUE(std::isnan(g.all.value));
  EXPECT_EQ(g.all.none_because, "at K = 10 regret is not positive and has no logarithm");
  EXPECT_TRUE(std::isnan(g.local[0]));
  EXPECT_TRUE(std::isnan(fit_log_log({1, 2}, {0, -1}).slope));
}

// Regret of `curve(K)` with a spread of `noise` over 32 replicas.
template <class Curve>
RegretTable table_of(Curve curve, double noise) {
  RegretTable t = power_law(0, 0, 32, 1);
  std::uint64_t draw = 0;
  const Random random(5, RandomStream::kNoise);
  for (std::size_t i = 0; i < t.episodes.size(); ++i)
    for (double& r : t.regret[i]) r = curve(t.episodes[i]) * (1 + noise * random.normal(draw++));
  return t;
}

TEST(Growth, ALearnerThatPlaysAsTheUniformPolicyHasNoExponent) {
  const auto linear = [](double k) { return 0.2 * k; };
  std::vector<double> uniform;
  for (double k = 1024; k <= 131072; k *= 2) uniform.push_back(linear(k));
  const Growth same = growth_of(table_of([&](double k) { return 0.97 * linear(k); }, 0.02), 1, 200, uniform);
  EXPECT_TRUE(std::isnan(same.all.value) && std::isnan(same.all.low) && std::isnan(same.upper_half.value));
  EXPECT_NE(
      same.all.none_because.find("at K = 131072 it plays no better than the uniform policy (regret 2.5"),
      std::string::npos)
      << same.all.none_because;
  EXPECT_EQ(same.local.size(), 7u);
  // Far below it, linear growth is an exponent like any other.
  const Growth below = growth_of(table_of([&](double k) { return 0.5 * linear(k); }, 0.02), 1, 200, uniform);
  EXPECT_EQ(below.all.none_because, "");
  EXPECT_NEAR(below.all.value, 1, 0.01);
}

TEST(Growth, ACurveThatLeavesTheUniformPolicyHalfwayHasAnExponentOverTheUpperHalfAlone) {
  std::vector<double> uniform;
  for (double k = 1024; k <= 131072; k *= 2) uniform.push_back(0.2 * k);
  const auto bent = [](double k) { return k <= 8192 ? 0.2 * k : 0.1 * 8192 * std::sqrt(k / 8192); };
  const Growth g = growth_of(table_of(bent, 0.02), 1, 200, uniform);
  EXPECT_NE(g.all.none_because.find("at K = 8192 it plays no better"), std::string::npos)
      << g.all.none_because;
  EXPECT_EQ(g.upper_half.none_because, "");
  EXPECT_NEAR(g.upper_half.value, 0.5, 0.02);
}

TEST(Growth, ACurveThatBendsIsNoPowerLaw) {
  const auto bent = [](double k) { return k <= 8192 ? k : std::sqrt(k * 8192); };
  const Growth g = growth_of(table_of(bent, 0.02), 1, 200);
  EXPECT_TRUE(std::isnan(g.all.value));
  EXPECT_TRUE(g.all.none_because.starts_with("the curve is no power law: its slope goes from 1.0"))
      << g.all.none_because;
  EXPECT_NEAR(g.upper_half.value, 0.5, 0.02);
  // Noise that could bend a line as much is no evidence of a bend.
  const Growth noisy = growth_of(table_of([](double k) { return std::sqrt(k); }, 2.0), 1, 200);
  EXPECT_EQ(noisy.all.none_because, "");
}

TEST(Growth, ACurveThatGoesToAndFroIsNoPowerLaw) {
  const auto to_and_fro = [](double k) { return std::sqrt(k) * (std::lround(std::log2(k)) % 2 ? 1.5 : 1.0); };
  const Growth g = growth_of(table_of(to_and_fro, 0.02), 1, 200);
  EXPECT_TRUE(std::isnan(g.all.value));
  EXPECT_NE(g.all.none_because.find("% off the line through all"), std::string::npos) << g.all.none_because;
}

TEST(Growth, TwoPointsAreNoLaw) {
  const Growth g = growth_of({{10, 20}, {{1, 1.1}, {2, 2.1}}}, 1, 50);
  EXPECT_TRUE(std::isnan(g.all.value));
  EXPECT_EQ(g.all.none_because, "three K or more are needed to see a power law");
}

TEST(Growth, OneReplicaHasNoInterval) {
  const Growth g = growth_of(power_law(0.5, 0.001, 1, 1), 1);
  EXPECT_NEAR(g.all.value, 0.5, 0.01);
  EXPECT_TRUE(std::isnan(g.all.low));
  EXPECT_TRUE(std::isnan(g.standard_error[0]));
}

TEST(Growth, QuantilesInterpolateBetweenNeighbours) {
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_NEAR(quantile({4, 1, 3, 2}, 0.95), 3.85, 1e-12);
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
  RegretTable table{{1, 2, 4}, {{1, 2, 3}, {2, 4, 9}, {5, 6, 7}}};
  const Growth g = growth_of(table, 1, 10);
  EXPECT_EQ(g.median, (std::vector<double>{2, 4, 6}));
  EXPECT_NEAR(g.below_95[1], 8.5, 1e-12);
}

// R = K^x, four replicas a thousandth to either side.
Growth of_slope(double x) {
  RegretTable table;
  for (const double k : {16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0}) {
    table.episodes.push_back(k);
    const double r = std::pow(k, x);
    table.regret.push_back({.999 * r, 1.001 * r, .9995 * r, 1.0005 * r});
  }
  return growth_of(table, 3, 100);
}

TEST(Growth, ARateIsToldFromAPassingPointByTheorysSlope) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [x, theory, says] :
       {std::tuple{.5, .5, "a rate: slope 0.50"}, std::tuple{.63, .5, "a passing point: slope 0.63"},
        std::tuple{.51, .5, "a rate: slope 0.51"},
        std::tuple{.4, 2. / 3, "a rate below the bound: slope 0.40"},
        std::tuple{.7, none, "a slope alone: slope 0.70"}})
    EXPECT_TRUE(standing_of(of_slope(x), theory).starts_with(says)) << standing_of(of_slope(x), theory);
  Growth bends = of_slope(.5);
  bends.upper_half.none_because = "the curve is no power law";
  EXPECT_EQ(standing_of(bends, .5), "a passing point: the curve is no power law");
}

}  // namespace
}  // namespace hardy::algorithms
