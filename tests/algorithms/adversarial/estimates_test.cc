// The estimators by full enumeration of trajectories, and reference numbers of the uniform policy on T1.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "algorithms/adversarial/steps/steps.h"
#include "envs/linear_mdp/exact.h"
#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::MatrixXd;

// T1's first episode under the uniform policy, gamma = .05, beta = .1.
class UniformOnT1 : public testing::Test {
 protected:
  explicit UniformOnT1(const std::string& covariance = "exact")
      : config_(test::t1("ftrl_log_barrier", 8, 0.5, 0.1, 0.05)) {
    config_.covariance = parse_covariance(covariance);
    r_ = make_steps(config_, lanes_, team_);
    r_->begin(0);
    r_->uniform_policies();
    r_->occupancies();
    r_->covariance();
  }

  Matrix covariance_of_layer(int h) const {
    Matrix sum = Matrix::Zero(3, 3);
    for (std::int64_t p = 0; p < 12; ++p) sum += r_->tables.q[h * 12 + p] * phi(h, p) * phi(h, p).transpose();
    return sum;
  }
  Matrix dagger(int h) const { return (0.05 * Matrix::Identity(3, 3) + covariance_of_layer(h)).inverse(); }
  Eigen::VectorXd phi(int h, std::int64_t p) const {
    return Eigen::Map<const Eigen::VectorXd>(r_->mdp.layer_features(h) + p * 3, 3);
  }

  // visit(probability) with the trajectory set, for all 432 of them.
  template <class Visit>
  void for_all_trajectories(Visit&& visit) {
    for (int code = 0; code < 27 * 16; ++code) {
      int rest = code;
      double probability = 1;
      for (std::size_t h = 0; h < 3; ++h) {
        r_->played.states[h] = h == 0 ? 0 : rest % 4;
        if (h > 0) rest /= 4;
        r_->played.actions[h] = rest % 3;
        rest /= 3;
        probability /= 3;
        if (h > 0)
          probability *= r_->mdp.layer_transitions(
              static_cast<int>(h) -
              1)[(r_->played.states[h - 1] * 3 + r_->played.actions[h - 1]) * 4 + r_->played.states[h]];
      }
      double L = 0;
      for (int h = 2; h >= 0; --h)
        r_->played.to_go[h] = L += r_->losses.at(h, r_->played.states[static_cast<std::size_t>(h)],
                                                 r_->played.actions[static_cast<std::size_t>(h)], 0);
      visit(probability);
    }
  }

  RegretConfig config_;
  std::vector<Lane> lanes_{{7, {0.5, 0.1, 0.05}}};
  ThreadTeam team_{1};
  std::unique_ptr<Steps> r_;
};

TEST_F(UniformOnT1, CovarianceAndItsRegularisedInverseMeetTheReference) {
  const Matrix sigma = covariance_of_layer(1);
  const double want[3] = {.094878556868, .071707804877, .099004992906};
  const double want_dagger[3] = {9.972101897747, -1.980907850613, -3.057393060412};
  const double want_trace[3] = {1.894491167396, 1.858183656845, 1.886778902865};
  for (int j = 0; j < 3; ++j) {
    EXPECT_NEAR(sigma(0, j), want[j], 1e-12);
    double unit[3] = {0, 0, 0};
    unit[j] = 1;
    r_->inverse_covariance().solve(1, 1, unit);  // Sd e_j
    EXPECT_NEAR(unit[0], want_dagger[j], 1e-11);
  }
  for (int h = 0; h < 3; ++h) {
    double trace = 0;
    for (int j = 0; j < 3; ++j) {
      Eigen::VectorXd column = covariance_of_layer(h).col(j);
      r_->inverse_covariance().solve(h, 1, column.data());
      trace += column[j];
    }
    EXPECT_NEAR(trace, want_trace[h], 1e-11);
    EXPECT_LE(trace, 3);
  }
}

TEST_F(UniformOnT1, BonusMeetsTheReferenceAndItsIdentities) {
  r_->bonus();
  r_->dilate();
  double largest = 0, price = 0, trace = 0;
  for (std::int64_t p = 0; p < 36; ++p) {
    largest = std::max(largest, r_->tables.forms[p]);
    EXPECT_GE(r_->tables.forms[p], 0);
    EXPECT_LE(r_->tables.forms[p], 1 / 0.05);
    EXPECT_GE(r_->tables.B[p], r_->tables.b[p]);
    if (p >= 24) {
      EXPECT_EQ(r_->tables.B[p], r_->tables.b[p]);
    }
    price += r_->tables.q[p] * r_->tables.b[p];
  }
  EXPECT_NEAR(largest, 5.120343045255, 1e-11);
  for (int h = 0; h < 3; ++h) trace += (dagger(h) * covariance_of_layer(h)).trace();
  EXPECT_NEAR(price, 1.127890745421272, 1e-12);
  EXPECT_NEAR(price, 2 * 0.1 * trace, 1e-12);
  const double want[3] = {1.509533571828, 1.556397930535, 1.569874286607};
  double start = 0;
  for (int a = 0; a < 3; ++a) {
    EXPECT_NEAR(r_->tables.B[a], want[a], 1e-11);
    start += r_->tables.B[a] / 3;
  }
  EXPECT_NEAR(start, 1.545268596323288, 1e-12);
}

