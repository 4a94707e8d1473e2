// The steps of matrix geometric resampling (mgr.h) on one row of Z and of the chains' sums, which depend on
// no other row, or on as many rows side by side as a number holds: the processor (mgr.cc) and a thread of a
// GPU (cuda/adversarial) are compiled from here.
//
// A view X is where a row stands, as in simplex_formulas.h: x[j], x.put(j, value), of type X::Number, with
// X::all(double) and X::product(a, b), which is rounded before anything is added to it. Element j of a row
// stands at j * stride.
#pragma once

namespace hardy::linalg {

// c of mgr.h, where gamma <= 1 and ||phi|| <= 1.
inline constexpr double kResamplingScale = 0.5;

// z -= c (gamma z + (z . phi) phi), sum += z.
template <class X, class Size>
constexpr void resampling_step(Size d, Size stride, const double* phi, double gamma, double c, X z, X sum) {
  auto v = X::all(0.0);
  for (Size j = 0; j < d; ++j) v += X::product(X::all(phi[j]), z[j * stride]);
  const auto keep = X::all(1.0) - X::product(X::all(c), X::all(gamma)), scale = X::all(c);
  for (Size j = 0; j < d; ++j) {
    const typename X::Number next =
        X::product(keep, z[j * stride]) - X::product(X::product(scale, X::all(phi[j])), v);
    z.put(j * stride, next);
    sum.put(j * stride, sum[j * stride] + next);
  }
}

// total += c sum.
template <class X, class Size>
constexpr void add_resampled(Size d, Size stride, double c, X sum, X total) {
  for (Size j = 0; j < d; ++j)
    total.put(j * stride, total[j * stride] + X::product(X::all(c), sum[j * stride]));
}

// (X + X^T) / 2 of the mean over chains, from the two elements of their total.
template <class X>
constexpr typename X::Number resampled_mean(typename X::Number one, typename X::Number other, double scale) {
  return X::all(0.5) * (X::product(one, X::all(scale)) + X::product(other, X::all(scale)));
}

}  // namespace hardy::linalg
