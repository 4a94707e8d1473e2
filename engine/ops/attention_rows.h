// What attention over whole sequences (attention.cc) and over one token a row (decode_attention.cc) share, so
// that both give a row the same bits: a score is a chain of fused multiply-adds over a head's elements, the
// exponentials go by whole vectors of a row's keys, and values are summed in the keys' order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/graph/graph.h"
#include "engine/ops/gemm_kernel.h"
#include "engine/ops/vectors.h"

namespace hardy::ops::detail {

using hardy::detail::kPanel;
using hardy::detail::kTileRows;
using hardy::detail::kTileVectors;

inline std::int64_t rounded_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// `count` rows that are read by whole vectors: what stands behind a row's d elements is read and left unused.
template <class T>
struct Padded {
  const T* at;
  std::int64_t step;
};
// Rows of d elements from element `at` of x on, `step` apart: where they lie, or copied to `to`, [count][d up
// to whole vectors], where the last vector would reach past the end of x.
template <class T>
Padded<T> padded(const graph::Buffer& x, std::int64_t at, std::int64_t step, std::int64_t count,
                 std::int64_t d, T* to) {
  const T* rows = x.as<const T>() + at;
  const std::int64_t width = rounded_up(d, simd::VectorOf<T>::kLanes);
  if (at + (count - 1) * step + width <= x.elements()) return {rows, step};
  for (std::int64_t j = 0; j < count; ++j) {
    std::copy_n(rows + j * step, d, to + j * width);
    std::fill_n(to + j * width + d, width - d, T(0));
  }
  return {to, width};
}

// A row of `count` products into scores s = scale product, -infinity up to a whole vector; the largest.
template <class T>
T scaled(T* row, std::int64_t count, T scale) {
  using V = typename simd::VectorOf<T>::type;
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  const T lowest = -static_cast<T>(HUGE_VAL);
  const V times = simd::broadcast<T>(scale);
  V tops = simd::broadcast<T>(lowest);
  for (std::int64_t j = 0; j < count; j += lanes) {
    V s = simd::load(row + j) * times;
    if (j + lanes > count) s = first_lanes<T>(s, count - j, lowest);
    simd::store(row + j, s);
    tops = larger_lanes(tops, s);
  }
  return largest_lane<T>(tops);
}
// These scores into e^{s_j - top}, zeros up to a whole vector; their sum.
template <class T>
T exponentials(T* row, std::int64_t count, T top) {
  using V = typename simd::VectorOf<T>::type;
  const V all = simd::broadcast<T>(top);
  V totals{};
  for (std::int64_t j = 0; j < count; j += simd::VectorOf<T>::kLanes) {
    const V e = simd::exp<T>(simd::load(row + j) - all);
    simd::store(row + j, e);
    totals += e;
  }
  return hardy::detail::sum_of<T>(totals);
}

}  // namespace hardy::ops::detail
