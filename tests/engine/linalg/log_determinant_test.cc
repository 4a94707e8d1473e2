// FTRL with the log-determinant against independent solvers: the log barrier where both are the same problem,
// a multiplicative ascent in long double, and the optimality conditions by Eigen.
#include "engine/linalg/log_determinant.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "engine/base/random.h"
#include "engine/linalg/simplex.h"

namespace hardy::linalg {
namespace {

using Matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

struct Problem {
  int A, d;
  std::vector<double> phi, cost;
  Matrix lifted() const {  // [A][d + 1]
    Matrix x = Matrix::Ones(A, d + 1);
    for (int a = 0; a < A; ++a)
      for (int i = 0; i < d; ++i) x(a, i) = phi[static_cast<std::size_t>(a * d + i)];
    return x;
  }
};
Problem drawn(std::uint64_t seed, int A, int d, double spread) {
  SplitMix64 random(seed);
  Problem p{A, d, {}, {}};
  for (int i = 0; i < A * d; ++i) p.phi.push_back(2 * random.uniform() - 1);
  for (int a = 0; a < A; ++a) p.cost.push_back(spread * random.uniform());
  return p;
}
std::vector<double> solved(const Problem& problem, double eta) {
  LogDeterminant solver(problem.phi.data(), problem.A, problem.d);
  std::vector<double> p(static_cast<std::size_t>(problem.A), 1.0 / problem.A);
  EXPECT_LE(solver.solve(eta, problem.cost.data(), p.data()), 1e-8 * (1 + eta * 1e3));
  return p;
}
// g_a = x_a^T M^{-1} x_a - eta cost_a where the lifted features span all d + 1 coordinates.
Eigen::Matrix<long double, Eigen::Dynamic, 1> slopes(const Problem& problem, double eta, const Matrix& p) {
  const Matrix x = problem.lifted(), M = x.transpose() * p.col(0).asDiagonal() * x;
  const Matrix inverse = M.inverse();
  Eigen::Matrix<long double, Eigen::Dynamic, 1> g(problem.A);
  for (int a = 0; a < problem.A; ++a)
    g[a] = (x.row(a) * inverse * x.row(a).transpose())(0) - eta * problem.cost[static_cast<std::size_t>(a)];
  return g;
}
Matrix column(const std::vector<double>& p) {
  Matrix c(static_cast<Eigen::Index>(p.size()), 1);
  for (std::size_t a = 0; a < p.size(); ++a) c(static_cast<Eigen::Index>(a), 0) = p[a];
  return c;
}

TEST(LogDeterminant, IsTheLogBarrierWhereLiftedFeaturesAreIndependent) {
  const Problem mirror{3, 2, {.3, 0, .6, .8, .6, -.8}, {0, 40, 3}};
  for (const double eta : {0.01, 1.0, 50.0}) {
    const std::vector<double> p = solved(mirror, eta);
    std::vector<double> barrier(3);
    log_barrier({1, 3, 1, &eta, mirror.cost.data(), barrier.data()});
    for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(p[a], barrier[a], 1e-7 * std::sqrt(barrier[a])) << eta;
  }
}

TEST(LogDeterminant, NoActionsSlopeIsAboveTheMeanAndASupportOfTheRankIsEnough) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const double eta : {0.05, 1.0, 30.0}) {
      const Problem problem = drawn(seed, 8, 2, 5);
      const std::vector<double> p = solved(problem, eta);
      const auto g = slopes(problem, eta, column(p));
      long double mean = 0;
      double sum = 0;
      for (int a = 0; a < 8; ++a) {
        mean += p[static_cast<std::size_t>(a)] * g[a];
        sum += p[static_cast<std::size_t>(a)];
        EXPECT_GE(p[static_cast<std::size_t>(a)], 0);
      }
      EXPECT_NEAR(sum, 1, 1e-14);
      EXPECT_LE(static_cast<double>(g.maxCoeff() - mean), 1e-7 * (1 + 5 * eta));
    }
}

TEST(LogDeterminant, AgreesWithMultiplicativeAscentInTheMomentMatrix) {
  for (std::uint64_t seed = 30; seed < 34; ++seed) {
    const Problem problem = drawn(seed, 6, 2, 2);
    const double eta = 1;
    // p_a <- p_a (g_a + c) / sum: c makes all factors positive; the ascent is monotone for such c.
    Matrix p = Matrix::Constant(6, 1, 1.0L / 6);
    for (int step = 0; step < 20000; ++step) {
      const auto g = slopes(problem, eta, p);
      for (int a = 0; a < 6; ++a) p(a, 0) *= g[a] + 5;
      p /= p.sum();
    }
    const std::vector<double> q = solved(problem, eta);
    const Matrix x = problem.lifted();
    const Matrix apart = x.transpose() * (p - column(q)).col(0).asDiagonal() * x;
    EXPECT_LT(static_cast<double>(apart.cwiseAbs().maxCoeff()), 2e-4) << seed;
  }
}

TEST(LogDeterminant, WhereFeaturesSpanLessTheRankIsSmallerAndAnotherBasisChangesNothing) {
  SplitMix64 random(5);
  Problem simplex{5, 3, {}, {.1, 2, .3, 4, 1}};
  for (int a = 0; a < 5; ++a) {
    const double u = random.uniform(), v = random.uniform() * (1 - u);
    simplex.phi.insert(simplex.phi.end(), {u, v, 1 - u - v});  // their sum is the lifted coordinate
  }
  EXPECT_EQ(LogDeterminant(simplex.phi.data(), 5, 3).rank(), 3);
  Problem two = simplex;  // the same without the coordinate that the others give
  two.d = 2;
  two.phi.clear();
  for (int a = 0; a < 5; ++a)
    for (int i = 0; i < 2; ++i) two.phi.push_back(simplex.phi[static_cast<std::size_t>(a * 3 + i)]);
  const std::vector<double> p = solved(simplex, 0.7), q = solved(two, 0.7);
  for (std::size_t a = 0; a < 5; ++a) EXPECT_NEAR(p[a], q[a], 1e-5);
  const Problem alike{3, 1, {.5, .5, .5}, {1, 0, 2}};  // one point: all weight where it is cheapest
  EXPECT_EQ(LogDeterminant(alike.phi.data(), 3, 1).rank(), 1);
  EXPECT_NEAR(solved(alike, 1)[1], 1, 1e-12);
}

}  // namespace
}  // namespace hardy::linalg
