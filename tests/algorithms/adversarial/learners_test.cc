// What is particular to single learners: the policy cover's weights and known states, O-REPS's optimality,
// the confidence set's extremes, and that each of them learns.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <map>

#include "algorithms/adversarial/boxes/confidence_set.h"
#include "algorithms/adversarial/boxes/policy_cover.h"
#include "algorithms/adversarial/regret_method.h"
#include "engine/base/error.h"
#include "envs/linear_mdp/exact.h"
#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::MatrixXd;

Eigen::VectorXd feature(const envs::LinearMdp& m, int h, std::int64_t pair) {
  return Eigen::Map<const Eigen::VectorXd>(m.layer_features(h) + pair * m.d, m.d);
}

// By enumeration of Y, h*, the cover's member and all trajectories: an exploring episode weighs H at its h*
// alone, and then E[w phi phi^T] is the mixture of covariances and E[w phi L] is that matrix times theta.
TEST(PolicyCover, WeightsMakeTheMeanTheMixtureOfCovariances) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const envs::LinearMdp& m = *instance.mdp;
  PolicyCover cover(m, 10, 4, 0.01, 0.1);
  for (int i = 0; i < 4; ++i) cover.plan_with_known_transitions();
  const double delta = 0.3;
  std::vector<double> pi(36), scratch(9);
  for (std::size_t i = 0; i < 36; ++i) pi[i] = std::vector<double>{.2, .5, .3}[(i + i / 3) % 3];
  const std::vector<double> losses =
      envs::loss_table(m, *instance.losses, instance.losses->losses(0, scratch.data()));
  const envs::Values truth = envs::evaluate(m, losses, pi);
  std::vector<Matrix> mean(3, Matrix::Zero(3, 3));
  std::vector<Eigen::VectorXd> target(3, Eigen::VectorXd::Zero(3));
  const auto enumerate = [&](double share, bool exploring, int h_star, int member) {
    for (int code = 0; code < 432; ++code) {
      int rest = code, s = 0, states[3], actions[3];
      double p = share;
      for (int h = 0; h < 3; ++h) {
        if (h > 0) {
          const int to = rest % 4;
          rest /= 4;
          p *= m.layer_transitions(h - 1)[(s * 3 + actions[h - 1]) * 4 + to];
          s = to;
        }
        states[h] = s, actions[h] = rest % 3;
        rest /= 3;
        p *= exploring && h <= h_star ? (cover.action(member, h, s) == actions[h] ? 1.0 : 0.0)
                                      : pi[static_cast<std::size_t>((h * 4 + s) * 3 + actions[h])];
      }
      double L = 0;
      for (int h = 2; h >= 0; --h) {
        const std::int64_t pair = states[h] * 3 + actions[h];
        L += losses[static_cast<std::size_t>(h * 12 + pair)];
        const double w = exploration_weight(exploring, h, h_star, 3);
        mean[static_cast<std::size_t>(h)] += p * w * feature(m, h, pair) * feature(m, h, pair).transpose();
        target[static_cast<std::size_t>(h)] += p * w * L * feature(m, h, pair);
      }
    }
  };
  enumerate(1 - delta, false, 0, 0);
  for (int h_star = 0; h_star < 3; ++h_star)
    for (int member = 0; member < 4; ++member) enumerate(delta / 3 / 4, true, h_star, member);
  const std::vector<double> q = envs::occupancy(m, pi), q_cover = cover.occupancy();
  for (int h = 0; h < 3; ++h) {
    Matrix mixture = Matrix::Zero(3, 3), F(12, 3);
    for (std::int64_t p = 0; p < 12; ++p) {
      const auto i = static_cast<std::size_t>(h * 12 + p);
      F.row(p) = feature(m, h, p).transpose();
      mixture += ((1 - delta) * q[i] + delta * q_cover[i]) * feature(m, h, p) * feature(m, h, p).transpose();
    }
    const Eigen::VectorXd theta =
        F.colPivHouseholderQr().solve(Eigen::Map<const Eigen::VectorXd>(truth.Q.data() + h * 12, 12));
    EXPECT_LT((mean[static_cast<std::size_t>(h)] - mixture).cwiseAbs().maxCoeff(), 1e-14);
    EXPECT_LT((target[static_cast<std::size_t>(h)] - mixture * theta).cwiseAbs().maxCoeff(), 1e-13);
  }
}

