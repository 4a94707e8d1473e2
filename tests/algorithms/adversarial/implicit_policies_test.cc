// The simulator methods without enumeration, on T1 and on a linear MDP with more states than could be listed.
#include "algorithms/adversarial/boxes/implicit_policies.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "envs/linear_mdp/exact.h"
#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

SampledConfig on_t1(const envs::Simulator& simulator, std::int64_t episodes) {
  SampledConfig config;
  config.simulator = &simulator;
  config.episodes = episodes;
  config.steps = {0.2, 0.1, 0.05};
  config.samples = 20;
  config.seed = 5;
  return config;
}

TEST(ImplicitPolicies, ARunIsAFunctionOfItsSeed) {
  const auto simulator = envs::simulator_of(envs::make_instance(test::kT1, "", 40));
  SampledConfig config = on_t1(*simulator, 40);
  const SampledResult a = run_sampled(config), b = run_sampled(config);
  EXPECT_EQ(a.episode_loss, b.episode_loss);
  EXPECT_EQ(a.simulator_calls, b.simulator_calls);
  EXPECT_GT(a.paths, 0);
  EXPECT_LE(a.states, 1 + 4 + 4);  // T1 has no more
  config.seed = 6;
  EXPECT_NE(run_sampled(config).episode_loss, a.episode_loss);
}

TEST(ImplicitPolicies, SampledBonusPathsAreUnbiased) {
  // In the first episode the policy is uniform; with very many samples Sd is the exact one, and B[0,0,0] is
  // known.
  const auto simulator = envs::simulator_of(envs::make_instance(test::kT1, "", 1));
  SampledConfig config = on_t1(*simulator, 1);
  config.samples = 200000;
  const std::vector<double> v = sampled_bonus_paths(config, 0, 0, 0, 20000);
  const double n = static_cast<double>(v.size()), mean = std::accumulate(v.begin(), v.end(), 0.0) / n;
  double spread = 0;
  for (const double x : v) spread += (x - mean) * (x - mean);
  EXPECT_NEAR(mean, 1.509533571828,
              5 * std::sqrt(spread) / n + 0.004);  // .004: what 200000 samples leave in Sd
}

TEST(ImplicitPolicies, TheLossOfALongRunIsTheEnumeratedLearnersWithinTheReturnsDeviation) {
  const std::int64_t K = 400;
  const envs::Instance instance = envs::make_instance(test::kT1, "fixed", K);
  const auto simulator = envs::simulator_of(instance);
  RegretConfig enumerated = test::t1("ftrl_log_barrier", K, 0.5, 0.01, 0.05);
  enumerated.instance = instance;
  enumerated.covariance = parse_covariance("empirical:M=20");
  enumerated.seeds = {0, 1, 2, 3, 4, 5, 6, 7};
  ThreadTeam team(1);
  double mean = 0;
  for (const ReplicaResult& r : run_regret(enumerated, team).replicas) mean += r.learner_loss / 8;
  SampledConfig config = on_t1(*simulator, K);
  config.steps = {0.5, 0.01, 0.05};
  double sampled = 0, error = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    config.seed = seed;
    const SampledResult r = run_sampled(config);
    sampled += r.learner_loss / 8;
    error += r.standard_error / 8;
  }
  // eight runs each; the policies' own spread adds about as much again.
  EXPECT_NEAR(sampled, mean, 5 * 1.5 * error / std::sqrt(8.0)) << "uniform would differ by far more";
}

// 2^60 states: features are a hash of the state, the next state is drawn through d laws over all of them.
class Vast final : public envs::Simulator {
 public:
  int H() const override { return 2; }
  int A() const override { return 3; }
  int d() const override { return 4; }
  envs::State start(double) const override { return 0; }
  void features(int h, envs::State s, std::span<double> phi) const override {
    SplitMix64 hash(s * 31 + static_cast<std::uint64_t>(h));
    for (std::size_t a = 0; a < 3; ++a) {
      double sum = 0;
      for (std::size_t i = 0; i < 4; ++i) sum += phi[a * 4 + i] = -std::log1p(-hash.uniform());
      for (std::size_t i = 0; i < 4; ++i) phi[a * 4 + i] /= sum;
    }
  }
  double loss(std::int64_t, int h, envs::State s, int a) const override {
    double phi[12];
    features(h, s, phi);
    return 0.1 * phi[a * 4] + 0.9 * phi[a * 4 + 1] + 0.5 * (phi[a * 4 + 2] + phi[a * 4 + 3]);
  }

 protected:
  envs::State next(int h, envs::State s, int a, double u) const override {
    double phi[12], reached = 0;
    features(h, s, phi);
    int i = 0;
    for (; i < 3; ++i)
      if (u < (reached += phi[a * 4 + i])) break;
    // 64 states under each of the four laws, spread over 2^60: a trajectory meets some of them again.
    const auto which = static_cast<std::uint64_t>(u * 1e6) % 64;
    return SplitMix64(which * 4 + static_cast<std::uint64_t>(i)).bits() >> 4;
  }
};

TEST(ImplicitPolicies, LearnsWhereStatesCannotBeListed) {
  const Vast simulator;
  SampledConfig config;
  config.simulator = &simulator;
  config.episodes = 300;
  config.samples = 10;
  config.steps = {0.5, 0.005, 0.1};
  const SampledResult learned = run_sampled(config);
  config.steps.eta = 1e-9;  // uniform
  const SampledResult uniform = run_sampled(config);
  EXPECT_LT(learned.learner_loss + 3 * learned.standard_error, uniform.learner_loss);
  EXPECT_GT(learned.states, 200);
}

TEST(ImplicitPolicies, TheCostIsSaidBeforeAndSettingsThatCannotBeAreRefused) {
  const auto simulator = envs::simulator_of(envs::make_instance(test::kT1, "", 10));
  SampledConfig config = on_t1(*simulator, 10);
  const SampledCost cost = sampled_cost(config);
  const SampledResult result = run_sampled(config);
  EXPECT_GE(cost.states, static_cast<double>(result.states));
  EXPECT_GE(cost.paths, static_cast<double>(result.paths));
  EXPECT_GE(cost.simulator_calls, static_cast<double>(result.simulator_calls));
  EXPECT_NE(cost.text.find("bonus paths"), std::string::npos);
  config.steps.gamma = 2;
  EXPECT_THROW(run_sampled(config), Error);
  config = on_t1(*simulator, 10);
  config.method = "o_reps";
  EXPECT_THROW(run_sampled(config), Error);
  config = on_t1(*simulator, 10);
  config.most_bytes = 100;
  EXPECT_THROW(run_sampled(config), Error);
}

}  // namespace
}  // namespace hardy::algorithms
