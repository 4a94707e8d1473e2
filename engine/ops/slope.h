// The partial derivative of a formula, as a formula again: what reverse mode asks of a pointwise functor
// (engine/ops/pointwise.h), on every device. A slope of a slope is a second derivative, by dual numbers of
// dual numbers.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "engine/base/dual.h"

namespace hardy::ops {

// From f of N operands, the functor of N + 1 operands x_0 .. x_{N-1}, dy whose value is dy df/dx_J.
template <class F, int N, int J>
struct Slope {
  static constexpr const char* kName = F::kName;
  F f;

  template <class S, class... More>
  constexpr S operator()(S first, More... more) const {
    static_assert(sizeof...(More) == N);
    return of(std::array<S, N + 1>{first, more...}, std::make_index_sequence<N>());
  }

 private:
  template <class S, std::size_t... I>
  constexpr S of(const std::array<S, N + 1>& x, std::index_sequence<I...>) const {
    const Dual<S> y = f((I == J ? Dual<S>::variable(x[I]) : Dual<S>(x[I]))...);
    return x[N] * y.d[0];
  }
};

// The operands by which a formula was differentiated, first to last; -1: not so often.
template <class F>
inline constexpr std::array<int, 2> kDerivatives{-1, -1};
template <class F, int N, int J>
inline constexpr std::array<int, 2> kDerivatives<Slope<F, N, J>>{J, -1};
template <class F, int N, int J, int M, int K>
inline constexpr std::array<int, 2> kDerivatives<Slope<Slope<F, N, J>, M, K>>{J, K};

}  // namespace hardy::ops