TEST(PolicyCover, MoreStatesAreKnownForALargerAlphaAndAllInTheEnd) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const envs::LinearMdp& m = *instance.mdp;
  int before = 0;
  for (const double alpha : {1.0, 5.0, 20.0, 1000.0}) {
    PolicyCover cover(m, alpha, 16, 0.01, 0.1);
    for (int i = 0; i < 16; ++i) cover.plan_with_known_transitions();
    int known = 0;
    for (const char k : cover.known_states(alpha)) known += k;
    EXPECT_GE(known, before);
    before = known;
  }
  EXPECT_EQ(before, 12);
}

RegretConfig fixed_t1(const std::string& method, std::int64_t episodes) {
  RegretConfig config;
  config.method = method;
  config.instance = envs::make_instance(test::kT1, "fixed", episodes);
  config.episodes = episodes;
  config.seeds = {0, 1, 2, 3};
  return config;
}
double mean_regret(const RegretConfig& config) {
  ThreadTeam team(2);
  double sum = 0;
  for (const ReplicaResult& r : run_regret(config, team).replicas) sum += r.regret;
  return sum / static_cast<double>(config.seeds.size());
}

TEST(PolicyCover, TheMainPhaseLearnsWithTheOracleAndWithItsOwnCover) {
  RegretConfig config = fixed_t1("linear_mdp_policy_cover", 10000);
  config.settings[0].eta = 0.3, config.settings[0].beta = 0.001, config.settings[0].gamma = 0.02;
  config.cover = {0.1, 100, 100, 0, true};
  const double uniform = mean_regret(fixed_t1("uniform", 10000)), oracle = mean_regret(config);
  EXPECT_LT(oracle, 0.7 * uniform);
  config.cover.oracle = false;
  config.cover.cover_episodes = 1000;
  EXPECT_LT(mean_regret(config), 0.8 * uniform);
}

TEST(PolicyCover, WhatItAchievesLeavesTheShareOfItsVisitsThatWasAskedForAndNoLess) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const envs::LinearMdp& m = *instance.mdp;
  PolicyCover cover(m, 6, 16, 0.01, 0.1);
  for (int i = 0; i < 16; ++i) cover.plan_with_known_transitions();
  const std::vector<double> q = cover.occupancy();
  const auto unknown =
      [&](double alpha) {  // the largest share of a layer's visits to states that are not known
        const std::vector<char> known = cover.known_states(alpha);
        double largest = 0;
        for (std::size_t h = 0; h < 3; ++h) {
          double share = 0;
          for (std::size_t i = 0; i < 12; ++i) share += known[h * 4 + i / 3] ? 0 : q[h * 12 + i];
          largest = std::max(largest, share);
        }
        return largest;
      };
  for (const double share : {0.0, 0.01, 0.3}) {
    const double alpha = cover.achieved(share);
    EXPECT_LE(unknown(alpha), share + 1e-12);
    EXPECT_GT(unknown(alpha * (1 - 1e-9)), share) << share;
  }
}