TEST_F(UniformOnT1, EstimatorsHaveTheMomentsOfTheReferenceOverAllTrajectories) {
  std::vector<double> mean(36), square(36), reduced(36), reduced_square(36), least(36, 1e9),
      reduced_least(36, 1e9);
  double total = 0;
  for_all_trajectories([&](double probability) {
    total += probability;
    r_->estimate();
    for (std::size_t p = 0; p < 36; ++p) {
      const double x = r_->tables.Qhat[static_cast<std::int64_t>(p)];
      mean[p] += probability * x, square[p] += probability * x * x, least[p] = std::min(least[p], x);
    }
    r_->reduce_magnitude();
    for (std::size_t p = 0; p < 36; ++p) {
      const double x = r_->tables.Qhat[static_cast<std::int64_t>(p)];
      reduced[p] += probability * x, reduced_square[p] += probability * x * x;
      reduced_least[p] = std::min(reduced_least[p], x);
    }
  });
  EXPECT_NEAR(total, 1, 1e-12);
  const double want_mean[3] = {.576386567484, .694492378960, .588372658315};
  const double want_square[3] = {.737168925975, .653409237411, .658939421569};
  const double want_reduced_square[3] = {.570583902714, .653409237411, .553116669028};
  const double want_least[3] = {-.873022717284, .083715861320, -.598850936586};
  const double want_reduced_least[3] = {-.055806443528, .083715861320, -.109350552640};
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(mean[12 + a], want_mean[a], 1e-11);
    EXPECT_NEAR(square[12 + a], want_square[a], 1e-11);
    EXPECT_NEAR(reduced_square[12 + a], want_reduced_square[a], 1e-11);
    EXPECT_NEAR(least[12 + a], want_least[a], 1e-11);
    EXPECT_NEAR(reduced_least[12 + a], want_reduced_least[a], 1e-11);
  }
  // E[Qhat] = phi Sd Sigma theta with or without reduction; its distance from Q is at most gamma |phi|
  // |theta|.
  std::vector<double> scratch(9);
  const std::vector<double> losses =
      envs::loss_table(r_->mdp, *config_.instance.losses, config_.instance.losses->losses(0, scratch.data()));
  const envs::Values truth = envs::evaluate(r_->mdp, losses, std::vector<double>(36, 1.0 / 3));
  const double H = 3;
  for (int h = 0; h < 3; ++h) {
    Eigen::MatrixXd F(12, 3);
    for (std::int64_t p = 0; p < 12; ++p) F.row(p) = phi(h, p).transpose();
    const Eigen::VectorXd theta =
        F.colPivHouseholderQr().solve(Eigen::Map<const Eigen::VectorXd>(truth.Q.data() + h * 12, 12));
    for (std::int64_t p = 0; p < 12; ++p) {
      const auto i = static_cast<std::size_t>(h * 12 + p);
      const double n = phi(h, p).dot(dagger(h) * phi(h, p));
      EXPECT_NEAR(mean[i], phi(h, p).dot(dagger(h) * covariance_of_layer(h) * theta), 1e-12);
      EXPECT_NEAR(reduced[i], mean[i], 1e-12);
      EXPECT_LE(std::abs(mean[i] - truth.Q[i]), 0.05 * std::sqrt(n * theta.dot(dagger(h) * theta)) + 1e-12);
      EXPECT_LE(square[i], H * H * n);
      EXPECT_LE(reduced_square[i], 2 * H * H * n);
      EXPECT_GE(reduced_least[i], -H * std::sqrt(n));
    }
  }
}

TEST_F(UniformOnT1, CompensatorMeetsTheReference) {
  // With nothing visited weighing in: Qhat = m where kappa >= 0 and L = 0.
  std::fill_n(r_->tables.kernel.at(0), r_->tables.kernel.size(), 0.0);
  std::fill_n(r_->tables.Qhat.at(0), r_->tables.Qhat.size(), 0.0);
  r_->reduce_magnitude();
  const double want[3] = {-.210262911987, 0, -.123236108048};
  for (int a = 0; a < 3; ++a) EXPECT_NEAR(r_->tables.Qhat[12 + a], want[a], 1e-11);
}

