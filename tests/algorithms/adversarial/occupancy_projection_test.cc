// Projections onto occupancies, by what makes a point of a convex set the least of a convex function: no
// other point of the set is lower by the gradient there. Over occupancies with transitions in a confidence
// set that linear problem is solved by going back through the layers, and each (s,a)'s law by all orders of
// states.
#include "algorithms/adversarial/boxes/occupancy_projection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/adversarial/regret_method.h"
#include "engine/base/random.h"
#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

constexpr int kH = 3, kS = 4, kA = 3;

// min over the set of <P, f>: all orders in which what is left of the mass may be filled in.
double least(const double* low, const double* room, const std::vector<double>& f) {
  std::vector<std::size_t> order(kS);
  std::iota(order.begin(), order.end(), 0u);
  double best = INFINITY;
  do {
    double left = 1, value = 0;
    for (std::size_t i = 0; i < kS; ++i) left -= low[i], value += low[i] * f[i];
    for (const std::size_t i : order) {
      const double more = std::min(left, room[i]);
      value += more * f[i], left -= more;
    }
    best = std::min(best, value);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

struct Case {
  envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  ConfidenceSet set;
  explicit Case(double c, int visits) : set(*instance.mdp, 1000, 0.1, false, c) {
    SplitMix64 random(17);
    for (int i = 0; i < visits; ++i) {
      const int h = static_cast<int>(2 * random.uniform()), s = static_cast<int>(kS * random.uniform()),
                a = static_cast<int>(kA * random.uniform());
      const double u = random.uniform();
      set.visited(h, s, a, u < 0.6 ? 0 : u < 0.8 ? 1 : u < 0.9 ? 2 : 3);
    }
    set.refresh();
  }
};

TEST(OccupancyProjection, NoOccupancyOfTheSetIsLowerByTheGradient) {
  int clipped = 0;
  for (const auto& [c, visits] : {std::pair{2.0, 0}, {0.05, 300}, {0.2, 2000}}) {
    Case made(c, visits);
    OccupancyProjection projection(*made.instance.mdp, &made.set);
    SplitMix64 random(23);
    Numbers log_weight(kH * kS * kA), q(kH * kS * kA);
    for (int round = 0; round < 5; ++round) {  // each from the laws that the one before found
      for (std::int64_t i = 0; i < log_weight.size(); ++i) log_weight[i] = -3 * random.uniform();
      const std::vector<double> before = projection.log_laws();
      projection.project(log_weight, q);
      const std::vector<double>& after = projection.log_laws();
      std::vector<double> ahead(kS), value(kS);
      double at_q = 0;
      for (int h = kH; h-- > 0;) {
        std::vector<double> reached(kS);
        double layer = 0;
        for (int s = 0; s < kS; ++s) {
          value[static_cast<std::size_t>(s)] = INFINITY;
          for (int a = 0; a < kA; ++a) {
            const std::int64_t pair = (h * kS + s) * kA + a;
            const double base = std::log(q[pair]) - log_weight[pair] + 1;
            layer += q[pair];
            double lowest = base;
            if (h + 1 == kH) {
              at_q += q[pair] * base;
            } else {
              std::vector<double> f(kS);
              double mass = 0;
              for (std::size_t i = 0; i < kS; ++i) {
                const std::size_t at = static_cast<std::size_t>(pair) * kS + i;
                const double P = std::exp(after[at]), g = base + after[at] - before[at];
                f[i] = g + ahead[i];
                at_q += q[pair] * P * g;
                reached[i] += q[pair] * P;
                mass += P;
                EXPECT_GE(P, made.set.low()[at] - 1e-10);
                EXPECT_LE(P, made.set.low()[at] + made.set.room()[at] + 1e-10);
                clipped += std::abs(P - made.set.low()[at] - made.set.room()[at]) < 1e-9;
              }
              EXPECT_NEAR(mass, 1, 1e-12);
              lowest = least(made.set.low() + pair * kS, made.set.room() + pair * kS, f);
            }
            double& v = value[static_cast<std::size_t>(s)];
            v = std::min(v, lowest);
          }
        }
        EXPECT_NEAR(layer, 1, 1e-12);
        if (h + 1 < kH)
          for (int s = 0; s < kS; ++s) {
            double here = 0;
            for (int a = 0; a < kA; ++a) here += q[((h + 1) * kS + s) * kA + a];
            EXPECT_NEAR(here, reached[static_cast<std::size_t>(s)], 1e-9);
          }
        ahead = value;
      }
      EXPECT_LT(std::abs(at_q - ahead[0]), 1e-7) << "c " << c << ", visits " << visits << ", round " << round;
    }
  }
  EXPECT_GT(clipped, 20) << "some bounds hold something back";
}

// Its KL(P || even law) is then a number of each pair, which the weights of the other problem take in.
TEST(OccupancyProjection, ASetOfOneLawIsTheKnownTransitions) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const ConfidenceSet truth(*instance.mdp, 1000, 0.1, true);
  OccupancyProjection known(*instance.mdp, nullptr), one(*instance.mdp, &truth);
  SplitMix64 random(29);
  Numbers log_weight(kH * kS * kA), q(kH * kS * kA), r(kH * kS * kA);
  for (std::int64_t i = 0; i < log_weight.size(); ++i) log_weight[i] = -4 * random.uniform();
  one.project(log_weight, r);
  for (std::int64_t pair = 0; pair < (kH - 1) * kS * kA; ++pair)
    for (std::int64_t i = 0; i < kS; ++i) {
      const double P = instance.mdp->transitions[static_cast<std::size_t>(pair * kS + i)];
      log_weight[pair] -= P * std::log(P * kS);
    }
  known.project(log_weight, q);
  for (std::int64_t i = 0; i < q.size(); ++i) EXPECT_NEAR(q[i], r[i], 1e-9);
}

// After one episode of the same numbers: pi, and the pairs that were visited [H - 1].
std::vector<double> policy_after_one(const RegretConfig& config, std::vector<std::int64_t>* visited) {
  ThreadTeam team(1);
  const Lane lane{3, {0.5, 0, 0.1}};
  const auto steps = make_steps(config, {&lane, 1}, team);
  const auto learner = regret_method("uob_reps").make(*steps);
  steps->begin(0);
  learner->episode(0);
  for (std::size_t h = 0; visited && h + 1 < kH; ++h)
    visited->push_back((static_cast<std::int64_t>(h) * kS + steps->played.states[h]) * kA +
                       steps->played.actions[h]);
  return {steps->tables.pi.at(0), steps->tables.pi.at(kH * kS * kA)};
}

TEST(UobReps, LearnsOnLossesThatStayAndReadsNoTransitions) {
  const std::int64_t K = 2000;
  RegretConfig config = test::t1("uob_reps", K, 0.05, 0, 0.01);
  config.instance = envs::make_instance(test::kT1, "fixed", K);
  config.seeds = {0, 1};
  ThreadTeam team(2);
  double mean = 0;
  for (const ReplicaResult& r : run_regret(config, team).replicas) mean += r.regret / 2;
  RegretConfig uniform = config;
  uniform.method = "uniform";
  EXPECT_LT(mean, 0.7 * run_regret(uniform, team).replicas[0].regret);
  // Other laws wherever the trajectory did not come by: it cannot tell.
  std::vector<std::int64_t> visited;
  const std::vector<double> pi = policy_after_one(config, &visited);
  auto other = std::make_shared<envs::LinearMdp>(*config.instance.mdp);
  other->mu.clear();
  for (std::int64_t pair = 0; pair < (kH - 1) * kS * kA; ++pair)
    if (std::ranges::find(visited, pair) == visited.end()) {
      const auto row = other->transitions.begin() + pair * kS;
      std::rotate(row, row + 1, row + kS);
    }
  other->finish();
  config.instance.mdp = other;
  EXPECT_EQ(policy_after_one(config, nullptr), pi);
}

}  // namespace
}  // namespace hardy::algorithms
