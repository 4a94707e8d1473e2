#include "engine/linalg/mgr.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>

#include "engine/base/random.h"

namespace hardy::linalg {
namespace {

// Deterministic features (all draws alike): the chain is a geometric sum, G^{-1} (I - (I - c G)^{N+1}).
TEST(GeometricResampling, SumsTheGeometricSeries) {
  const double gamma = 0.05, c = 0.5;
  Eigen::VectorXd phi(3);
  phi << 0.2, 0.5, 0.3;
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(3, 3), g = gamma * one + phi * phi.transpose();
  for (const int draws : {0, 1, 10, 400}) {
    GeometricResampling chain(3, gamma, c);
    for (int i = 0; i < draws; ++i) chain.draw(phi.data());
    chain.finish();
    Eigen::MatrixXd power = one;
    for (int i = 0; i <= draws; ++i) power *= one - c * g;
    Eigen::Matrix<double, 3, 3, Eigen::RowMajor> mean;
    chain.mean(mean.data(), false);
    EXPECT_LT((mean - g.inverse() * (one - power)).norm(), 1e-12) << draws;
  }
}

// A product of different factors does not commute; the order and the side are Z_{n-1} (I - c Y_n).
TEST(GeometricResampling, MultipliesFactorsFromTheRight) {
  constexpr int d = 4, draws = 5, chains = 3;
  const double gamma = 0.1, c = 0.5;
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(d, d);
  const Random random(3, RandomStream::kUser);
  GeometricResampling resampling(d, gamma, c);
  Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(d, d);
  std::uint64_t k = 0;
  for (int m = 0; m < chains; ++m) {
    Eigen::MatrixXd z = one, sum = one;
    for (int i = 0; i < draws; ++i) {
      Eigen::VectorXd phi(d);
      for (int j = 0; j < d; ++j) phi[j] = random.normal(k++) * 0.4;
      resampling.draw(phi.data());
      z = z * (one - c * (gamma * one + phi * phi.transpose()));
      sum += z;
    }
    resampling.finish();
    expected += c * sum / chains;
  }
  Eigen::Matrix<double, d, d, Eigen::RowMajor> mean, symmetric;
  resampling.mean(mean.data(), false);
  resampling.mean(symmetric.data(), true);
  EXPECT_EQ(resampling.chains(), chains);
  EXPECT_LT((mean - expected).norm(), 1e-13);
  EXPECT_GT((mean - mean.transpose()).norm(), 1e-3);  // else the next line shows nothing
  EXPECT_LT((symmetric - 0.5 * (expected + expected.transpose())).norm(), 1e-13);
  resampling.clear(gamma);
  EXPECT_EQ(resampling.chains(), 0);
}

}  // namespace
}  // namespace hardy::linalg
