// The formulas of simplex.h for one problem, or for as many side by side as a number holds: the processor's
// vectors (simplex.cc) and a thread of a GPU (cuda/adversarial) are compiled from here.
//
// A view X is where a problem's numbers stand, one an action: x[a], x.put(a, value), of type X::Number, and
// what such numbers are computed with: X::all(double), X::fma(a, b, c), X::product(a, b), which is rounded
// before anything is added to it, X::exp(a), X::any_greater(a, b).
#pragma once

#include <cstdint>

namespace hardy::linalg {

inline constexpr int kMostNewtonSteps = 60;  // 8 are the most that were seen
inline constexpr double kNewtonTolerance =
    0x1p-27;  // of lambda: after such a step the error is below 2^-54 of lambda
inline constexpr double kLargestCost =
    1e35;  // of x: its sixth power is a number, its reciprocal next to nothing

template <class V>
constexpr V lesser(V a, V b) {
  return a < b ? a : b;
}
template <class V>
constexpr V greater(V a, V b) {
  return a > b ? a : b;
}

// Problems of `Fixed` actions, known to the compiler, or of any number where Fixed is 0.
template <int Fixed>
constexpr std::int64_t count(std::int64_t actions) {
  return Fixed ? Fixed : actions;
}

// x_a = min(eta (cost_a - min cost), 1e35).
template <int Fixed, class C, class X>
constexpr void shift_and_scale(C cost, X x, std::int64_t actions, typename X::Number eta) {
  auto low = cost[0];
  for (std::int64_t a = 1; a < count<Fixed>(actions); ++a) low = lesser(low, cost[a]);
  for (std::int64_t a = 0; a < count<Fixed>(actions); ++a)
    x.put(a, lesser(eta * (cost[a] - low), X::all(kLargestCost)));
}

// max(1, A - mean x).
template <int Fixed, class X>
constexpr typename X::Number lower_bound(X x, std::int64_t actions) {
  auto sum = X::all(0.0);
  for (std::int64_t a = 0; a < count<Fixed>(actions); ++a) sum += x[a];
  const auto n = static_cast<double>(count<Fixed>(actions));
  return greater(X::all(1.0), X::fma(sum, X::all(-1.0 / n), X::all(n)));
}

// For a few actions with y_a = lambda + x_a: S = N / P and Q = M / P^2, where P is the product of all y, N
// the sum of the products of all but one, M that of their squares. They cost one division instead of A + 1.
template <int A, class X>
struct Products {
  using Number = typename X::Number;
  Number others[A], sum, squares, product;
  constexpr Products(X x, Number lambda) {
    Number y[A];
    for (int a = 0; a < A; ++a) y[a] = lambda + x[a];
    if constexpr (A == 2) {
      others[0] = y[1], others[1] = y[0];
    } else if constexpr (A == 3) {
      others[0] = X::product(y[1], y[2]), others[1] = X::product(y[0], y[2]),
      others[2] = X::product(y[0], y[1]);
    } else {
      const Number front = y[0] * y[1], back = y[2] * y[3];
      others[0] = X::product(y[1], back), others[1] = X::product(y[0], back);
      others[2] = X::product(front, y[3]), others[3] = X::product(front, y[2]);
    }
    product = X::product(others[0], y[0]);
    sum = others[0];
    squares = others[0] * others[0];
    for (int a = 1; a < A; ++a) {
      sum += others[a];
      squares = X::fma(others[a], others[a], squares);
    }
  }
};

template <int Fixed, class X>
constexpr typename X::Number newton_step(X x, std::int64_t actions, typename X::Number lambda) {
  if constexpr (Fixed > 0) {
    const Products<Fixed, X> p(x, lambda);
    return p.sum * (p.sum - p.product) / p.squares;
  } else {
    auto sum = X::all(0.0), squares = X::all(0.0);
    for (std::int64_t a = 0; a < actions; ++a) {
      const auto r = X::all(1.0) / (lambda + x[a]);
      sum += r;
      squares = X::fma(r, r, squares);
    }
    return sum * (sum - X::all(1.0)) / squares;
  }
}

// Lambda of several problems at once, because a step waits for its own division. One that has arrived stays
// where it is, whatever the others still do. Returns the steps that were taken.
template <int Fixed, int Problems, class X>
constexpr int roots(const X (&x)[Problems], std::int64_t actions, typename X::Number (&lambda)[Problems]) {
  using Number = typename X::Number;
  const Number zero = X::all(0.0);
  Number moving[Problems];
  for (int g = 0; g < Problems; ++g) {
    lambda[g] = lower_bound<Fixed>(x[g], actions);
    moving[g] = X::all(1.0);
  }
  int steps = 0;
  for (bool go = true; go && steps < kMostNewtonSteps; ++steps) {
    Number any = zero;
    for (int g = 0; g < Problems; ++g) {
      const Number step = greater(newton_step<Fixed>(x[g], actions, lambda[g]), zero);
      const Number next = lambda[g] + step;
      lambda[g] = moving[g] > zero ? next : lambda[g];
      moving[g] = step > X::all(kNewtonTolerance) * next ? moving[g] : zero;
      any = greater(any, moving[g]);
    }
    go = X::any_greater(any, zero);
  }
  return steps;
}

template <class X>
constexpr void normalise(X p, std::int64_t actions) {
  auto sum = X::all(0.0);
  for (std::int64_t a = 0; a < actions; ++a) sum += p[a];
  const auto scale = X::all(1.0) / sum;
  for (std::int64_t a = 0; a < actions; ++a) p.put(a, p[a] * scale);
}

// `Problems` problems from their costs into p.
struct LogBarrier {
  template <int Fixed, int Problems, class C, class X>
  static constexpr void solve(const C (&cost)[Problems], const X (&p)[Problems], std::int64_t actions,
                              typename X::Number eta) {
    typename X::Number lambda[Problems];
    for (int g = 0; g < Problems; ++g) shift_and_scale<Fixed>(cost[g], p[g], actions, eta);
    roots<Fixed, Problems>(p, actions, lambda);
    for (int g = 0; g < Problems; ++g) {
      const X x = p[g];
      if constexpr (Fixed > 0) {  // r_a / sum r = (product of the others) / N
        const Products<Fixed, X> all_but_one(x, lambda[g]);
        const auto scale = X::all(1.0) / all_but_one.sum;
        for (int a = 0; a < Fixed; ++a) x.put(a, all_but_one.others[a] * scale);
      } else {
        for (std::int64_t a = 0; a < actions; ++a) x.put(a, X::all(1.0) / (lambda[g] + x[a]));
        normalise(x, actions);
      }
    }
  }
};
struct Entropy {
  template <int Fixed, int Problems, class C, class X>
  static constexpr void solve(const C (&cost)[Problems], const X (&p)[Problems], std::int64_t actions,
                              typename X::Number eta) {
    for (int g = 0; g < Problems; ++g) {
      shift_and_scale<Fixed>(cost[g], p[g], actions, eta);
      for (std::int64_t a = 0; a < count<Fixed>(actions); ++a) p[g].put(a, X::exp(-p[g][a]));
      normalise(p[g], count<Fixed>(actions));
    }
  }
};

}  // namespace hardy::linalg
