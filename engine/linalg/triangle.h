// Register kernels of products that have a triangle on one side, cut into blocks of kLanes x kLanes: of a
// triangle's blocks only those on the diagonal hold work for nothing. Rows of features are `width` numbers,
// d rounded up to whole vectors and padded with zeros.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/linalg/lanes.h"

namespace hardy::linalg {

using Wide = Vec<kLanes>;
inline constexpr int kBlocks = 3;  // of a tile: kLanes x 3 sums fill most of the registers

// (a's sums of neighbouring `Step` lanes, b's sums) in alternating groups of `Step`.
template <int Step, int... I>
inline Wide join_sums(Wide a, Wide b, std::integer_sequence<int, I...>) {
  constexpr auto from = [](int lane) {
    const int at = lane % (2 * Step);
    return lane - at + (at < Step ? at : kLanes + at - Step);
  };
  return __builtin_shufflevector(a, b, from(I)...) + __builtin_shufflevector(a, b, from(I) + Step...);
}
// The sum of each vector's lanes: lane r holds that of x[r], which is destroyed.
template <int Step = kLanes / 2>
inline Wide sums_of(Wide* x) {
#pragma GCC unroll 8
  for (int r = 0; r < Step; ++r)
    x[r] = join_sums<Step>(x[r], x[r + Step], std::make_integer_sequence<int, kLanes>{});
  if constexpr (Step > 1)
    return sums_of<Step / 2>(x);
  else
    return x[0];
}

// c [kLanes][ldc] += sum_r x_r[i..]^T x_r[j..]: kLanes rows and Vectors * kLanes columns of the outer
// products of `rows` rows with themselves; a = x + i, b = x + j. A line of what is needed next is asked for
// at each row, from `ahead` on.
template <int Vectors>
inline void add_outer_tile(std::int64_t rows, std::int64_t width, const double* a, const double* b, double* c,
                           std::int64_t ldc, const double* ahead) {
  Wide acc[kLanes][Vectors] = {};
  for (std::int64_t r = 0; r < rows; ++r) {
    __builtin_prefetch(ahead + r * kLanes, 0, 2);
    Wide y[Vectors];
#pragma GCC unroll 3
    for (int v = 0; v < Vectors; ++v) y[v] = load<kLanes>(b + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i)
#pragma GCC unroll 3
      for (int v = 0; v < Vectors; ++v) acc[i][v] = fma<kLanes>(all<kLanes>(a[i]), y[v], acc[i][v]);
    a += width;
    b += width;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; ++i)
#pragma GCC unroll 3
    for (int v = 0; v < Vectors; ++v) {
      double* const at = c + i * ldc + v * kLanes;
      store<kLanes>(at, load<kLanes>(at) + acc[i][v]);
    }
}

// A lower triangular matrix T as the kernel below reads it: panels of kBlocks blocks of rows. A panel holds,
// for each column up to its first block's last, the elements of its rows side by side; then, kLanes columns
// at a time, those of the rows that go on.
inline std::int64_t packed_size(std::int64_t width) { return width * (width + kLanes) / 2; }
// element(i, j) is T's for j <= i < width, zero where i >= d.
template <class Element>
void pack_triangle(std::int64_t width, double* to, Element element) {
  for (std::int64_t first = 0; first < width; first += kBlocks * kLanes) {
    const std::int64_t last = std::min(width, first + kBlocks * kLanes);
    for (std::int64_t j = 0; j < last; ++j)
      for (std::int64_t i = std::max(first, j / kLanes * kLanes); i < last; ++i)
        *to++ = j <= i ? element(i, j) : 0.0;
  }
}

// Columns [begin, end) of T for blocks First..Vectors-1 of a panel, times kLanes rows of features.
template <int First, int Vectors>
inline void add_columns(std::int64_t count, const double* rows, std::int64_t width, const double* packed,
                        Wide (&acc)[kLanes][Vectors], const double* ahead) {
  for (std::int64_t k = 0; k < count; ++k) {
    __builtin_prefetch(ahead + k * kLanes, 0, 2);
    Wide t[Vectors];
#pragma GCC unroll 3
    for (int v = First; v < Vectors; ++v) t[v] = load<kLanes>(packed + (v - First) * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kLanes; ++r) {
      const Wide x = all<kLanes>(rows[r * width]);
#pragma GCC unroll 3
      for (int v = First; v < Vectors; ++v) acc[r][v] = fma<kLanes>(x, t[v], acc[r][v]);
    }
    ++rows;
    packed += (Vectors - First) * kLanes;
  }
}

// One panel: acc[r] = T's rows of the panel, beginning with row `first`, times row r. Returns the next panel.
template <int Vectors>
inline const double* triangle_tile(std::int64_t first, const double* rows, std::int64_t width,
                                   const double* packed, Wide (&acc)[kLanes][Vectors], const double* ahead) {
  const std::int64_t full = first + kLanes;
  add_columns<0, Vectors>(full, rows, width, packed, acc, ahead);
  packed += full * Vectors * kLanes;
  if constexpr (Vectors > 1) {
    add_columns<1, Vectors>(kLanes, rows + full, width, packed, acc, ahead);
    packed += (Vectors - 1) * kLanes * kLanes;
  }
  if constexpr (Vectors > 2) {
    add_columns<2, Vectors>(kLanes, rows + full + kLanes, width, packed, acc, ahead);
    packed += (Vectors - 2) * kLanes * kLanes;
  }
  return packed;
}

// All panels of T times kLanes rows: take(first, acc) for each, acc [kLanes][1 to kBlocks] vectors.
template <class Take>
inline void triangle_times_rows(const double* packed, const double* rows, std::int64_t width,
                                const double* ahead, Take take) {
  std::int64_t first = 0;
  const auto panel = [&]<int Vectors>(std::integral_constant<int, Vectors>) {
    Wide acc[kLanes][Vectors] = {};
    packed = triangle_tile<Vectors>(first, rows, width, packed, acc, ahead + first * kLanes);
    take(first, acc);
    first += Vectors * kLanes;
  };
  while (width - first >= kBlocks * kLanes) panel(std::integral_constant<int, kBlocks>{});
  if (width - first == 2 * kLanes) panel(std::integral_constant<int, 2>{});
  if (width - first == kLanes) panel(std::integral_constant<int, 1>{});
}

}  // namespace hardy::linalg
