// Numbers side by side: the same formula on W independent problems, one a lane. Written once as a template
// on W, it runs on a scalar (W = 1) or on the machine's vector (W = kLanes), with the same bits either way:
// every operation below is IEEE's, exactly rounded, or spelt out in such operations.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "engine/base/simd.h"

namespace hardy::linalg {

// Doubles that the machine works on at once: 8 with AVX-512, 4 with AVX2, else 2.
inline constexpr int kLanes = simd::VectorOf<double>::kLanes;

template <int W>
struct Lanes {
  static_assert(W == kLanes, "one lane, or as many as the machine has");
  using type = simd::VectorOf<double>::type;
};
template <>
struct Lanes<1> {
  using type = double;
};
template <int W>
using Vec = typename Lanes<W>::type;

template <int W>
inline Vec<W> load(const double* from) {
  if constexpr (W == 1)
    return *from;
  else
    return simd::load<double>(from);
}
template <int W>
inline void store(double* to, Vec<W> x) {
  if constexpr (W == 1)
    *to = x;
  else
    simd::store<double>(to, x);
}
template <int W>
inline Vec<W> all(double x) {
  if constexpr (W == 1)
    return x;
  else
    return simd::broadcast<double>(x);
}

// a * b + c, rounded once.
template <int W>
inline Vec<W> fma(Vec<W> a, Vec<W> b, Vec<W> c) {
  if constexpr (W == 1)
    return simd::multiply_add_scalar<double>(a, b, c);
  else
    return simd::fused<double>(a, b, c);
}
template <int W>
inline Vec<W> max(Vec<W> a, Vec<W> b) {
  return a > b ? a : b;
}
template <int W>
inline Vec<W> min(Vec<W> a, Vec<W> b) {
  return a < b ? a : b;
}
template <int W>
inline Vec<W> sqrt(Vec<W> x) {
  if constexpr (W == 1) {
    return std::sqrt(x);
  } else {
    Vec<W> y;
    for (int w = 0; w < W; ++w) y[w] = std::sqrt(x[w]);
    return y;
  }
}

// f(size) with the few smallest sizes known to the compiler, whose loops then have no ends to look for: a
// `Size` below is a std::int64_t or a constant of that type.
template <class F>
inline void with_size(std::int64_t size, F&& f) {
  switch (size) {
    case 2:
      return f(std::integral_constant<std::int64_t, 2>());
    case 3:
      return f(std::integral_constant<std::int64_t, 3>());
    case 4:
      return f(std::integral_constant<std::int64_t, 4>());
    default:
      return f(size);
  }
}

// row . x of a row [size] that all lanes share and their own x [size][W].
template <int W, class Size>
inline Vec<W> dot_shared(const double* row, const double* x, Size size) {
  Vec<W> sum = all<W>(0.0);
  for (std::int64_t i = 0; i < size; ++i) sum = fma<W>(all<W>(row[i]), load<W>(x + i * W), sum);
  return sum;
}

// f(first, integral_constant<int, N>) for `count` things, N = 4 at a time and then what is left.
template <class F>
inline void in_fours(std::int64_t count, F&& f) {
  std::int64_t first = 0;
  for (; first + 4 <= count; first += 4) f(first, std::integral_constant<int, 4>());
  if (count - first == 3)
    f(first, std::integral_constant<int, 3>());
  else if (count - first == 2)
    f(first, std::integral_constant<int, 2>());
  else if (count > first)
    f(first, std::integral_constant<int, 1>());
}

// take(r, rows_r . x) for each of rows [n][size], as dot_shared() has it: four at a time, because the sums of
// one wait for each other.
template <int W, class Take>
inline void dots_shared(const double* first_row, std::int64_t n, std::int64_t width, const double* x,
                        Take&& take) {
  constexpr int kRows = 4;
  with_size(width, [&](auto size) {
    const double* rows = first_row;
    std::int64_t r = 0;
    for (; r + kRows <= n; r += kRows, rows += kRows * size) {
      Vec<W> sum[kRows] = {};
      for (std::int64_t i = 0; i < size; ++i) {
        const Vec<W> own = load<W>(x + i * W);
#pragma GCC unroll 4
        for (int j = 0; j < kRows; ++j) sum[j] = fma<W>(all<W>(rows[j * size + i]), own, sum[j]);
      }
#pragma GCC unroll 4
      for (int j = 0; j < kRows; ++j) take(r + j, sum[j]);
    }
    for (; r < n; ++r, rows += size) take(r, dot_shared<W>(rows, x, size));
  });
}

// take(c, sum_r weight_r rows_rc) for columns c in [first, last) of shared rows [n][size], weight [n][W]:
// four columns at a time, each summed in the order of the rows.
template <int W, class Take>
inline void column_sums(const double* rows, std::int64_t n, std::int64_t size, const double* weight,
                        std::int64_t first, std::int64_t last, Take&& take) {
  in_fours(last - first, [&]<int Columns>(std::int64_t from, std::integral_constant<int, Columns>) {
    const double* row = rows + first + from;
    Vec<W> sum[Columns] = {};
    for (std::int64_t r = 0; r < n; ++r, row += size) {
      const Vec<W> own = load<W>(weight + r * W);
#pragma GCC unroll 4
      for (int j = 0; j < Columns; ++j) sum[j] = fma<W>(own, all<W>(row[j]), sum[j]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) take(first + from + j, sum[j]);
  });
}

// Whether a > b in any lane.
template <int W>
inline bool any_greater(Vec<W> a, Vec<W> b) {
  if constexpr (W == 1) {
    return a > b;
  } else {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_GT_OQ)) != 0;
#else
    bool any = false;
    for (int w = 0; w < W; ++w) any = any || a[w] > b[w];
    return any;
#endif
  }
}

// e^x; x <= 709. 0 where x < -708.
template <int W>
inline Vec<W> exp(Vec<W> x) {
  return simd::exp<double>(x);
}

}  // namespace hardy::linalg
