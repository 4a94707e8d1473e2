// Follow the regularised leader on the simplex, one small problem a state, many at once:
//
//   p = argmin_p  eta <p, cost> + sum_a ln(1 / p_a)       log barrier
//   p = argmin_p  eta <p, cost> + sum_a p_a ln p_a        negative entropy: p_a ~ exp(-eta cost_a)
//
// The log barrier's optimum is p_a = 1 / (lambda + x_a), x_a = eta (cost_a - min cost), with the lambda in
// [1, A] that makes them sum to 1. With r_a = 1 / (lambda + x_a), S = sum r, Q = sum r^2, Newton's method is
// applied to 1/S - 1, which rises and is concave (1/S is a harmonic mean): from below the root its steps
// S (S - 1) / Q go up to it and never past it, like those of S - 1, whose S times shorter steps need about
// twice as many. Where the error is e, the next is below e^2 / lambda.
#pragma once

#include <cstdint>
#include <span>

namespace hardy::linalg {

// Problem (g, w)'s cost of action a stands at cost[(g * actions + a) * lanes + w], its p at the same place of
// `policy`; eta[w] > 0 belongs to the lane. Problems are independent: a problem's bits do not depend on the
// others or on the layout. Costs are finite; eta (cost - min cost) beyond 1e35 counts as that. `policy` may
// be `cost`.
struct SimplexBatch {
  std::int64_t groups = 0, actions = 0, lanes = 1;
  const double* eta = nullptr;   // [lanes]
  const double* cost = nullptr;  // [groups][actions][lanes]
  double* policy = nullptr;      // [groups][actions][lanes]
};
void log_barrier(const SimplexBatch& batch);
void entropic(const SimplexBatch& batch);

// The solver's parts, for those who look inside. x_a >= 0 with min x = 0.
// Where it starts: max(1, A - mean x), not above the root, because sum 1 / (lambda + x) >= A / (lambda + mean
// x).
double log_barrier_lower_bound(std::span<const double> x);
double log_barrier_newton_step(std::span<const double> x, double lambda);  // >= 0 below the root
struct LogBarrierRoot {
  double lambda;
  int steps;
};
LogBarrierRoot log_barrier_root(std::span<const double> x);

}  // namespace hardy::linalg