TEST(PolicyCover, ItsOwnDefaultsKnowTheStatesThatItPlaysAndLearn) {
  const std::string env = "simplex:seed=5,H=3,S=5,A=3,d=4,K=2,rare=1";
  ThreadTeam team(2);
  const auto run = [&](const std::string& method, std::int64_t K, bool oracle, double alpha) {
    RegretConfig config;
    config.method = method;
    config.instance = envs::make_instance(env, "fixed", K);
    config.episodes = K;
    config.seeds = {0, 1, 2, 3};
    config.cover.oracle = oracle;
    config.cover.alpha = alpha;
    return run_regret(config, team);
  };
  const auto figure = [](const RegretResult& r, const std::string& name) {
    for (const RegretFigure& f : r.replicas.at(0).figures)
      if (f.name == name) return f.value;
    return -1.0;
  };
  const std::int64_t K = 1 << 14;
  const double uniform = run("uniform", K, false, 0).replicas.at(0).regret;
  for (const bool oracle : {false, true}) {
    const RegretResult learned = run("linear_mdp_policy_cover", K, oracle, 0);
    double mean = 0;
    for (const ReplicaResult& r : learned.replicas) mean += r.regret / 4;
    EXPECT_LT(mean, 0.75 * uniform);
    EXPECT_GT(figure(learned, "known_played"), 0.95);
    EXPECT_GE(figure(learned, "alpha"), 4);  // d: no cover does better
  }
  // A small alpha knows nothing, and says so: every policy is uniform, exploring episodes aside.
  const RegretResult blind = run("linear_mdp_policy_cover", K, true, 0.5);
  EXPECT_EQ(figure(blind, "known_states"), 0);
  EXPECT_GT(blind.replicas.at(0).regret, 0.9 * uniform);
}

TEST(PolicyCover, ACoverLongerThanTheRunIsRefused) {
  RegretConfig config = fixed_t1("linear_mdp_policy_cover", 100);
  config.cover.cover_episodes = 101;
  ThreadTeam team(1);
  EXPECT_THROW(run_regret(config, team), Error);
}

TEST(RegretLearners, EveryOneOfThemBeatsTheUniformPolicyOnFixedLosses) {
  const std::int64_t K = 4000;
  const double uniform = mean_regret(fixed_t1("uniform", K));
  // Theory's sizes are timid at this K; c_eta makes each one learn.
  const std::map<std::string, double> c_eta{{"ftrl_log_barrier", 20},
                                            {"exp_weights", 20},
                                            {"exp_weights_magnitude_reduced", 20},
                                            {"linear_q_exp_weights", 30},
                                            {"hedge_full_information", 10},
                                            {"log_barrier_full_information", 20},
                                            {"o_reps", 3},
                                            {"contracted_features", 10},
                                            {"tabular_known_transitions", 10},
                                            {"tabular_unknown_transitions", 10}};
  for (const auto& [method, c] : c_eta) {
    RegretConfig config = fixed_t1(method, K);
    config.settings[0].c_eta = c;
    config.settings[0].c_beta = 0.05;
    EXPECT_LT(mean_regret(config), 0.75 * uniform) << method;
  }
}

TEST(OReps, EachUpdateMinimisesItsObjectiveOverOccupancies) {
  RegretConfig config = fixed_t1("o_reps", 50);
  ThreadTeam team(1);
  const Lane lane{3, {0.5, 0, 0.1}};
  const auto steps = make_steps(config, {&lane, 1}, team);
  Steps& r = *steps;
  const auto learner = regret_method("o_reps").make(r);
  const Random random(9, RandomStream::kUser);
  std::uint64_t draw = 0;
  for (std::int64_t k = 0; k < 20; ++k) {
    r.begin(k);
    learner->episode(k);
    const std::vector<double> q(r.tables.q.at(0), r.tables.q.at(36));
    std::vector<double> estimate(36);
    for (std::size_t h = 0; h < 3; ++h) {
      const std::size_t at = h * 12 + static_cast<std::size_t>(r.played.states[h] * 3 + r.played.actions[h]);
      estimate[at] =
          r.losses.at(static_cast<int>(h), r.played.states[h], r.played.actions[h], 0) / (q[at] + 0.1);
    }
    const auto objective = [&](const std::vector<double>& policy) {
      const std::vector<double> x = envs::occupancy(r.mdp, policy);
      double sum = 0;
      for (std::size_t i = 0; i < 36; ++i)
        if (x[i] > 0) sum += 0.5 * x[i] * estimate[i] + x[i] * std::log(x[i] / q[i]) - x[i] + q[i];
      return sum;
    };
    const std::vector<double> chosen(r.tables.pi.at(0), r.tables.pi.at(36));
    const double least = objective(chosen);
    for (int trial = 0; trial < 50; ++trial) {  // nearby and far policies
      std::vector<double> other = chosen;
      const double step = trial % 2 == 0 ? 0.01 : 0.5;
      for (std::size_t hs = 0; hs < 12; ++hs) {
        double sum = 0;
        for (std::size_t a = 0; a < 3; ++a)
          sum += other[hs * 3 + a] *= std::exp(step * random.normal(draw++));
        for (std::size_t a = 0; a < 3; ++a) other[hs * 3 + a] /= sum;
      }
      EXPECT_GE(objective(other), least - 1e-12);
    }
  }
}

