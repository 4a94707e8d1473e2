// Learners that have a simulator and nothing else, on T1 and on a linear MDP with more states than could be
// listed.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <type_traits>

#include "algorithms/adversarial/simulated/sampled_run.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "envs/linear_mdp/exact.h"
#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

SampledConfig on_t1(const envs::SimulatedGame& game, std::int64_t episodes) {
  SampledConfig config;
  config.game = &game;
  config.episodes = episodes;
  config.steps = {0.2, 0.1, 0.05};
  config.form = {.barrier = true};
  config.covariance = parse_covariance("empirical:M=20");
  config.seed = 5;
  return config;
}

TEST(Simulated, ARunIsAFunctionOfItsSeed) {
  const auto game = envs::simulator_of(envs::make_instance(test::kT1, "", 40));
  SampledConfig config = on_t1(*game, 40);
  const SampledResult a = run_sampled(config), b = run_sampled(config);
  EXPECT_EQ(a.episode_loss, b.episode_loss);
  EXPECT_EQ(a.calls.all(), b.calls.all());
  EXPECT_GT(a.paths, 0);
  EXPECT_LE(a.states, 1 + 4 + 4);  // T1 has no more
  config.seed = 6;
  EXPECT_NE(run_sampled(config).episode_loss, a.episode_loss);
}

TEST(Simulated, SampledBonusPathsAreUnbiased) {
  // In the first episode the policy is uniform; with very many samples Sd is the exact one, and B[0,0,0] is
  // known.
  const auto game = envs::simulator_of(envs::make_instance(test::kT1, "", 1));
  SampledConfig config = on_t1(*game, 1);
  config.covariance = parse_covariance("empirical:M=200000");
  const std::vector<double> v = sampled_bonus_paths(config, 0, 0, 0, 20000);
  const double n = static_cast<double>(v.size()), mean = std::accumulate(v.begin(), v.end(), 0.0) / n;
  double spread = 0;
  for (const double x : v) spread += (x - mean) * (x - mean);
  EXPECT_NEAR(mean, 1.509533571828,
              5 * std::sqrt(spread) / n + 0.004);  // .004: what 200000 samples leave in Sd
}

