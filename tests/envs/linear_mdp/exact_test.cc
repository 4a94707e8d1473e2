// Exact evaluation of adversarial linear MDPs: reference numbers of the problem T1, brute force, closed
// forms.
#include "envs/linear_mdp/exact.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "envs/linear_mdp/instance.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::envs {
namespace {

constexpr const char* kT1 = "simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8";

Instance t1() { return make_instance(kT1, "", 8); }
std::vector<double> losses_of(const Instance& i, std::int64_t k) {
  std::vector<double> scratch(static_cast<std::size_t>(loss_size(*i.mdp, i.losses->linear())));
  return loss_table(*i.mdp, *i.losses, i.losses->losses(k, scratch.data()));
}
std::vector<double> summed(const Instance& i, std::int64_t episodes) {
  std::vector<double> sum(static_cast<std::size_t>(i.mdp->H * i.mdp->pairs()));
  for (std::int64_t k = 0; k < episodes; ++k) {
    const std::vector<double> one = losses_of(i, k);
    for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += one[p];
  }
  return sum;
}
std::vector<double> uniform(const LinearMdp& m) {
  return std::vector<double>(static_cast<std::size_t>(m.H * m.pairs()), 1.0 / m.A);
}
void expect_near(const double* have, std::vector<double> want, double within = 1e-12) {
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(have[i], want[i], within) << i;
}

TEST(LinearMdpExact, T1IsDrawnAsTheReferenceSays) {
  const Instance i = t1();
  expect_near(i.mdp->features(0, 0, 0), {.191204154682, .540429191497, .268366653821});
  expect_near(i.mdp->layer_transitions(1) + (2 * 3 + 1) * 4,
              {.146332619181, .150235505202, .561761082027, .141670793590});
  EXPECT_NEAR(losses_of(i, 7)[(2 * 4 + 3) * 3 + 2], 0.735011840717132, 1e-14);
}

TEST(LinearMdpExact, ValuesOfTheUniformPolicyOnT1MeetTheReference) {
  const Instance i = t1();
  const Values v = evaluate(*i.mdp, losses_of(i, 0), uniform(*i.mdp));
  EXPECT_NEAR(v.start, 1.511727975661762, 1e-14);
  expect_near(v.Q.data(), {1.553844499523, 1.436374266866, 1.544965160596});
}

TEST(LinearMdpExact, QIsLinearInTheFeaturesWithThetaOfTheReference) {
  const Instance i = t1();
  const LinearMdp& m = *i.mdp;
  const Values v = evaluate(m, losses_of(i, 0), uniform(m));
  std::vector<double> nu(9);
  const double* row = i.losses->losses(0, nu.data());
  for (int h = 0; h < 3; ++h) {
    std::vector<double> theta(row + h * 3, row + h * 3 + 3);
    for (int j = 0; h < 2 && j < 3; ++j)
      for (int s = 0; s < 4; ++s)
        theta[static_cast<std::size_t>(j)] +=
            m.layer_mu(h)[j * 4 + s] * v.V[static_cast<std::size_t>((h + 1) * 4 + s)];
    if (h == 1) expect_near(theta.data(), {.559890983713, 1.148248855560, .587223112078});
    for (std::int64_t p = 0; p < 12; ++p)
      EXPECT_NEAR(std::inner_product(theta.begin(), theta.end(), m.layer_features(h) + p * 3, 0.0),
                  v.Q[static_cast<std::size_t>(h * 12 + p)], 1e-14);
  }
}

TEST(LinearMdpExact, TheBestFixedPolicyOnT1IsTheReferencesAndBruteForces) {
  const Instance i = t1();
  const LinearMdp& m = *i.mdp;
  const std::vector<double> sum = summed(i, 8);
  const Hindsight best = hindsight(m, sum);
  EXPECT_NEAR(best.value, 11.638220643066211, 1e-13);
  EXPECT_EQ(best.actions, (std::vector<int>{1, 0, 2, 1, 0, 0, 0, 0, 1, 0, 2, 0}));
  // Every deterministic policy: one action at the start, one in each of the eight states behind.
  double least = 1e9;
  for (int code = 0; code < 19683; ++code) {
    std::vector<double> policy(36);
    int rest = code;
    for (int hs = 0; hs < 12; ++hs) {
      const bool behind = hs == 0 || hs >= 4;
      policy[static_cast<std::size_t>(hs * 3 + (behind ? rest % 3 : 0))] = 1;
      if (behind) rest /= 3;
    }
    least = std::min(least, evaluate(m, sum, policy).start);
  }
  EXPECT_NEAR(least, best.value, 1e-13);
}

TEST(LinearMdpExact, OccupanciesAreLawsThatTheFlowConserves) {
  for (const char* name :
       {kT1, "riverswim:H=7,S=5", "lock", "gridworld:side=4,H=5", "mirror:H=4,S=5",
        "simplex:seed=5,H=4,S=6,A=2,d=5,concentration=0.1,rare=1", "tabular:seed=3,H=4,S=5"}) {
    const Instance i = make_instance(name, "", 8);
    const LinearMdp& m = *i.mdp;
    std::vector<double> policy;
    for (int hs = 0; hs < m.H * m.S; ++hs) {  // some policy that is not uniform
      double total = 0;
      for (int a = 0; a < m.A; ++a) total += 1 + (hs * 7 + a * 3) % 5;
      for (int a = 0; a < m.A; ++a) policy.push_back((1 + (hs * 7 + a * 3) % 5) / total);
    }
    const std::vector<double> q = occupancy(m, policy);
    for (int h = 0; h < m.H; ++h) {
      const double* layer = q.data() + h * m.pairs();
      EXPECT_NEAR(std::accumulate(layer, layer + m.pairs(), 0.0), 1, 1e-12) << name;
      for (int s = 0; h > 0 && s < m.S; ++s) {
        double in = 0, out = 0;
        for (std::int64_t p = 0; p < m.pairs(); ++p)
          in += layer[p - m.pairs()] * m.layer_transitions(h - 1)[p * m.S + s];
        for (int a = 0; a < m.A; ++a) out += layer[s * m.A + a];
        EXPECT_NEAR(in, out, 1e-12) << name;
      }
    }
    // The value is the inner product of occupancies and losses.
    const std::vector<double> l = losses_of(i, 0);
    EXPECT_NEAR(std::inner_product(q.begin(), q.end(), l.begin(), 0.0), evaluate(m, l, policy).start, 1e-12)
        << name;
  }
}

TEST(LinearMdpExact, StateMarginalOfT1MeetsTheReference) {
  const Instance i = t1();
  const std::vector<double> q = occupancy(*i.mdp, uniform(*i.mdp));
  const double want[4] = {.263308185839, .184222430432, .412127612228, .140341771501};
  for (std::size_t s = 0; s < 4; ++s)
    EXPECT_NEAR(q[24 + s * 3] + q[25 + s * 3] + q[26 + s * 3], want[s], 1e-12);
}

TEST(LinearMdpExact, RegretOfAnOptimalPolicyIsZero) {
  const Instance i = t1();
  const Hindsight best = hindsight(*i.mdp, summed(i, 8));
  std::vector<double> policy(36);
  for (std::size_t hs = 0; hs < 12; ++hs) policy[hs * 3 + static_cast<std::size_t>(best.actions[hs])] = 1;
  double total = 0;
  for (std::int64_t k = 0; k < 8; ++k) total += evaluate(*i.mdp, losses_of(i, k), policy).start;
  EXPECT_NEAR(total - best.value, 0, 1e-13);
}

TEST(LinearMdpExact, ADilatedBonusIsItsOwnSumOverTheStepsAndBounded) {
  const Instance i = t1();
  const LinearMdp& m = *i.mdp;
  const std::vector<double> policy = uniform(m), q = occupancy(m, policy);
  std::vector<double> b(36);
  for (std::size_t p = 0; p < 36; ++p) b[p] = 0.1 + 0.01 * static_cast<double>(p * 7 % 11);
  const std::vector<double> B = dilated_bonus(m, b, policy);
  double start = 0, steps = 0;
  for (std::size_t a = 0; a < 3; ++a) start += B[a] / 3;
  for (std::size_t p = 0; p < 36; ++p) steps += std::pow(4.0 / 3, static_cast<double>(p / 12)) * q[p] * b[p];
  EXPECT_NEAR(start, steps, 1e-14);
  for (std::size_t p = 0; p < 36; ++p) {
    EXPECT_GE(B[p], b[p]);
    EXPECT_LE(B[p], std::exp(1.0) * 3 * 0.2);
    if (p >= 24) {
      EXPECT_EQ(B[p], b[p]);
    }
  }
}

TEST(LinearMdpExact, TabularBonusWithKnownTransitionsMeetsTheReference) {
  const Instance i = t1();
  const LinearMdp& m = *i.mdp;
  const std::vector<double> policy = uniform(m), q = occupancy(m, policy);
  const double gamma = 2 * .01 * 3;
  std::vector<double> b(36);
  for (std::size_t hs = 0; hs < 12; ++hs) {
    double mean = 0;
    for (std::size_t a = 0; a < 3; ++a) mean += 3 * gamma * 3 / (q[hs * 3 + a] + gamma) / 3;
    for (std::size_t a = 0; a < 3; ++a) b[hs * 3 + a] = mean;
  }
  const std::vector<double> B = dilated_bonus(m, b, policy);
  EXPECT_NEAR(B[0], 12.838067075503631, 1e-12);
  const double want[4] = {8.186170595907, 9.859440163685, 7.920421666610, 8.717229385624};
  for (std::size_t s = 0; s < 4; ++s) EXPECT_NEAR(B[12 + s * 3], want[s], 1e-11);
}

TEST(LinearMdpExact, LowRankAndDenseTransitionsGiveTheSameNumbers) {
  LinearMdp low = make_linear_environment("simplex:seed=9,H=4,S=30,A=3,d=4").mdp;
  LinearMdp dense = low;
  dense.mu.clear();
  dense.finish();
  ASSERT_TRUE(low.low_rank());
  ASSERT_FALSE(dense.low_rank());
  const std::vector<double> policy = uniform(low), a = occupancy(low, policy), b = occupancy(dense, policy);
  std::vector<double> l(a.size());
  for (std::size_t i = 0; i < l.size(); ++i) l[i] = static_cast<double>(i * 31 % 17) / 17;
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-13);
  EXPECT_NEAR(evaluate(low, l, policy).start, evaluate(dense, l, policy).start, 1e-12);
  EXPECT_NEAR(hindsight(low, l).value, hindsight(dense, l).value, 1e-12);
}

TEST(LinearMdpSimulator, CountsItsCallsAndDrawsTheTransitionsLaws) {
  const Instance i = t1();
  const auto simulator = simulator_of(i);
  std::vector<double> seen(4);
  constexpr int kCalls = 40000;
  for (int c = 0; c < kCalls; ++c) ++seen[simulator->step(1, 2, 1, (c + 0.5) / kCalls)];
  EXPECT_EQ(simulator->calls(), kCalls);
  for (std::size_t s = 0; s < 4; ++s)
    EXPECT_NEAR(seen[s] / kCalls, i.mdp->layer_transitions(1)[(2 * 3 + 1) * 4 + static_cast<int>(s)], 1e-4);
  std::vector<double> phi(9);
  simulator->features(1, 2, phi);
  expect_near(phi.data(), {i.mdp->features(1, 2, 0), i.mdp->features(1, 2, 0) + 9}, 0);
  EXPECT_NEAR(simulator->loss(7, 2, 3, 2), 0.735011840717132, 1e-14);
}

}  // namespace
}  // namespace hardy::envs