// --- the log-determinant on lifted covariances ---

RegretConfig contexts(std::int64_t K, const std::string& losses) {
  RegretConfig config;
  config.method = "ftrl_log_determinant";
  config.instance = envs::make_instance("simplex:seed=3,H=1,S=5,A=6,d=3,K=4,even=1", losses, K);
  config.episodes = K;
  config.seeds = {0, 1, 2, 3, 4, 5, 6, 7};
  return config;
}

// Each episode anew, by Eigen: costs from the trajectories so far, and that the policies which were played
// are the optima that these costs have.
TEST(LogDeterminantFtrl, PlaysTheOptimaOfTheLiftedCostsThatItsTrajectoriesGive) {
  const RegretConfig config = contexts(64, "cycle");
  ThreadTeam team(1);
  const double eta = 0.4, alpha = 0.05, gamma = 0.02;
  const Lane lane{11, {eta, alpha, gamma}};
  const auto steps = make_steps(config, {&lane, 1}, team);
  Steps& r = *steps;
  const auto learner = regret_method("ftrl_log_determinant").make(r);
  const envs::LinearMdp& m = r.mdp;
  const auto lifted = [&](std::int64_t pair) {
    Eigen::VectorXd x(4);
    x << feature(m, 0, pair), 1;
    return x;
  };
  Matrix costs = Matrix::Zero(5, 6);
  std::vector<int> met(5);
  for (std::int64_t k = 0; k < 64; ++k) {
    r.begin(k);
    learner->episode(k);
    const Matrix pi = Eigen::Map<const Eigen::Matrix<double, 5, 6, Eigen::RowMajor>>(r.tables.pi.at(0));
    for (int s = 0; s < 5; ++s) {  // within the span: simplex features hold the lifted coordinate, rank 3
      Matrix M = Matrix::Zero(3, 3);
      for (int a = 0; a < 6; ++a)
        M += pi(s, a) * feature(m, 0, s * 6 + a) * feature(m, 0, s * 6 + a).transpose();
      Eigen::VectorXd g(6);
      for (int a = 0; a < 6; ++a) {
        const Eigen::VectorXd phi = feature(m, 0, s * 6 + a);
        g[a] = phi.dot(M.inverse() * phi) - eta * costs(s, a);
      }
      EXPECT_LT(g.maxCoeff() - g.dot(pi.row(s)), 1e-6) << k;
    }
    const int context = r.played.states[0], action = r.played.actions[0];
    ++met[static_cast<std::size_t>(context)];
    Matrix sigma = Matrix::Zero(4, 4);
    for (int i = 0; i < 3; ++i) sigma(i, i) = std::min(1.0, gamma * 64 / static_cast<double>(k + 1));
    for (int s = 0; s < 5; ++s)
      for (int a = 0; a < 6; ++a)
        sigma += met[static_cast<std::size_t>(s)] / static_cast<double>(k + 1) * pi(s, a) *
                 lifted(s * 6 + a) * lifted(s * 6 + a).transpose();
    const Matrix inverse = sigma.inverse();
    const Eigen::VectorXd theta = inverse * lifted(context * 6 + action) * r.losses.at(0, context, action, 0);
    for (int s = 0; s < 5; ++s)
      for (int a = 0; a < 6; ++a) {
        const Eigen::VectorXd x = lifted(s * 6 + a);
        costs(s, a) += x.dot(theta) - alpha * std::sqrt(64 / static_cast<double>(k + 1)) * x.dot(inverse * x);
        EXPECT_NEAR(costs(s, a), r.tables.C[r.tables.pair(0, s, a)], 1e-8 * (1 + std::abs(costs(s, a)))) << k;
      }
    r.end();
  }
}

