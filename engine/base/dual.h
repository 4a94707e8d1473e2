// Dual numbers: a value with N partial derivatives, so that one templated formula gives the loss
// and its gradient. Nobody writes a derivative by hand, so nobody gets one wrong. Duals of duals give the
// second derivatives.
#pragma once

#include <array>
#include <cmath>
#include <type_traits>

#ifndef __CUDACC__
#include "engine/base/simd.h"
#endif

namespace hardy {

template <class T, int N = 1>
struct Dual {
  T v{};
  std::array<T, N> d{};

  constexpr Dual() = default;
  constexpr Dual(T value) : v(value) {}  // a constant: NOLINT(google-explicit-constructor)
  template <class U, class = std::enable_if_t<std::is_arithmetic_v<U> && !std::is_same_v<U, T>>>
  constexpr Dual(U value) : v(static_cast<T>(value)) {}  // NOLINT(google-explicit-constructor)
  static constexpr Dual variable(T value, int index = 0) {
    Dual x(value);
    x.d[static_cast<std::size_t>(index)] = T(1);
    return x;
  }

  // f(x) with f(x.v) = value and f'(x.v) = slope.
  constexpr Dual chain(T value, T slope) const {
    Dual r(value);
    for (int i = 0; i < N; ++i) r.d[i] = slope * d[i];
    return r;
  }

  friend constexpr Dual operator+(const Dual& a, const Dual& b) {
    Dual r(a.v + b.v);
    for (int i = 0; i < N; ++i) r.d[i] = a.d[i] + b.d[i];
    return r;
  }
  friend constexpr Dual operator-(const Dual& a, const Dual& b) {
    Dual r(a.v - b.v);
    for (int i = 0; i < N; ++i) r.d[i] = a.d[i] - b.d[i];
    return r;
  }
  friend constexpr Dual operator*(const Dual& a, const Dual& b) {
    Dual r(a.v * b.v);
    for (int i = 0; i < N; ++i) r.d[i] = a.d[i] * b.v + a.v * b.d[i];
    return r;
  }
  friend constexpr Dual operator/(const Dual& a, const Dual& b) {
    Dual r(a.v / b.v);
    for (int i = 0; i < N; ++i) r.d[i] = (a.d[i] - r.v * b.d[i]) / b.v;
    return r;
  }
  friend constexpr Dual operator-(const Dual& a) { return Dual() - a; }

  // Comparisons look at values alone.
  friend constexpr bool operator<(const Dual& a, const Dual& b) { return a.v < b.v; }
  friend constexpr bool operator>(const Dual& a, const Dual& b) { return a.v > b.v; }
  friend constexpr bool operator<=(const Dual& a, const Dual& b) { return a.v <= b.v; }
  friend constexpr bool operator>=(const Dual& a, const Dual& b) { return a.v >= b.v; }
};

// The functions a formula may use; each has the same name for plain numbers and for duals.
namespace math {

template <class T>
struct ScalarOf {
  using type = T;
};
template <class T, int N>
struct ScalarOf<Dual<T, N>> {  // of a dual of duals: the number at its bottom
  using type = typename ScalarOf<T>::type;
};
template <class S>
using Scalar = typename ScalarOf<S>::type;

template <class T>
requires std::is_floating_point_v<T>
constexpr T exp(T x) { return std::exp(x); }
template <class T>
requires std::is_floating_point_v<T>
constexpr T log(T x) { return std::log(x); }
template <class T>
requires std::is_floating_point_v<T>
constexpr T log1p(T x) { return std::log1p(x); }
template <class T>
requires std::is_floating_point_v<T>
constexpr T tanh(T x) { return std::tanh(x); }
template <class T>
requires std::is_floating_point_v<T>
constexpr T sqrt(T x) { return std::sqrt(x); }
// e^x for loops over many: f32 by plain arithmetic, which compilers turn into vectors (simd::exp); from 88 on
// it stays at e^88.
template <class T>
requires std::is_floating_point_v<T>
constexpr T exp_of_many(T x) {
#ifndef __CUDACC__
  if constexpr (std::is_same_v<T, float>) return simd::exp<float>(x > 88.0f ? 88.0f : x);
#endif
  return std::exp(x);
}
// f32: x P(x^2) / Q(x^2) on [-4, 4], beyond which erf rounds to 1; coefficients by a minimax fit of ours, to
// 7 units in the last place.
template <class T>
requires std::is_floating_point_v<T>
constexpr T erf(T x) {
  if constexpr (std::is_same_v<T, float>) {
    constexpr float p[] = {1.986757524718996e-06f, 0.00028456587460823357f, 0.0038834004662930965f,
                           0.05310193821787834f,   0.19354654848575592f,    1.1283791065216064f};
    constexpr float q[] = {3.741990803973749e-05f, 0.0011855820193886757f, 0.015207373537123203f,
                           0.11535060405731201f,   0.5048587322235107f,    1.0f};
    const float held = x < -4.0f ? -4.0f : (4.0f < x ? 4.0f : x), z = held * held;
    float above = p[0], below = q[0];
    for (int i = 1; i < 6; ++i) above = above * z + p[i], below = below * z + q[i];
    const float y = held * above / below;
    return y < -1.0f ? -1.0f : (1.0f < y ? 1.0f : y);
  }
  return std::erf(x);
}

template <class T, int N>
constexpr Dual<T, N> exp(const Dual<T, N>& x) {
  const T e = exp(x.v);
  return x.chain(e, e);
}
template <class T, int N>
constexpr Dual<T, N> exp_of_many(const Dual<T, N>& x) {
  const T e = exp_of_many(x.v);
  return x.chain(e, e);
}
template <class T, int N>
constexpr Dual<T, N> log(const Dual<T, N>& x) {
  return x.chain(log(x.v), T(1) / x.v);
}
template <class T, int N>
constexpr Dual<T, N> log1p(const Dual<T, N>& x) {
  return x.chain(log1p(x.v), T(1) / (T(1) + x.v));
}
template <class T, int N>
constexpr Dual<T, N> tanh(const Dual<T, N>& x) {
  const T t = tanh(x.v);
  return x.chain(t, T(1) - t * t);
}
template <class T, int N>
constexpr Dual<T, N> sqrt(const Dual<T, N>& x) {
  const T s = sqrt(x.v);
  return x.chain(s, T(0.5) / s);
}
template <class T, int N>
constexpr Dual<T, N> erf(const Dual<T, N>& x) {
  return x.chain(erf(x.v), T(1.1283791670955125739) * exp_of_many(-x.v * x.v));
}

// condition ? a : b, the derivative of the branch taken. NaN in the condition takes b.
template <class S>
constexpr S where(bool condition, const S& a, const S& b) {
  return condition ? a : b;
}
template <class S>
constexpr S abs(const S& x) {
  return x < S(0) ? -x : x;
}
// Of equals the first; a NaN on either side is never lost.
template <class S>
constexpr S max(const S& a, const S& b) {
  return a < b || !(b <= b) ? b : a;
}
template <class S>
constexpr S min(const S& a, const S& b) {
  return b < a || !(b <= b) ? b : a;
}
// x held to [low, high]; the slope is 0 outside. NaN stays NaN.
template <class S>
constexpr S clamp(const S& x, Scalar<S> low, Scalar<S> high) {
  return x < S(low) ? S(low) : (S(high) < x ? S(high) : x);
}
template <class S>
constexpr S square(const S& x) {
  return x * x;
}

// log(1 + exp(x)) without overflow.
template <class S>
constexpr S softplus(const S& x) {
  return max(x, S(0)) + log1p(exp(-abs(x)));
}

}  // namespace math
}  // namespace hardy
