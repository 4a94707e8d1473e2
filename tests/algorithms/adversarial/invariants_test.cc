// What must hold of every learner: shapes of policies, symmetries, reductions of one to another, replicas
// alone and in a batch, and what the full-information runs on T1 are known to give.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "algorithms/adversarial/regret_method.h"
#include "engine/comm/agree.h"
#include "envs/linear_mdp/exact.h"
#include "tests/algorithms/adversarial/t1.h"
#include "tests/engine/comm/thread_ranks.h"
#include "tests/engine/count_allocations.h"

namespace hardy::algorithms {
namespace {

struct FullInformationRun {
  const char* method;
  double beta, learner, regret;
};

class FullInformationOnT1 : public testing::TestWithParam<FullInformationRun> {};

TEST_P(FullInformationOnT1, MeetsTheReference) {
  const FullInformationRun& want = GetParam();
  const RegretConfig config = test::t1(want.method, 8, 0.5, want.beta, want.beta > 0 ? 0.05 : 1);
  ThreadTeam team(1);
  const RegretResult result = run_regret(config, team);
  EXPECT_NEAR(result.replicas[0].learner_loss, want.learner, 1e-12);
  EXPECT_NEAR(result.replicas[0].regret, want.regret, 1e-12);
  EXPECT_NEAR(result.best.back(), 11.638220643066211, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    Runs, FullInformationOnT1,
    testing::Values(
        FullInformationRun{"log_barrier_full_information", 0, 12.135806866038768, .497586222972558},
        FullInformationRun{"hedge_full_information", 0, 12.150896651320906, .512676008254696},
        FullInformationRun{"log_barrier_full_information", .1, 12.138261889257084, .500041246190873},
        FullInformationRun{"hedge_full_information", .1, 12.158550240306777, .520329597240567}));

// A lone replica after some episodes.
std::unique_ptr<Steps> after(const RegretConfig& config, const Lane& lane, std::int64_t episodes) {
  static ThreadTeam team(1);
  auto steps = make_steps(config, {&lane, 1}, team);
  const auto learner = regret_method(config.method).make(*steps);
  for (std::int64_t k = 0; k < episodes; ++k) {
    steps->begin(k);
    learner->episode(k);
    steps->end();
  }
  return steps;
}

TEST(RegretLearners, EveryMethodKeepsPoliciesOnTheSimplexAndItsRegretFinite) {
  ThreadTeam team(2);
  EXPECT_GE(regret_methods().size(), 12u);
  for (const RegretMethod& method : regret_methods()) {
    RegretConfig config;
    config.method = method.name;
    config.instance = envs::make_instance(test::playable(method.name), "", 200);
    config.episodes = 200;
    config.seeds = {1, 2};
    config.cover.oracle = true;
    config.cover.epoch = 20;
    const RegretResult result = run_regret(config, team);
    for (const ReplicaResult& r : result.replicas) {
      EXPECT_TRUE(std::isfinite(r.regret)) << method.name;
      EXPECT_EQ(r.curve.size(), result.at.size());
      EXPECT_NEAR(r.curve.back(), r.regret, 1e-12);
    }
    const Lane lane{1, result.replicas[0].resolved.steps};
    const auto group = after(config, lane, 200);
    for (std::int64_t hs = 0; hs < 12; ++hs) {
      double sum = 0;
      for (std::int64_t a = 0; a < 3; ++a) {
        EXPECT_GE(group->tables.pi[hs * 3 + a], 0) << method.name;
        sum += group->tables.pi[hs * 3 + a];
      }
      EXPECT_NEAR(sum, 1, 1e-12) << method.name;
    }
    const std::int64_t pairs = config.instance.mdp->pairs();
    for (int h = 0; h < config.instance.mdp->H; ++h) {
      double layer = 0;
      for (std::int64_t p = 0; p < pairs; ++p) layer += group->tables.q[h * pairs + p];
      EXPECT_NEAR(layer, 1, 1e-12) << method.name;
    }
  }
}

TEST(RegretLearners, LogBarrierPoliciesStayAboveTheirFloor) {
  const RegretConfig config = test::t1("ftrl_log_barrier", 300, 0.2, 0.02, 0.05);
  const Lane lane{3, {0.2, 0.02, 0.05}};
  const auto group = after(config, lane, 300);
  group->log_barrier_policies();
  for (std::int64_t hs = 0; hs < 12; ++hs) {
    const double* C = group->tables.C.at(hs * 3);
    const double range = std::max({C[0], C[1], C[2]}) - std::min({C[0], C[1], C[2]});
    for (std::int64_t a = 0; a < 3; ++a)
      EXPECT_GE(group->tables.pi[hs * 3 + a], 1 / (3 + 0.2 * range) - 1e-15);
  }
}

TEST(RegretLearners, PoliciesDoNotChangeWhenAStatesCostsShiftTogether) {
  const RegretConfig config = test::t1("ftrl_log_barrier", 50, 0.2, 0.02, 0.05);
  const Lane lane{3, {0.2, 0.02, 0.05}};
  const auto group = after(config, lane, 50);
  for (const bool barrier : {true, false}) {
    const auto solve = [&] { barrier ? group->log_barrier_policies() : group->entropic_policies(); };
    solve();
    const std::vector<double> before(group->tables.pi.at(0), group->tables.pi.at(36));
    for (std::int64_t i = 0; i < 36; ++i) group->tables.C[i] += 17.5 + static_cast<double>(i / 3);
    solve();
    for (std::int64_t i = 0; i < 36; ++i)
      EXPECT_NEAR(group->tables.pi[i], before[static_cast<std::size_t>(i)], 1e-13);
  }
}

TEST(RegretLearners, OnOneHotFeaturesMagnitudeReductionIsPlainExponentialWeightsBitForBit) {
  for (const char* env : {"lock:H=4,A=3", "tabular:seed=5,H=3,S=3,A=2,K=4", "riverswim:H=5,S=4"}) {
    RegretConfig config;
    config.instance = envs::make_instance(env, "", 400);
    config.episodes = 400;
    config.seeds = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    ThreadTeam team(2);
    config.method = "exp_weights";
    const RegretResult plain = run_regret(config, team);
    config.method = "exp_weights_magnitude_reduced";
    const RegretResult reduced = run_regret(config, team);
    for (std::size_t r = 0; r < 9; ++r) {
      EXPECT_EQ(plain.replicas[r].learner_loss, reduced.replicas[r].learner_loss) << env;
      EXPECT_EQ(plain.replicas[r].start_costs, reduced.replicas[r].start_costs) << env;
    }
  }
}

// One state, d = 1, phi = 1: every action looks the same.
envs::Instance constant_features() {
  envs::LinearMdp m;
  m.name = "constant";
  m.H = 1, m.S = 1, m.A = 3, m.d = 1;
  m.phi = {1, 1, 1};
  m.start = {1};
  m.finish();
  const auto mdp = std::make_shared<const envs::LinearMdp>(std::move(m));
  return {mdp, envs::cycled_losses(*mdp, true, {0.25, 0.75})};
}

TEST(RegretLearners, WithConstantFeaturesTheEstimateIsShrunkAndPoliciesStayUniform) {
  RegretConfig config;
  config.instance = constant_features();
  config.episodes = 20;
  for (const char* method : {"ftrl_log_barrier", "exp_weights", "exp_weights_magnitude_reduced"}) {
    config.method = method;
    const Lane lane{1, {0.5, 0, 0.25}};
    const auto group = after(config, lane, 20);
    for (std::int64_t a = 0; a < 3; ++a) {
      EXPECT_NEAR(group->tables.Qhat[a], 0.75 / 1.25, 1e-15) << method;
      EXPECT_NEAR(group->tables.pi[a], 1.0 / 3, 1e-15) << method;
    }
  }
}

TEST(RegretLearners, AOneHotBanditsEstimateHasTheMeanPL_Over_PPlusGamma) {
  RegretConfig config;
  config.method = "exp_weights";
  config.instance = envs::make_instance("tabular:seed=8,H=1,S=1,A=2,K=1", "fixed", 10);
  config.episodes = 10;
  const Lane lane{1, {0.5, 0, 0.1}};
  const auto group = after(config, lane, 10);
  group->tables.pi[0] = 0.3, group->tables.pi[1] = 0.7;
  group->occupancies();
  group->covariance();
  double mean[2] = {0, 0};
  for (int a = 0; a < 2; ++a) {
    group->played.actions[0] = a;
    group->played.to_go[0] = group->losses.at(0, 0, a, 0);
    group->estimate();
    for (int i = 0; i < 2; ++i) mean[i] += group->tables.pi[a] * group->tables.Qhat[i];
  }
  for (int a = 0; a < 2; ++a)
    EXPECT_NEAR(mean[a], group->tables.pi[a] * group->losses.at(0, 0, a, 0) / (group->tables.pi[a] + 0.1),
                1e-15);
}

TEST(RegretLearners, PermutedActionsPermuteEverything) {
  const RegretConfig config = test::t1("ftrl_log_barrier", 1, 0.2, 0.1, 0.05);
  envs::LinearMdp turned = *config.instance.mdp;
  turned.transitions.clear();
  for (int hs = 0; hs < 12; ++hs)
    for (int a = 0; a < 3; ++a)
      std::copy_n(config.instance.mdp->phi.begin() + (hs * 3 + (a + 1) % 3) * 3, 3,
                  turned.phi.begin() + (hs * 3 + a) * 3);
  turned.finish();
  RegretConfig other = config;
  other.instance.mdp = std::make_shared<const envs::LinearMdp>(std::move(turned));
  for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced"}) {
    ThreadTeam team(1);
    const Lane lane{1, {0.2, 0.1, 0.05}};
    const auto one = make_steps(config, {&lane, 1}, team), two = make_steps(other, {&lane, 1}, team);
    for (Steps* r : {one.get(), two.get()}) {  // the same trajectory under both names
      r->begin(0);
      const int shift = r == two.get() ? 2 : 0;
      for (std::int64_t p = 0; p < 36; ++p)
        r->tables.C[p] = 0.1 * static_cast<double>((p / 3 * 3 + (p + (r == two.get() ? 1 : 0)) % 3) % 7);
      r->log_barrier_policies();
      r->occupancies();
      for (std::size_t h = 0; h < 3; ++h) {
        r->played.states[h] = static_cast<int>(h);
        r->played.actions[h] = (static_cast<int>(h) + shift) % 3;
        r->played.to_go[static_cast<std::int64_t>(h)] = 1.5 - 0.4 * static_cast<double>(h);
      }
      r->covariance();
      r->estimate();
      if (std::string(method) != "ftrl_log_barrier") r->reduce_magnitude();
      r->bonus();
      r->dilate();
      r->follow();
    }
    for (std::int64_t hs = 0; hs < 12; ++hs)
      for (std::int64_t a = 0; a < 3; ++a) {
        EXPECT_NEAR(two->tables.C[hs * 3 + a], one->tables.C[hs * 3 + (a + 1) % 3], 1e-11) << method;
        EXPECT_NEAR(two->tables.pi[hs * 3 + a], one->tables.pi[hs * 3 + (a + 1) % 3], 1e-14) << method;
      }
  }
}

// Replicas in groups of lanes, alone, and among other threads.
TEST(RegretBatch, ReplicasAreTheSameBitsAloneAndInABatchOnAnyNumberOfThreads) {
  for (const char* method :
       {"ftrl_log_barrier", "exp_weights_magnitude_reduced", "hedge_full_information", "o_reps"})
    for (const char* covariance : {"exact", "empirical:M=20"}) {
      RegretConfig config;
      config.method = method;
      config.instance = envs::make_instance(test::kT1, "", 100);
      config.episodes = 100;
      config.covariance = parse_covariance(covariance);
      config.seeds = {0, 1, 2, 3, 4, 5, 6};
      config.settings = {{}, {}, {}};
      config.settings[1].c_eta = 5;
      config.settings[2].c_gamma = 0.5;
      ThreadTeam one(1), three(3);
      const RegretResult batch = run_regret(config, one), threads = run_regret(config, three);
      for (std::size_t r = 0; r < batch.replicas.size(); ++r) {
        RegretConfig alone = config;
        alone.seeds = {batch.replicas[r].seed};
        alone.settings = {config.settings[batch.replicas[r].setting]};
        const ReplicaResult single = run_regret(alone, one).replicas[0];
        EXPECT_EQ(single.learner_loss, batch.replicas[r].learner_loss) << method << " " << r;
        EXPECT_EQ(single.start_costs, batch.replicas[r].start_costs) << method << " " << r;
        EXPECT_EQ(threads.replicas[r].learner_loss, batch.replicas[r].learner_loss) << method << " " << r;
        EXPECT_EQ(threads.replicas[r].curve, batch.replicas[r].curve) << method << " " << r;
      }
      EXPECT_EQ(threads.simulator_calls, batch.simulator_calls);
    }
}

// All that a result holds, on each of the ranks; the seven replicas are fewer groups than the four ranks.
TEST(RegretBatch, ReplicasThatRanksShareAreThoseOfOneProcess) {
  RegretConfig config;
  config.method = "linear_mdp_policy_cover";  // it has figures
  config.instance = envs::make_instance(test::kT1, "", 100);
  config.episodes = 100;
  config.cover.oracle = true;
  config.cover.epoch = 20;
  for (const std::size_t seeds : {7u, 40u}) {
    config.seeds.clear();
    for (std::size_t s = 0; s < seeds; ++s) config.seeds.push_back(s);
    ThreadTeam team(1);
    const RegretResult one = run_regret(config, team);
    for (const int ranks : {2, 3, 4}) {
      std::vector<RegretResult> all(static_cast<std::size_t>(ranks));
      ::hardy::test::ThreadRanks::run(ranks, [&](comm::Ranks& own) {
        RegretConfig shared = config;
        shared.ranks = &own;
        ThreadTeam alone(1);
        all[static_cast<std::size_t>(own.rank())] = run_regret(shared, alone);
      });
      for (const RegretResult& each : all) {
        EXPECT_EQ(each.best, one.best);
        EXPECT_EQ(each.simulator_calls, one.simulator_calls);
        EXPECT_EQ(each.trajectories, one.trajectories);
        ASSERT_EQ(each.replicas.size(), seeds);
        for (std::size_t r = 0; r < seeds; ++r) {
          const ReplicaResult &a = each.replicas[r], &b = one.replicas[r];
          EXPECT_EQ(a.regret, b.regret) << ranks << " " << r;
          EXPECT_EQ(a.curve, b.curve) << ranks << " " << r;
          EXPECT_EQ(a.start_costs, b.start_costs);
          EXPECT_EQ(a.first.size(), b.first.size());
          EXPECT_EQ(a.first.at(1).at(0).action, b.first.at(1).at(0).action);
          EXPECT_EQ(a.least_eta_q, b.least_eta_q);
          EXPECT_EQ(a.largest_eta_bonus, b.largest_eta_bonus);
          ASSERT_EQ(a.figures.size(), b.figures.size());
          for (std::size_t f = 0; f < a.figures.size(); ++f) {
            EXPECT_EQ(a.figures[f].name, b.figures[f].name);
            EXPECT_EQ(a.figures[f].value, b.figures[f].value);
          }
        }
      }
    }
  }
}

TEST(RegretBatch, WhatEndsOneRankEndsAllOfThemAndIsSaidOnce) {
  RegretConfig config;
  config.method = "uniform";
  config.instance = envs::make_instance(test::kT1, "", 4);
  config.episodes = 4;
  config.seeds.assign(32, 1);
  StopSource stop;
  std::atomic<int> said = 0, silent = 0;
  stop.request_stop();
  ::hardy::test::ThreadRanks::run(2, [&](comm::Ranks& own) {
    RegretConfig shared = config;
    shared.ranks = &own;
    ThreadTeam alone(1);
    try {
      run_regret(shared, alone, own.first() ? run::Watch{} : run::Watch{.stop = stop.token()});
    } catch (const Stopped&) {
      ++said;
    } catch (const comm::FailedElsewhere&) {
      ++silent;
    }
  });
  EXPECT_EQ(said, 1);
  EXPECT_EQ(silent, 1);
}

TEST(RegretBatch, ALargeInstanceIsTheSameBitsOnAnyNumberOfThreads) {
  for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced"}) {
    RegretConfig config;
    config.method = method;
    config.instance = envs::make_instance("simplex:seed=3,H=3,S=300,A=3,d=20,K=4", "", 6);
    ASSERT_GE(config.instance.mdp->pairs() * 20, kLargeInstance);
    config.episodes = 6;
    ThreadTeam one(1), three(3);
    const ReplicaResult a = run_regret(config, one).replicas[0], b = run_regret(config, three).replicas[0];
    EXPECT_EQ(a.learner_loss, b.learner_loss);
    EXPECT_EQ(a.start_costs, b.start_costs);
  }
}

// The walk on the way back against the box's steps one by one, and those against the lanes' formulas: the
// same instance as one of eight replicas is small.
TEST(RegretBatch, ALargeInstancesWalkIsTheBoxStepByStep) {
  for (const char* env : {"simplex:seed=3,H=3,S=300,A=3,d=20,K=4", "simplex:seed=4,H=2,S=513,A=2,d=16,K=4"}) {
    RegretConfig config;
    config.instance = envs::make_instance(env, "", 6);
    ASSERT_GE(config.instance.mdp->pairs() * config.instance.mdp->d, kLargeInstance);
    ASSERT_TRUE(config.instance.mdp->low_rank());
    const StepSizes steps{0.5, 0.1, 0.01};
    const Lane lane{1, steps};
    const std::vector<Lane> lanes(linalg::kLanes, lane);
    ThreadTeam team(2);
    const auto walked = make_steps(config, {&lane, 1}, team), stepped = make_steps(config, {&lane, 1}, team),
               beside = make_steps(config, lanes, team);
    const auto episode = [&](Steps& r, std::int64_t k, bool walk) {
      r.begin(k);
      r.log_barrier_policies();
      r.occupancies();
      r.play();
      r.covariance();
      if (walk) {
        r.estimate_with_bonus();
      } else {
        r.estimate();
        r.bonus();
        r.dilate();
      }
      r.follow();
      r.end();
    };
    for (std::int64_t k = 0; k < 6; ++k) {
      episode(*walked, k, true);
      episode(*stepped, k, false);
      episode(*beside, k, true);
    }
    EXPECT_EQ(walked->played.actions, stepped->played.actions);
    for (std::int64_t i = 0; i < walked->tables.C.size(); ++i) {
      EXPECT_NEAR(walked->tables.C[i], stepped->tables.C[i], 1e-11) << env << " " << i;
      EXPECT_NEAR(walked->tables.C[i], beside->tables.C[i * linalg::kLanes + 3], 1e-11) << env << " " << i;
    }
    EXPECT_NEAR(walked->record.learner_loss[0], beside->record.learner_loss[3], 1e-12);
    EXPECT_NEAR(walked->record.least_eta_q[0], stepped->record.least_eta_q[0], 1e-11);
    EXPECT_NEAR(walked->record.largest_eta_bonus[0], beside->record.largest_eta_bonus[3], 1e-11);
  }
}

TEST(RegretRun, TheAdaptiveAdversarysRegretIsExternalAndEachReplicasOwn) {
  RegretConfig config;
  config.method = "exp_weights";
  config.instance = envs::make_instance(test::kT1, "adaptive", 500);
  config.episodes = 500;
  config.seeds = {1, 2, 3, 4};
  ThreadTeam team(2);
  const RegretResult result = run_regret(config, team);
  EXPECT_TRUE(result.best.empty());
  EXPECT_NE(result.regret_notion.find("external"), std::string::npos);
  EXPECT_NE(result.replicas[0].best_loss, result.replicas[1].best_loss);
  for (const ReplicaResult& r : result.replicas) EXPECT_NEAR(r.regret, r.learner_loss - r.best_loss, 1e-9);
}

// After the first ones: runs that differ in their episodes alone allocate alike. The policy cover's rounds
// and epochs do allocate; here it has one epoch.
TEST(RegretRun, EpisodesAllocateNothingWithAnyMethodAndCovariance) {
  const auto expect_nothing = [](const std::string& method, const char* covariance, const char* env,
                                 std::int64_t few, std::int64_t many, std::size_t replicas) {
    const auto allocated = [&](std::int64_t episodes) {
      RegretConfig config;
      config.method = method;
      config.covariance = parse_covariance(covariance);
      config.instance = envs::make_instance(env, "", 4000);
      config.episodes = episodes;
      config.settings[0].eta = 0.01, config.settings[0].gamma = 0.05;
      config.curve_points = 1;
      config.cover.oracle = true, config.cover.epoch = 4000, config.cover.delta_e = 0.1;
      config.seeds.resize(replicas);
      ThreadTeam team(1);
      run_regret(config, team);
      const std::int64_t before = hardy::test::allocations() + hardy::test::mallocs();
      run_regret(config, team);
      return hardy::test::allocations() + hardy::test::mallocs() - before;
    };
    EXPECT_EQ(allocated(few), allocated(many)) << method << " " << covariance << " " << env;
  };
  for (const RegretMethod& method : regret_methods())
    for (const char* covariance : {"exact", "empirical:M=10", "empirical:M=10,reuse=1", "mgr:M=3,N=8"}) {
      const bool uses = method.covariance;
      if (!uses && covariance != std::string("exact")) continue;
      expect_nothing(method.name, covariance, test::playable(method.name).c_str(), 20, 120, 9);
    }
  for (const char* method : {"ftrl_log_barrier", "exp_weights_no_bonus", "exp_weights_magnitude_reduced"})
    for (const char* covariance : {"exact", "empirical:M=10"})
      expect_nothing(method, covariance, "simplex:seed=3,H=2,S=300,A=3,d=20,K=4", 2, 5, 1);
}

// max over q of <p - q, l> - D(q, p) / eta is at most eta sum_a p_a l_a^2, for losses of any sign and size:
// why the log-barrier needs no lower bound on the estimates.
TEST(LogBarrierStability, HoldsForLossesOfAnySignAndSize) {
  const Random random(3, RandomStream::kUser);
  std::uint64_t draw = 0;
  double worst = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const std::size_t A = 2 + random.integer(draw++, 4);
    std::vector<double> p(A), l(A), x(A), q(A);
    double sum = 0;
    for (double& pa : p) sum += pa = std::exp(6 * random.uniform64(draw++)) + 1e-9;
    for (double& pa : p) pa /= sum;
    const double eta = std::pow(10.0, 4 * random.uniform64(draw++) - 3);
    const double size = std::pow(10.0, 6 * random.uniform64(draw++) - 2);
    for (double& la : l) la = size * random.normal(draw++);
    // The best q has 1/q_a = 1/p_a + eta l_a + nu; nu by bisection.
    double least = 1e300;
    for (std::size_t a = 0; a < A; ++a) least = std::min(least, x[a] = 1 / p[a] + eta * l[a]);
    double low = -least, high = -least + static_cast<double>(A);
    for (int i = 0; i < 200; ++i) {
      const double nu = (low + high) / 2;
      double total = 0;
      for (const double xa : x) total += 1 / (xa + nu);
      (total > 1 ? low : high) = nu;
    }
    double gain = 0, bound = 0;
    for (std::size_t a = 0; a < A; ++a) {
      const double qa = 1 / (x[a] + high), ratio = qa / p[a];
      gain += (p[a] - qa) * l[a] - (ratio - 1 - std::log(ratio)) / eta;
      bound += eta * p[a] * l[a] * l[a];
    }
    worst = std::max(worst, gain / bound);
  }
  EXPECT_LE(worst, 1);
  EXPECT_GT(worst, 0.05);  // the bound is of the right order
}