class EmpiricalOnT1 : public UniformOnT1 {
 protected:
  EmpiricalOnT1() : UniformOnT1("empirical:M=200") {}
  // Mean over repetitions of |G^1/2 Sd~ G^1/2 - I| in layer 1.
  double multiplicative_error(std::int64_t M, int repetitions) {
    config_.covariance.samples = M;
    const Matrix G = 0.05 * Matrix::Identity(3, 3) + covariance_of_layer(1);
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(G);
    const Matrix root = eigen.operatorSqrt();
    double sum = 0;
    for (int i = 0; i < repetitions; ++i) {
      r_->begin(i);
      r_->covariance();
      Matrix Sd = Matrix::Identity(3, 3);
      for (int j = 0; j < 3; ++j) r_->inverse_covariance().solve(1, 1, Sd.col(j).data());
      const Matrix apart = root * Sd * root - Matrix::Identity(3, 3);
      sum += apart.selfadjointView<Eigen::Lower>().eigenvalues().cwiseAbs().maxCoeff();
    }
    return sum / repetitions;
  }
};

TEST_F(EmpiricalOnT1, TheMultiplicativeErrorHalvesWhenTheSampleQuadruples) {
  const double few = multiplicative_error(100, 200), many = multiplicative_error(400, 200);
  EXPECT_NEAR(few / many, 2, 0.3) << few << " " << many;
}

TEST_F(EmpiricalOnT1, CallsAndTrajectoriesAreCounted) {
  EXPECT_EQ(r_->record.trajectories, 200);
  EXPECT_EQ(r_->record.simulator_calls, 400);
}

class ResampledOnT1 : public UniformOnT1 {
 protected:
  ResampledOnT1() : UniformOnT1("mgr:M=20000,N=10") {}
};

TEST_F(ResampledOnT1, TheMeanOfTheChainsIsTheTruncatedSeries) {
  const Matrix G = 0.05 * Matrix::Identity(3, 3) + covariance_of_layer(1),
               step = Matrix::Identity(3, 3) - 0.5 * G;
  Matrix power = Matrix::Identity(3, 3), expected = Matrix::Zero(3, 3);
  for (int n = 0; n <= 10; ++n, power = power * step) expected += 0.5 * power;
  Matrix Sd = Matrix::Identity(3, 3);
  for (int j = 0; j < 3; ++j) r_->inverse_covariance().solve(1, 1, Sd.col(j).data());
  EXPECT_LT((Sd - expected).cwiseAbs().maxCoeff(),
            0.02);  // 20000 chains; one chain's entries deviate by about .4
  EXPECT_GT((Sd - dagger(1)).cwiseAbs().maxCoeff(), 1);  // and N = 10 is far from the inverse
  EXPECT_EQ(r_->record.trajectories, 200000);
}

TEST(Resampling, TheSeriesApproachesTheInverseAsTheReferenceSays) {
  RegretConfig config = test::t1("uniform", 8, 1, 0, 0.05);
  ThreadTeam team(1);
  const Lane lane{0, {1, 0, 0.05}};
  const auto r = make_steps(config, {&lane, 1}, team);
  r->uniform_policies();
  r->begin(0);
  r->occupancies();
  Matrix G = 0.05 * Matrix::Identity(3, 3);
  for (std::int64_t p = 0; p < 12; ++p) {
    const Eigen::Map<const Eigen::VectorXd> x(r->mdp.layer_features(1) + p * 3, 3);
    G += r->tables.q[12 + p] * x * x.transpose();
  }
  for (const auto& [N, want] :
       {std::pair{10, 7.304590341191}, {100, .1470267429796}, {400, 3.261353765637e-07}}) {
    Matrix power = Matrix::Identity(3, 3), sum = Matrix::Zero(3, 3);
    for (int n = 0; n <= N; ++n, power = power * (Matrix::Identity(3, 3) - 0.5 * G)) sum += 0.5 * power;
    const double apart = (sum - G.inverse()).operatorNorm();
    EXPECT_NEAR(apart, want, 1e-6 * want + 1e-13) << N;
    EXPECT_LE(apart, std::pow(1 - 0.5 * 0.05, N + 1) / 0.05);
  }
}

TEST(SampleCounts, FollowTheirFormulas) {
  EXPECT_EQ(sample_counts(parse_covariance("exact"), 0.01).trajectories(), 0);
  EXPECT_EQ(sample_counts(parse_covariance("empirical"), 0.01).trajectories(), 100);
  EXPECT_EQ(sample_counts(parse_covariance("empirical:c=2.5"), 0.01).trajectories(), 250);
  EXPECT_EQ(sample_counts(parse_covariance("mgr:M=7,N=11"), 0.01).trajectories(), 77);
  const SampleCounts paper = mgr_counts(0.1, 0.1, 3, 3, 1000);
  EXPECT_EQ(paper.terms, static_cast<std::int64_t>(std::ceil(20 * std::log(100.0))));
  EXPECT_EQ(paper.chains, static_cast<std::int64_t>(std::ceil(24 * std::log(9000.0) / 1e-4)));
}

}  // namespace
}  // namespace hardy::algorithms
