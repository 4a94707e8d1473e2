// Follow the regularised leader on the simplex with the log-determinant of what it spans:
//
//   p = argmin_p  eta <p, cost> - ln det sum_a p_a x_a x_a^T,   x_a = (phi_a, 1)
//
// within the span of the x_a, whose rank r is the penalty's price (where the x_a are linearly independent
// this is the log barrier). With M = sum_a p_a x_a x_a^T and g_a = x_a^T M^{-1} x_a - eta cost_a, p is
// optimal when no g_a is above their mean sum_a p_a g_a = r - eta <p, cost>, and what the largest is above it
// bounds how far from optimal p is.
#pragma once

#include <cstdint>
#include <vector>

namespace hardy::linalg {

class LogDeterminant {
 public:
  // phi [actions][d]
  LogDeterminant(const double* phi, int actions, int d);

  int rank() const { return r_; }
  // p [actions]: where it begins (a positive share of a spanning set, the uniform law or an earlier p), and
  // the optimum. Returns by how much the objective may be above the least: below 1e-9 (1 + eta (largest -
  // least cost)), or what 20000 exchanges of weight between two actions leave. eta > 0, costs finite.
  double solve(double eta, const double* cost, double* p);
  std::int64_t exchanges() const { return exchanges_; }  // of all solves so far

 private:
  void factor(const double* p);  // norms_ and y_ from M

  int n_, r_ = 0;
  std::vector<double> x_;                        // [actions][r], the span's coordinates, of mean square one
  std::vector<double> m_, inverse_, y_, norms_;  // L of M [r][r], 1 / L_ii, L^{-1} x_a, their squares
  std::int64_t exchanges_ = 0;
};

}  // namespace hardy::linalg