TEST(Simulated, TheLossOfALongRunIsTheEnumeratedLearnersWithinTheReturnsDeviation) {
  const std::int64_t K = 400;
  const envs::Instance instance = envs::make_instance(test::kT1, "fixed", K);
  const auto game = envs::simulator_of(instance);
  RegretConfig enumerated = test::t1("ftrl_log_barrier", K, 0.5, 0.01, 0.05);
  enumerated.instance = instance;
  enumerated.covariance = parse_covariance("empirical:M=20");
  enumerated.seeds = {0, 1, 2, 3, 4, 5, 6, 7};
  ThreadTeam team(1);
  double mean = 0;
  for (const ReplicaResult& r : run_regret(enumerated, team).replicas) mean += r.learner_loss / 8;
  SampledConfig config = on_t1(*game, K);
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
class Vast final : public envs::SimulatedGame {
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

TEST(Simulated, LearnsWhereStatesCannotBeListed) {
  const Vast game;
  SampledConfig config;
  config.game = &game;
  config.episodes = 300;
  config.form = {.barrier = true};
  config.covariance = parse_covariance("empirical:M=10");
  config.steps = {0.5, 0.005, 0.1};
  const SampledResult learned = run_sampled(config);
  config.steps.eta = 1e-9;  // uniform
  const SampledResult uniform = run_sampled(config);
  EXPECT_LT(learned.learner_loss + 3 * learned.standard_error, uniform.learner_loss);
  EXPECT_GT(learned.states, 200);
}

// --- the regret of an instance that can be enumerated ---

RegretConfig fixed(const std::string& method, std::int64_t K, const std::string& covariance) {
  RegretConfig config = test::t1(method, K, 0.4, 0.005, 0.05);
  config.instance = envs::make_instance(test::kT1, "fixed", K);
  config.covariance = parse_covariance(covariance);
  config.seeds = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return config;
}
struct MeanAndError {
  double mean = 0, error = 0;
};
MeanAndError regret_of(const RegretConfig& config) {
  ThreadTeam team(2);
  MeanAndError m;
  double squares = 0;
  for (const ReplicaResult& r : run_regret(config, team).replicas)
    m.mean += r.regret, squares += r.regret * r.regret;
  const double n = static_cast<double>(config.seeds.size());
  m.mean /= n;
  m.error = std::sqrt((squares / n - m.mean * m.mean) / (n - 1));
  return m;
}

// The learner that reads the tables for its bonus, with covariances by the same counts, is the oracle.
TEST(SimulatorMode, RegretIsThatOfTheLearnerWithTablesWithinTheSpreadOfReplicas) {
  for (const auto& [method, covariance] : {std::pair{"ftrl_log_barrier", "empirical:M=20"},
                                           {"exp_weights_magnitude_reduced", "empirical:M=20"},
                                           {"exp_weights_magnitude_reduced", "empirical:M=20,reuse=1"},
                                           {"linear_q_exp_weights", "mgr:M=4,N=40"}}) {
    RegretConfig config = fixed(method, 256, covariance);
    const MeanAndError tables = regret_of(config);
    config.simulator = true;
    const MeanAndError sampled = regret_of(config);
    EXPECT_NEAR(sampled.mean, tables.mean, 4 * std::hypot(sampled.error, tables.error))
        << method << covariance;
    EXPECT_LT(tables.mean, 0.75 * 116.6) << "the uniform policy's regret; it would agree with itself";
  }
}

TEST(SimulatorMode, EvaluationChangesNothingForTheLearnerAndItsCallsAreNotTheLearners) {
  RegretConfig config = fixed("exp_weights_magnitude_reduced", 40, "empirical:M=9,m=5");
  config.simulator = true;
  config.seeds = {3};
  config.keep_trajectories = 40;
  ThreadTeam team(1);
  const RegretResult exact = run_regret(config, team);
  SampledConfig alone;
  const auto game = envs::simulator_of(config.instance);
  alone.game = game.get();
  alone.form = {.reduced = true};
  alone.covariance = config.covariance;
  alone.steps = {0.4, 0.005, 0.05};
  alone.seed = 3;
  alone.episodes = 40;
  const SampledResult sampled = run_sampled(alone);
  EXPECT_EQ(exact.simulator_calls, sampled.calls.all());
  EXPECT_EQ(sampled.calls.covariance, 40 * 9 * 2);
  EXPECT_EQ(sampled.calls.compensator, 40 * 5 * 2);
  EXPECT_GT(sampled.calls.bonus, 0);
  std::vector<double> scratch(9);
  const envs::LinearMdp& m = *config.instance.mdp;
  const std::vector<double> losses =
      envs::loss_table(m, *config.instance.losses, config.instance.losses->losses(0, scratch.data()));
  for (std::size_t k = 0; k < 40; ++k) {
    double sum = 0;
    for (std::size_t h = 0; h < 3; ++h) {
      const Visit v = exact.replicas[0].first[k][h];
      sum += losses[h * 12 + static_cast<std::size_t>(v.state * 3 + v.action)];
    }
    EXPECT_NEAR(sum, sampled.episode_loss[k], 1e-12) << k;
  }
}

// --- what a learner can know ---

template <class T>
concept HasLosses = requires(const T& x) {
  x.loss(std::int64_t{0}, 0, envs::State{0}, 0);
};
static_assert(HasLosses<envs::SimulatedGame>);
static_assert(!HasLosses<envs::Simulator> && !HasLosses<envs::SimulatorHandle>);
static_assert(!std::is_base_of_v<envs::SimulatedGame, envs::SimulatorHandle>);
static_assert(std::is_constructible_v<SimulatorLearner, const envs::Simulator&, const SimulatorSettings&>);
static_assert(!std::is_constructible_v<SimulatorLearner, const envs::Instance&, const SimulatorSettings&>);
static_assert(!std::is_constructible_v<SimulatorLearner, const envs::LinearMdp&, const SimulatorSettings&>);

// T1 as functions of numbers of its own: there is no LinearMdp to be reached. It knows which losses were
// asked for.
class WithoutTables final : public envs::SimulatedGame {
 public:
  explicit WithoutTables(const envs::Instance& of) {
    const envs::LinearMdp& m = *of.mdp;
    phi_.assign(m.phi.begin(), m.phi.end());
    for (int pair = 0; pair < 24; ++pair) {
      const double* law = m.cumulative(pair / 12, pair % 12 / 3, pair % 3, nullptr);
      laws_.insert(laws_.end(), law, law + 4);
    }
    std::vector<double> scratch(9);
    losses_ = envs::loss_table(m, *of.losses, of.losses->losses(0, scratch.data()));
  }
  int H() const override { return 3; }
  int A() const override { return 3; }
  int d() const override { return 3; }
  envs::State start(double) const override { return 0; }
  void features(int h, envs::State s, std::span<double> phi) const override {
    std::copy_n(phi_.begin() + (h * 4 + static_cast<int>(s)) * 9, 9, phi.begin());
  }
  double loss(std::int64_t, int h, envs::State s, int a) const override {
    const auto at = static_cast<std::size_t>((h * 4 + static_cast<int>(s)) * 3 + a);
    asked_.insert(at);
    return losses_[at];
  }
  std::size_t asked() const { return asked_.size(); }

 protected:
  envs::State next(int h, envs::State s, int a, double u) const override {
    return static_cast<envs::State>(
        envs::draw_from(laws_.data() + ((h * 4 + static_cast<int>(s)) * 3 + a) * 4, 4, u));
  }

 private:
  std::vector<double> phi_, laws_, losses_;
  mutable std::set<std::size_t> asked_;
};

TEST(SimulatorMode, ALearnerPlaysTheSameBitsWhereThereAreNoTablesAndLossesAreAskedForWhereItWas) {
  const envs::Instance instance = envs::make_instance(test::kT1, "fixed", 5);
  const WithoutTables bare(instance);
  const auto tables = envs::simulator_of(instance);
  for (const bool barrier : {true, false}) {
    SampledConfig config;
    config.form = {.barrier = barrier, .reduced = !barrier};
    config.covariance = parse_covariance("empirical:M=6");
    config.steps = {0.4, 0.01, 0.1};
    config.episodes = 30;
    config.game = &bare;
    const SampledResult without = run_sampled(config);
    config.game = tables.get();
    const SampledResult with = run_sampled(config);
    EXPECT_EQ(without.calls.all(), with.calls.all());
    for (std::size_t k = 0; k < 30; ++k) EXPECT_NEAR(without.episode_loss[k], with.episode_loss[k], 1e-15);
  }
  SampledConfig once;
  once.form = {.barrier = true};
  once.covariance = parse_covariance("empirical:M=50");
  once.steps = {0.4, 0.01, 0.1};
  once.episodes = 1;
  const WithoutTables fresh(instance);
  once.game = &fresh;
  run_sampled(once);
  EXPECT_EQ(fresh.asked(), 3u) << "one loss a layer, whatever was simulated";
}

// With the occupancies as shares the compensator is exact, and the reference program's numbers come out:
// layer 1 and state 0 of T1, the uniform policy, gamma = .05, losses of the first episode.
TEST(SimulatorMode, ReducedEstimatesHaveTheReferencesCompensatorMeanAndSecondMoment) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const envs::LinearMdp& m = *instance.mdp;
  const std::vector<double> uniform(36, 1.0 / 3), q = envs::occupancy(m, uniform);
  std::vector<double> scratch(9), factor(9);
  const std::vector<double> losses =
      envs::loss_table(m, *instance.losses, instance.losses->losses(0, scratch.data()));
  std::vector<LayerEstimate::Visit> visits;
  for (std::int64_t p = 0; p < 12; ++p) {
    const double *phi = m.layer_features(1) + p * 3, share = q[static_cast<std::size_t>(12 + p)];
    visits.push_back({share, phi});
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j <= i; ++j) factor[i * 3 + j] += share * phi[i] * phi[j];
  }
  for (std::size_t i = 0; i < 3; ++i) factor[i * 4] += 0.05;
  LayerEstimate e = LayerEstimate::of_covariance(factor, 3);
  const double expected_m[] = {-.210262911987, 0, -.123236108048};
  const double second[] = {.570583902714, .653409237411, .553116669028};
  const double mean[] = {.576386567484, .694492378960, .588372658315};
  for (std::int64_t a = 0; a < 3; ++a) {
    const double* const at = m.layer_features(1) + a * 3;
    const double zero[3] = {};
    e.reduced(zero, 0, 3, visits);
    EXPECT_NEAR(e.q(at), expected_m[a], 1e-11);
    double first_moment = 0, second_moment = 0;  // over all trajectories' (s_1, a_1) and what follows
    for (std::int64_t p = 0; p < 12; ++p)
      for (std::int64_t next = 0; next < 12; ++next) {
        const double share =
            q[static_cast<std::size_t>(12 + p)] * m.layer_transitions(1)[p * 4 + next / 3] / 3;
        const double L =
            losses[static_cast<std::size_t>(12 + p)] + losses[static_cast<std::size_t>(24 + next)];
        e.reduced({m.layer_features(1) + p * 3, 3}, L, 3, visits);
        const double Q = e.q(at);
        first_moment += share * Q, second_moment += share * Q * Q;
      }
    EXPECT_NEAR(first_moment, mean[a], 1e-11);
    EXPECT_NEAR(second_moment, second[a], 1e-11);
  }
}