TEST(LogDeterminantFtrl, RegretGrowsFarSlowerThanTheUniformPolicysOnItsOwnSizes) {
  RegretConfig small = contexts(1 << 10, "fixed"), large = contexts(1 << 14, "fixed");
  const double ratio = mean_regret(large) / mean_regret(small);
  EXPECT_LT(ratio, 6.5)
      << "16 times the episodes: 4 for a square root and its logarithm, 16 for the uniform policy";
  EXPECT_GT(ratio, 2);
}

TEST(LogDeterminantFtrl, MoreThanOneLayerIsRefused) {
  RegretConfig config = fixed_t1("ftrl_log_determinant", 100);
  EXPECT_NE(test::refusal([&] { mean_regret(config); }).find("H = 1 would be right"), std::string::npos);
}

// Several pairs are visited between two refreshes, as in an episode, and one of them has doubled already.
TEST(ConfidenceSet, CountsEveryVisitWhateverElseHasDoubled) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  ConfidenceSet set(*instance.mdp, 1000, 0.1, false, 1e-6);  // as good as the means
  for (int episode = 0; episode < 32; ++episode) {
    set.visited(0, 0, 0, episode % 4);
    set.visited(1, episode % 4, 1, 2);
    set.refresh();
    for (int h = 0; h < 2; ++h)
      for (int s = 0; s < 4; ++s) {
        double low = 0, high = 0;
        for (int i = 0; i < 4; ++i) {
          const int at = ((h * 4 + s) * 3 + h) * 4 + i;
          low += set.low()[at], high += set.low()[at] + set.room()[at];
        }
        EXPECT_LE(low, 1 + 1e-12) << "there is no law in the set, episode " << episode;
        if (h == 0 && s == 0) {
          EXPECT_GE(high, 1 - 1e-12);
        }
      }
  }
  EXPECT_NEAR(set.low()[0], 6.0 / 22, 1e-5);  // as it was when another pair doubled last
  EXPECT_NEAR(set.low()[((4 + 1) * 3 + 1) * 4 + 2], 1, 1e-2);
}

TEST(ConfidenceSet, ContainsTheTruthAndShrinksTowardsIt) {
  const envs::Instance instance = envs::make_instance(test::kT1, "", 8);
  const envs::LinearMdp& m = *instance.mdp;
  ConfidenceSet set(m, 100000, 0.01, false);
  const ConfidenceSet truth(m, 100000, 0.01, true);
  const std::vector<double> f{0.3, 1.0, 0.1, 0.7};
  std::vector<int> falling(4), rising(4);
  ConfidenceSet::sort_by(f, true, falling);
  ConfidenceSet::sort_by(f, false, rising);
  EXPECT_EQ(falling, (std::vector<int>{1, 3, 0, 2}));
  EXPECT_NEAR(set.extreme(0, 0, 0, f, falling), 1.0, 1e-12);  // nothing is known: all mass where f is largest
  EXPECT_NEAR(set.extreme(0, 0, 0, f, rising), 0.1, 1e-12);
  const Random random(4, RandomStream::kUser);
  std::vector<double> scratch(4);
  double width = 1;
  for (int n = 0; n < 100000; ++n) {
    const double* law = m.cumulative(0, 0, 0, scratch.data());
    int next = 0;
    while (next < 3 && random.uniform64(static_cast<std::uint64_t>(n)) >= law[next]) ++next;
    set.visited(0, 0, 0, next);
    if (!set.refresh()) continue;
    const double high = set.extreme(0, 0, 0, f, falling), low = set.extreme(0, 0, 0, f, rising);
    EXPECT_LE(low, truth.extreme(0, 0, 0, f, falling));
    EXPECT_GE(high, truth.extreme(0, 0, 0, f, falling));
    width = high - low;
  }
  EXPECT_LT(width, 0.2);
  EXPECT_GT(width, 0.001);
}

}  // namespace
}  // namespace hardy::algorithms
