// Sine and cosine of many numbers at once, by plain arithmetic (engine/base/simd.h): a vector's lane has the
// bits that its number has alone.
#pragma once

#include <bit>
#include <cstdint>
#include <iterator>
#include <type_traits>

#include "engine/base/simd.h"

namespace hardy::simd {

// What sines and cosines are computed with.
struct Circle {
  // pi / 2 in three pieces, the first two of 33 bits: their products with numbers below 2^20 are exact.
  static constexpr double quarter[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
  static constexpr double round = 0x1.8p52;  // adding it leaves the rounded integer in the last bits
  // The series of sin r / r and cos r in r^2 without their ones, last term first.
  static constexpr double sine[] = {
      1 / 355687428096000.0, -1 / 1307674368000.0, 1 / 6227020800.0, -1 / 39916800.0,
      1 / 362880.0,          -1 / 5040.0,          1 / 120.0,        -1 / 6.0};
  static constexpr double cosine[] = {
      1 / 20922789888000.0, -1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0,
      1 / 40320.0,          -1 / 720.0,         1 / 24.0,        -1 / 2.0};
};

template <class V>
struct SinCos {
  V sine, cosine;
};

// Of a vector of doubles or of one double, for |x| <= 2^20 to two units in the last place. A NaN or an
// infinity gives NaN. x = n pi/2 + r with |r| <= pi/4; the series of r, whose rests are below a tenth of a
// unit; n turns them by quarters.
template <class V>
inline SinCos<V> sin_cos(V x) {
  using Int = std::conditional_t<std::is_same_v<V, double>, std::int64_t, Exponential<double>::Ints>;
  const auto all = [](double y) {
    if constexpr (std::is_same_v<V, double>)
      return y;
    else
      return broadcast<double>(y);
  };
  const auto fma = [](V a, V b, V c) {
    if constexpr (std::is_same_v<V, double>)
      return multiply_add_scalar<double>(a, b, c);
    else
      return fused<double>(a, b, c);
  };
  const V shifted = fma(x, all(0.63661977236758134308), all(Circle::round)), n = shifted - all(Circle::round);
  V r = x;
  for (const double piece : Circle::quarter) r = fma(n, all(-piece), r);
  const V squared = r * r;
  V odd = all(Circle::sine[0]), even = all(Circle::cosine[0]);
  for (std::size_t i = 1; i < std::size(Circle::sine); ++i) {
    odd = fma(odd, squared, all(Circle::sine[i]));
    even = fma(even, squared, all(Circle::cosine[i]));
  }
  odd = fma(r * squared, odd, r);
  even = fma(squared, even, all(1));
  const Int quarters = std::bit_cast<Int>(shifted);
  const auto crosswise = (quarters & 1) != 0;
  const V sine = crosswise ? even : odd, cosine = crosswise ? odd : even;
  const auto negated = [](V y, Int bit) { return std::bit_cast<V>(std::bit_cast<Int>(y) ^ (bit & 2) << 62); };
  return {negated(sine, quarters), negated(cosine, quarters + 1)};
}

}  // namespace hardy::simd