TEST(SimulatorMode, CountsFollowLawsAndSayWhich) {
  CovarianceChoice c = parse_covariance("empirical:M=log(d*H*K)/gamma,m=2/gamma");
  c.sizes = {1000, 2, 4, 3, 5};
  EXPECT_EQ(sample_counts(c, 0.1).trajectories(), 93);  // 10 ln 10000 = 92.1
  EXPECT_EQ(sample_counts(c, 0.1).compensator, 20);
  EXPECT_EQ(describe(c, 0.1, true), "empirical, M = log(d*H*K)/gamma = 93 (bonus sampled too)");
  c = parse_covariance("mgr:M=paper,N=paper");
  c.sizes = {1000, 2, 4, 3, 5};
  const SampleCounts paper = mgr_counts(0.1, 0.1, 5, 2, 1000);
  EXPECT_EQ(sample_counts(c, 0.1).chains, paper.chains);
  EXPECT_EQ(sample_counts(c, 0.1).terms, paper.terms);
  EXPECT_EQ(describe(parse_covariance("empirical"), 0.1),
            "empirical, M = 1/gamma = 10 (bonus reads the transitions)");
  EXPECT_THROW(sample_counts(c, 1e-3), Error) << "24 ln / gamma^4 is beyond 1e9";
  for (const char* bad :
       {"empirical:M=1/eta", "empirical:M=", "mgr:N=gamma(", "empirical:m=5,reuse=1", "exact:m=5"})
    EXPECT_THROW(parse_covariance(bad), Error) << bad;
}

TEST(Simulated, TheCostIsSaidBeforeAndSettingsThatCannotBeAreRefused) {
  const auto game = envs::simulator_of(envs::make_instance(test::kT1, "", 10));
  SampledConfig config = on_t1(*game, 10);
  const SampledCost cost = sampled_cost(config);
  const SampledResult result = run_sampled(config);
  EXPECT_GE(cost.states, static_cast<double>(result.states));
  EXPECT_GE(cost.paths, static_cast<double>(result.paths));
  EXPECT_GE(cost.simulator_calls, static_cast<double>(result.calls.all()));
  EXPECT_NE(cost.text.find("bonus paths"), std::string::npos);
  config.steps.gamma = 2;
  EXPECT_THROW(run_sampled(config), Error);
  config = on_t1(*game, 10);
  config.covariance = parse_covariance("exact");
  EXPECT_THROW(run_sampled(config), Error);
  config = on_t1(*game, 10);
  config.most_bytes = 100;
  EXPECT_THROW(run_sampled(config), Error);
}

}  // namespace
}  // namespace hardy::algorithms
