// Numbers side by side: the same formula on W independent problems, one a lane. Written once as a template
// on W, it runs on a scalar (W = 1) or on the machine's vector (W = kLanes), with the same bits either way:
// every operation below is IEEE's, exactly rounded, or spelt out in such operations.
#pragma once

#include <cmath>
#include <cstdint>

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

// row . x of a row [size] that all lanes share and their own x [size][W].
template <int W>
inline Vec<W> dot_shared(const double* row, const double* x, std::int64_t size) {
  Vec<W> sum = all<W>(0.0);
  for (std::int64_t i = 0; i < size; ++i) sum = fma<W>(all<W>(row[i]), load<W>(x + i * W), sum);
  return sum;
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
