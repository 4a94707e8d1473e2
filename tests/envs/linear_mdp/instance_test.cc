// Families of linear MDPs, loss processes, and what is refused.
#include "envs/linear_mdp/instance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/base/refusal.h"

namespace hardy::envs {
namespace {

using test::refusal;
bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<double> nu(const Instance& i, std::int64_t k) {
  std::vector<double> scratch(static_cast<std::size_t>(loss_size(*i.mdp, i.losses->linear())));
  const double* row = i.losses->losses(k, scratch.data());
  return {row, row + scratch.size()};
}

TEST(LinearFamilies, EveryFamilyWithEveryLossProcessGivesLossesInTheUnitInterval) {
  EXPECT_GE(linear_families().size(), 6u);
  for (const LinearFamily& family : linear_families())
    for (const std::string& process : loss_process_names()) {
      if (process == "plugin") continue;  // which needs a file: plugin_losses_test.cc
      EXPECT_NO_THROW(make_instance(family.name, process, 200)) << family.name << " " << process;
    }
}

TEST(LinearFamilies, MirrorArmsCostWhatTheyShould) {
  const Instance i = make_instance("mirror", "", 8);
  const double want[2][3] = {{.21, .62, .22}, {.21, .22, .62}};
  for (std::int64_t k = 0; k < 8; ++k) {
    const std::vector<double> row = nu(i, k), table = loss_table(*i.mdp, *i.losses, row.data());
    for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(table[a], want[k / 2 % 2][a], 1e-15) << k;
  }
}

TEST(LinearFamilies, MirrorArmsInALargerMdpKeepHalfOfTheirLossGaps) {
  const Instance i = make_instance("mirror:H=3,S=4,m=3", "fixed", 8);
  EXPECT_EQ(i.mdp->d, 5);
  EXPECT_EQ(i.mdp->A, 3);
  const std::vector<double> row = nu(i, 0);
  for (int h = 0; h < 3; ++h)
    for (int a = 0; a < 3; ++a) {
      const double* x = i.mdp->features(h, 2, a);
      EXPECT_NEAR(
          x[0] * row[static_cast<std::size_t>(h * 5)] + x[1] * row[static_cast<std::size_t>(h * 5 + 1)],
          (a == 0   ? .21
           : a == 1 ? .62
                    : .22) /
              2,
          1e-15);
    }
}

TEST(LossProcesses, SwitchingKeepsItsPeriodAndAFractionOfTheEpisodes) {
  const Instance quarter = make_instance("mirror", "switching:period=K/4", 1024);
  const Instance each = make_instance("mirror", "switching:period=1", 1024);
  for (std::int64_t k = 0; k < 1024; ++k) {
    EXPECT_EQ(nu(quarter, k)[1] > 0, k / 256 % 2 == 0) << k;
    EXPECT_EQ(nu(each, k)[1] > 0, k % 2 == 0) << k;
  }
}

TEST(LossProcesses, StochasticLossesAreBernoulliAroundTheFirstRow) {
  const Instance i = make_instance("tabular:seed=2,H=1,S=2,A=2,K=1", "stochastic:seed=4", 4000);
  const Instance fixed = make_instance("tabular:seed=2,H=1,S=2,A=2,K=1", "fixed", 4000);
  std::vector<double> mean(4);
  for (std::int64_t k = 0; k < 4000; ++k) {
    const std::vector<double> row = nu(i, k);
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_TRUE(row[j] == 0 || row[j] == 1);
      mean[j] += row[j] / 4000;
    }
  }
  for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(mean[j], nu(fixed, 0)[j], 5 * 0.5 / std::sqrt(4000.0));
}

TEST(LossProcesses, SinusoidalLossesFollowTheFormula) {
  const Instance i = make_instance("tabular:H=1,S=1,A=3,K=1", "sinusoidal:period=50", 200);
  for (std::int64_t k : {0, 7, 93})
    for (std::size_t j = 0; j < 3; ++j) {
      const double T = 50 * (1 + static_cast<double>(j) / 3), x = static_cast<double>(j);
      EXPECT_NEAR(nu(i, k)[j], .5 + .4 * std::sin(2 * M_PI * static_cast<double>(k) / T + x), 1e-14);
    }
}

TEST(LossProcesses, TheAdaptiveAdversaryRaisesWhatIsVisitedMost) {
  const Instance i = make_instance("tabular:H=1,S=1,A=3,K=1", "adaptive", 10);
  ASSERT_TRUE(i.losses->adaptive());
  const auto own = i.losses->fresh();
  const double visited[3] = {0.2, 0.7, 0.1};
  own->played(0, {visited, {}});
  std::vector<double> scratch(3);
  const double* row = own->losses(1, scratch.data());
  EXPECT_NEAR(row[1], 0.9, 1e-15);
  EXPECT_NEAR(row[0], 0.1 + 0.8 * 0.2 / 0.7, 1e-15);
}

// A small valid MDP to break.
LinearMdp small() {
  LinearMdp m = make_linear_environment("simplex:seed=1,H=2,S=2,A=2,d=2").mdp;
  m.transitions.clear();
  return m;
}

TEST(LinearMdpRefuses, FeaturesWithANormAboveOne) {
  LinearMdp m = small();
  m.phi[2] = 1.5;
  const std::string line = refusal([&] { m.finish(); });
  EXPECT_TRUE(holds(line, "phi[h=0][s=0][a=1]") && holds(line, "at most 1")) << line;
}

TEST(LinearMdpRefuses, RowsThatDoNotSumToOne) {
  LinearMdp m = small();
  m.mu[0] += 0.25;
  EXPECT_TRUE(holds(refusal([&] { m.finish(); }), "sums to 1."));
  LinearMdp dense = make_linear_environment("tabular:H=2,S=2,A=2").mdp;
  dense.mu.clear();
  dense.transitions[1] += 0.5;
  EXPECT_TRUE(holds(refusal([&] { dense.finish(); }), "P[h=0][s=0][a=0] sums to 1.5"));
}

TEST(LinearMdpRefuses, NegativeProbabilitiesAndNumbersThatAreNone) {
  LinearMdp m = make_linear_environment("tabular:H=2,S=2,A=2").mdp;
  m.mu.clear();
  m.transitions[0] = -0.5, m.transitions[1] = 1.5;
  EXPECT_TRUE(holds(refusal([&] { m.finish(); }), "holds -0.5"));
  m.transitions[0] = NAN;
  refusal([&] { m.finish(); });
  LinearMdp features = small();
  features.phi[0] = NAN;
  refusal([&] { features.finish(); });
}

TEST(LinearMdpRefuses, TransitionsThatContradictMu) {
  LinearMdp m = make_linear_environment("simplex:seed=1,H=2,S=2,A=2,d=2").mdp;
  std::swap(m.transitions[0], m.transitions[1]);
  EXPECT_TRUE(holds(refusal([&] { m.finish(); }), "differ"));
}

TEST(LinearMdpRefuses, LossesOutsideTheUnitInterval) {
  const auto mdp = std::make_shared<const LinearMdp>([] {
    LinearMdp m = small();
    m.finish();
    return m;
  }());
  const auto bad = losses_from(
      *mdp, true, [](std::int64_t k, std::span<double> out) { std::ranges::fill(out, k == 3 ? 1.25 : 0.5); });
  const std::string line = refusal([&] { check_losses(*mdp, *bad, 100); });
  EXPECT_TRUE(holds(line, "1.25") && holds(line, "episode 3") && holds(line, "[0,1]")) << line;
}

TEST(LinearMdpRefuses, NamesAndParametersThatDoNotExist) {
  EXPECT_TRUE(holds(refusal([] { make_instance("simplx", "", 1); }), "simplex"));
  EXPECT_TRUE(holds(refusal([] { make_instance("lock:HH=3", "", 1); }), "no parameter 'HH'"));
  EXPECT_TRUE(holds(refusal([] { make_instance("lock:H=x", "", 1); }), "H=x"));
  EXPECT_TRUE(holds(refusal([] { make_instance("lock:H=0", "", 1); }), "[1, 1000]"));
  EXPECT_TRUE(holds(refusal([] { make_instance("lock", "switchin", 1); }), "switching"));
  EXPECT_TRUE(holds(refusal([] { make_instance("lock", "switching:period=0", 1); }), "period=0"));
}

}  // namespace
}  // namespace hardy::envs
