// Follow the regularised leader on the simplex, one small problem a state, many at once:
//
//   p = argmin_p  eta <p, cost> + sum_a ln(1 / p_a)       log barrier
//   p = argmin_p  eta <p, cost> + sum_a p_a ln p_a        negative entropy: p_a ~ exp(-eta cost_a)
//
// The log barrier's optimum is p_a = 1 / (lambda + x_a), x_a = eta (cost_a - min cost), with the lambda that
// makes them sum to 1. f(lambda) = sum_a 1 / (lambda + x_a) - 1 is convex and falls, so that Newton's method
// from below the root rises to it and never passes it.
#pragma once

#include <cstdint>
#include <span>

namespace hardy::linalg {

// Problem (g, w)'s cost of action a stands at cost[(g * actions + a) * lanes + w], its p at the same place of
// `policy`; eta[w] > 0 belongs to the lane. Problems are independent: a problem's bits do not depend on the
// others or on the layout. Costs are finite. `policy` may be `cost`.
struct SimplexBatch {
  std::int64_t groups = 0, actions = 0, lanes = 1;
  const double* eta = nullptr;   // [lanes]
  const double* cost = nullptr;  // [groups][actions][lanes]
  double* policy = nullptr;      // [groups][actions][lanes]
};
void log_barrier(const SimplexBatch& batch);
void entropic(const SimplexBatch& batch);

// The solver's parts, for those who look inside. x_a >= 0 with min x = 0.
// A lower bound of lambda: max(1, max_j (j - x_(j))), x_(1) <= x_(2) <= ..., j counted from 1. For more
// than 16 actions the maximum runs over thresholds t of count(x <= t) - t instead, which is never above it.
double log_barrier_lower_bound(std::span<const double> x);
double log_barrier_newton_step(std::span<const double> x, double lambda);  // f / sum r^2, >= 0 below the root
struct LogBarrierRoot {
  double lambda;
  int steps;
};
LogBarrierRoot log_barrier_root(std::span<const double> x);

}  // namespace hardy::linalg
