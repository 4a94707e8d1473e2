#include "algorithms/experiments/estimator_study.h"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <span>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/linalg/mgr.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

using Eigen::MatrixXd;

double operator_norm(const MatrixXd& symmetric) {
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(symmetric, Eigen::EigenvaluesOnly)
      .eigenvalues()
      .cwiseAbs()
      .maxCoeff();
}

// Running mean of a few numbers and its standard error.
struct Mean {
  double n = 0, sum = 0, squares = 0;
  void take(double x) { n += 1, sum += x, squares += x * x; }
  MeanError error() const {
    const double mean = sum / n;
    return {mean, n > 1 ? std::sqrt(std::max(0.0, squares / n - mean * mean) / (n - 1))
                        : std::numeric_limits<double>::quiet_NaN()};
  }
};

// What is estimated, and the distance of an estimate from it.
struct Target {
  MatrixXd inverse, root;  // G^{-1}, G^{1/2}
  explicit Target(const MatrixXd& g) {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(g);
    inverse = solver.eigenvectors() * solver.eigenvalues().cwiseInverse().asDiagonal() *
              solver.eigenvectors().transpose();
    root = solver.operatorSqrt();
  }
  double multiplicative(const MatrixXd& x) const {
    return operator_norm(root * x * root - MatrixXd::Identity(x.rows(), x.cols()));
  }
  double absolute(const MatrixXd& x) const { return operator_norm(x - inverse); }
};

}  // namespace

std::vector<EstimatorErrors> estimator_errors(const envs::LinearMdp& m, const EstimatorStudy& study,
                                              const run::Watch& watch) {
  if (study.layer < 0 || study.layer >= m.H)
    throw Error("the MDP has no layer " + std::to_string(study.layer), "--layer",
                "give 0 to " + std::to_string(m.H - 1));
  const auto n = static_cast<std::size_t>(m.pairs());
  const Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> phi(
      m.layer_features(study.layer), m.pairs(), m.d);
  const std::vector<double> uniform(static_cast<std::size_t>(m.H) * n, 1.0 / m.A),
      all = envs::occupancy(m, uniform);
  const std::span<const double> q(all.data() + static_cast<std::size_t>(study.layer) * n, n);
  const MatrixXd one = MatrixXd::Identity(m.d, m.d),
                 sigma = phi.transpose() *
                         Eigen::Map<const Eigen::VectorXd>(q.data(), m.pairs()).asDiagonal() * phi;

  std::vector<EstimatorErrors> errors;
  std::uint64_t step = 0;
  watch.observer->began(
      "estimates on " + m.name,
      static_cast<std::int64_t>(study.gammas.size() * study.multiples.size()) * study.repeats, 0);
  for (const double gamma : study.gammas)
    for (const double multiple : study.multiples) {
      if (!(gamma > 0 && gamma <= 1))
        throw Error("gamma = " + std::to_string(gamma), "--gammas", "give numbers in (0, 1]");
      EstimatorErrors e;
      e.gamma = gamma;
      e.samples = std::max<std::int64_t>(1, std::llround(multiple / gamma));
      e.terms =
          std::max<std::int64_t>(2, static_cast<std::int64_t>(std::sqrt(static_cast<double>(e.samples))));
      e.chains = std::max<std::int64_t>(1, e.samples / e.terms);
      const double z =
          std::sqrt(3 * std::log(2.0 * m.d * m.H / study.delta) / (gamma * static_cast<double>(e.samples)));
      e.empirical_bound = z < 1 ? z / (1 - z) : std::numeric_limits<double>::quiet_NaN();
      e.resampling_bias_bound = std::pow(1 - 0.5 * gamma, static_cast<double>(e.terms + 1)) / gamma;
      const Target target(gamma * one + sigma);
      Mean empirical, empirical_absolute, resampling, resampling_absolute;
      linalg::GeometricResampling chain(m.d, gamma);
      for (int repeat = 0; repeat < study.repeats; ++repeat) {
        throw_if_stopped(watch.stop);
        const auto done = static_cast<std::int64_t>(step);
        if (watch.observer->wants_progress(done)) watch.observer->progress(done, {});
        const Random random(study.seed, RandomStream::kUser, step++);
        MatrixXd mean = MatrixXd::Zero(m.d, m.d);
        chain.clear(gamma);
        for (std::int64_t i = 0; i < e.samples; ++i) {
          const auto pair = static_cast<Eigen::Index>(random.categorical(static_cast<std::uint64_t>(i), q));
          mean += phi.row(pair).transpose() * phi.row(pair);
          if (i >= e.chains * e.terms) continue;
          chain.draw(m.layer_features(study.layer) + pair * m.d);
          if ((i + 1) % e.terms == 0) chain.finish();
        }
        const MatrixXd inverse = (gamma * one + mean / static_cast<double>(e.samples)).llt().solve(one);
        empirical.take(target.multiplicative(inverse));
        empirical_absolute.take(target.absolute(inverse));
        MatrixXd resampled(m.d, m.d);  // symmetric: the storage order does not matter
        chain.mean(resampled.data(), true);
        resampling.take(target.multiplicative(resampled));
        resampling_absolute.take(target.absolute(resampled));
      }
      e.empirical = empirical.error();
      e.empirical_absolute = empirical_absolute.error();
      e.resampling = resampling.error();
      e.resampling_absolute = resampling_absolute.error();
      errors.push_back(e);
    }
  return errors;
}

}  // namespace hardy::algorithms
