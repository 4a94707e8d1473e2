#include "engine/linalg/simplex.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "engine/base/random.h"
#include "engine/linalg/lanes.h"

namespace hardy::linalg {
namespace {

std::vector<double> solve(void (*method)(const SimplexBatch&), std::vector<double> cost, double eta) {
  std::vector<double> p(cost.size());
  method({1, static_cast<std::int64_t>(cost.size()), 1, &eta, cost.data(), p.data()});
  return p;
}

// Costs whose spread runs over ten powers of ten.
std::vector<double> some_x(std::uint64_t seed, std::size_t actions) {
  const Random random(seed, RandomStream::kUser);
  const double scale = std::pow(10.0, 10.0 * random.uniform64(1000) - 4.0);
  std::vector<double> x(actions);
  for (std::size_t a = 0; a < actions; ++a) x[a] = std::abs(random.normal(a)) * scale;
  const double low = *std::min_element(x.begin(), x.end());
  for (double& v : x) v -= low;
  return x;
}

// The root by bisection in long double: slow, and nothing can go wrong with it.
long double bisected_root(const std::vector<double>& x) {
  long double low = 1, high = static_cast<long double>(x.size());
  for (int i = 0; i < 200; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (const double v : x) sum += 1 / (middle + v);
    (sum > 1 ? low : high) = middle;
  }
  return low;
}

// Sixty-digit decimal Newton's digits.
TEST(LogBarrier, AgreesWithReferenceDigits) {
  struct Case {
    std::vector<double> cost;
    double eta;
    std::vector<double> p;
  };
  const std::vector<Case> cases{
      {{0, 1}, 1, {.6180339887498948482, .3819660112501051518}},
      {{0, 1, 2, 5},
       .3,
       {.28807210818995089460, .26515682271390757139, .24561858929298735411, .20115247980315417988}},
      {{-3, 0, 4, 4, 10},
       .05,
       {.21233681081150928297, .20578252989375469146, .19764802766161125694, .19764802766161125694,
        .18658460397151351169}},
      {{0, 1e6, 2e6}, 1, {.99999850000125000075, 9.9999899999950000100e-07, 4.9999974999975000006e-07}}};
  for (const Case& c : cases) {
    const std::vector<double> p = solve(log_barrier, c.cost, c.eta);
    for (std::size_t a = 0; a < p.size(); ++a) EXPECT_NEAR(p[a], c.p[a], 6e-16 * c.p[a]) << a;
  }
  EXPECT_NEAR(log_barrier_root(std::vector<double>{0, 1}).lambda, std::numbers::phi, 4e-16);
}

TEST(LogBarrier, TwoActionsHaveAClosedForm) {
  for (const double d : {0.0, 1e-8, 0.3, 2.0, 1e4, 1e9}) {
    // ((2 - d) + sqrt(d^2 + 4)) / 2, rearranged so that nothing cancels for a large d.
    const long double root = std::sqrt(static_cast<long double>(d) * d + 4);
    const long double lambda = 1 + 2 / (root + d);
    EXPECT_NEAR(log_barrier_root(std::vector<double>{0, d}).lambda, static_cast<double>(lambda), 1e-15) << d;
  }
}

TEST(LogBarrier, NewtonRisesMonotonicallyAndNeverPassesTheRoot) {
  for (const std::size_t actions : {2u, 3u, 16u, 17u, 64u, 256u})
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      const std::vector<double> x = some_x(seed, actions);
      const auto root = static_cast<double>(bisected_root(x));
      double lambda = log_barrier_lower_bound(x);
      ASSERT_GE(lambda, 1);
      for (int i = 0; i < 20; ++i) {
        ASSERT_LE(lambda, root * (1 + 1e-14)) << actions << " actions, seed " << seed << ", step " << i;
        const double step = log_barrier_newton_step(x, lambda);
        ASSERT_GE(step, -1e-14 * lambda);
        lambda += std::max(step, 0.0);
      }
      ASSERT_NEAR(lambda, root, 1e-14 * root);
    }
}

// Two to four actions go by products, others by divisions: padded with an action that costs too much to
// matter, a small problem must come out the same by the other road.
TEST(LogBarrier, SmallProblemsAgreeWithTheGeneralRoad) {
  for (const std::size_t actions : {2u, 3u, 4u})
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      std::vector<double> cost = some_x(seed, actions);
      const std::vector<double> p = solve(log_barrier, cost, 1);
      while (cost.size() < 5) cost.push_back(1e34);
      const std::vector<double> q = solve(log_barrier, cost, 1);
      for (std::size_t a = 0; a < actions; ++a)
        ASSERT_NEAR(p[a], q[a], 2e-15 * q[a]) << actions << ", " << seed;
    }
}