TEST(RegretRun, TheCurveIsLogSpacedAndEndsAtK) {
  const auto at = log_spaced(100000, 50);
  EXPECT_EQ(at.front(), 1);
  EXPECT_EQ(at.back(), 100000);
  EXPECT_GE(at.size(), 40u);
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GT(at[i], at[i - 1]);
}

// A state that no episode can reach: its losses are looked at once in a while all the same.
TEST(RegretRun, LossesOfOnesOwnCodeAreWatchedWhereNobodyGoes) {
  for (const std::size_t replicas : {1, 9}) {
    RegretConfig config = test::t1("exp_weights", 2000, 0.1, 0, 0.1);
    config.seeds.resize(replicas);
    config.instance.losses =
        envs::losses_from(*config.instance.mdp, false, [](std::int64_t k, std::span<double> out) {
          std::ranges::fill(out, 0.5);
          if (k > 10) out[3 * 3 + 1] = -500;  // h = 0, s = 3: episodes start in 0
        });
    ThreadTeam team(1);
    const std::string line = test::refusal([&] { run_regret(config, team); });
    EXPECT_NE(line.find("a loss of -500 was met"), std::string::npos) << line;
  }
}

TEST(RegretRun, LossesThatLeaveTheUnitIntervalDuringARunEndIt) {
  RegretConfig config = test::t1("exp_weights", 50, 0.1, 0, 0.1);
  const envs::LinearMdp& m = *config.instance.mdp;
  config.instance.losses = envs::losses_from(
      m, true, [](std::int64_t k, std::span<double> out) { std::ranges::fill(out, k == 20 ? 3.0 : 0.5); });
  ThreadTeam team(1);
  const std::string line = test::refusal([&] { run_regret(config, team); });
  EXPECT_NE(line.find("[0,1]"), std::string::npos) << line;
}

}  // namespace
}  // namespace hardy::algorithms