TEST(LogBarrier, HugeCostsAreNumbers) {
  for (const std::size_t actions : {2u, 3u, 4u, 9u}) {
    std::vector<double> cost(actions, 1e300);
    cost[0] = 0;
    const std::vector<double> p = solve(log_barrier, cost, 1);
    EXPECT_NEAR(p[0], 1, 1e-15);
    for (const double v : p) EXPECT_TRUE(v >= 0 && v <= 1);
  }
}

TEST(LogBarrier, NeedsFewStepsFromTheLowerBound) {
  const auto most = [](std::size_t actions) {
    int steps = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed)
      steps = std::max(steps, log_barrier_root(some_x(seed, actions)).steps);
    return steps;
  };
  EXPECT_LE(most(2), 5);
  EXPECT_LE(most(4), 6);
  EXPECT_LE(most(16), 7);
  EXPECT_LE(most(256), 8);
}

TEST(LogBarrier, KeepsEveryActionAndSumsToOne) {
  for (const std::size_t actions : {1u, 2u, 7u, 40u, 100u})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::vector<double> cost = some_x(seed, actions), p = solve(log_barrier, cost, 0.7);
      const double range = *std::max_element(cost.begin(), cost.end());
      double sum = 0;
      for (const double v : p) {
        EXPECT_GE(v, (1 - 1e-14) / (static_cast<double>(actions) + 0.7 * range));
        sum += v;
      }
      EXPECT_NEAR(sum, 1, 1e-14);
    }
}

TEST(LogBarrier, ShiftsOfAllCostsChangeNothing) {
  const std::vector<double> p = solve(log_barrier, {0.5, 2.25, -1, 8}, 0.3),
                            q = solve(log_barrier, {1024.5, 1026.25, 1023, 1032}, 0.3);
  EXPECT_EQ(p, q);
}

TEST(Entropic, AgreesWithReferenceDigitsAndTheLibrarysExponential) {
  const std::vector<double> p = solve(entropic, {0, 1, 2, 5}, .3);
  const double reference[] = {.397968764731, .294822512175, .218409888886, .088798834208};
  for (std::size_t a = 0; a < 4; ++a) EXPECT_NEAR(p[a], reference[a], 1e-12);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<double> x = some_x(seed, 9), q = solve(entropic, x, 1);
    long double sum = 0;
    for (const double v : x) sum += std::exp(static_cast<long double>(-v));
    for (std::size_t a = 0; a < x.size(); ++a) {
      const auto right = static_cast<double>(std::exp(static_cast<long double>(-x[a])) / sum);
      EXPECT_NEAR(q[a], right, 1e-15 * right + 1e-307);
    }
  }
}

// Any layout and company: the same bits as alone.
TEST(Simplex, ProblemsInOneBatchHaveTheBitsTheyHaveAlone) {
  for (auto* method : {log_barrier, entropic})
    for (const std::int64_t actions : {2, 3, 5, 17, 70})
      for (const std::int64_t lanes : {1, 3, kLanes, 2 * kLanes + 1}) {
        const std::int64_t groups = 7;
        std::vector<double> eta, cost(static_cast<std::size_t>(groups * actions * lanes)), p(cost.size());
        const Random random(5, RandomStream::kUser);
        for (std::int64_t w = 0; w < lanes; ++w) eta.push_back(0.1 + 0.01 * static_cast<double>(w));
        for (std::size_t i = 0; i < cost.size(); ++i) cost[i] = 30 * random.normal(i);
        method({groups, actions, lanes, eta.data(), cost.data(), p.data()});
        for (std::int64_t g = 0; g < groups; ++g)
          for (std::int64_t w = 0; w < lanes; ++w) {
            std::vector<double> own;
            for (std::int64_t a = 0; a < actions; ++a)
              own.push_back(cost[static_cast<std::size_t>((g * actions + a) * lanes + w)]);
            const std::vector<double> alone = solve(method, own, eta[static_cast<std::size_t>(w)]);
            for (std::int64_t a = 0; a < actions; ++a)
              ASSERT_EQ(p[static_cast<std::size_t>((g * actions + a) * lanes + w)],
                        alone[static_cast<std::size_t>(a)]);
          }
      }
}

}  // namespace
}  // namespace hardy::linalg
