// How a panel of B comes to lie in the order in which a product reads it, and the sums of B's columns beside
// it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/ops/gemm.h"
#include "engine/ops/gemm_kernel.h"

namespace hardy::detail {

// op(B)[p0 .. p0+depth, j .. j+width) as [depth][kColumns], padded with zeros. (Out of line, because GCC 12
// warns falsely of its loops where the width is a constant.)
template <class T, int kColumns>
[[gnu::noinline, gnu::noclone]] void pack_panel(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth,
                                                std::int64_t j, std::int64_t width, T* panel) {
  constexpr int lanes = std::min(kColumns, VectorOf<T>::kLanes);
  typedef T V __attribute__((vector_size(lanes * static_cast<int>(sizeof(T)))));
  if (!g.transpose_b && width == kColumns) {
    const T* from = g.b + p0 * g.ldb + j;
    for (std::int64_t p = 0; p < depth; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < kColumns; v += lanes)
        simd::store_as(panel + p * kColumns + v, simd::load_as<V>(from + p * g.ldb + v));
    return;
  }
  if (!g.transpose_b) {
    for (int v = 0; v < kColumns; v += lanes) {
      const FirstLanes<T> there(static_cast<int>(std::clamp<std::int64_t>(width - v, 0, lanes)));
      const T* from = g.b + p0 * g.ldb + j + v;
      for (std::int64_t p = 0; p < depth; ++p, from += g.ldb) {
        const auto row = there.load(from);
        simd::store_as(panel + p * kColumns + v, simd::load_as<V>(reinterpret_cast<const T*>(&row)));
      }
    }
    return;
  }
  std::int64_t i = 0;
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    for (; i + 8 <= width; i += 8)
      transpose_rows_of_8(g.b + (j + i) * g.ldb + p0, g.ldb, depth, panel + i, kColumns);
#endif
  for (const std::int64_t end = std::min<std::int64_t>(width, kColumns); i < end; ++i) {
    const T* from = g.b + (j + i) * g.ldb + p0;
    for (std::int64_t p = 0; p < depth; ++p) panel[p * kColumns + i] = from[p];
  }
  for (; i < kColumns; ++i)
    for (std::int64_t p = 0; p < depth; ++p) panel[p * kColumns + i] = T(0);
}

// Adds op(B)'s rows [p0, p0 + depth) to the sums of columns [j, j + width), in order, so that a bias gradient
// has the same bits as one that is computed alone. `between` elements from one column of b to the next.
// (Out of line as pack_panel is.)
template <class T>
[[gnu::noinline, gnu::noclone]] void add_column_sums(const GemmArgs<T>& g, std::int64_t p0,
                                                     std::int64_t depth, std::int64_t j, std::int64_t width,
                                                     const T* b, std::int64_t stride,
                                                     std::int64_t between = 1) {
  using V = typename VectorOf<T>::type;
  constexpr int lanes = VectorOf<T>::kLanes;
  T* sums = g.column_sums + j;
  std::int64_t i = 0;
  for (; between == 1 && i + 2 * lanes <= width; i += 2 * lanes) {
    V s = p0 ? load(sums + i) : V{}, t = p0 ? load(sums + i + lanes) : V{};
    for (std::int64_t p = 0; p < depth; ++p) {
      s += load(b + p * stride + i);
      t += load(b + p * stride + i + lanes);
    }
    store(sums + i, s);
    store(sums + i + lanes, t);
  }
  for (; i < width; ++i) {
    T s = p0 ? sums[i] : T(0);
    for (std::int64_t p = 0; p < depth; ++p) s += b[p * stride + i * between];
    sums[i] = s;
  }
}

// A head's columns, to lie along k as inner products read them: to[j * stride + p] = from[p * ld + j].
template <class T, int Columns>
void turn(const T* from, std::int64_t ld, std::int64_t depth, T* to, std::int64_t stride) {
  std::int64_t p = 0;
#if defined(__AVX512F__)
  // Of every 16 rows, which are `Columns` vectors, lane l of column j is the number l * Columns + j: vector v
  // gives it, or it stays as the vectors before left it.
  struct Index {
    alignas(64) std::int32_t lane[Columns][Columns][16];
  };
  static constexpr Index kIndex = [] {
    Index index{};
    for (int j = 0; j < Columns; ++j)
      for (int v = 0; v < Columns; ++v)
        for (int l = 0; l < 16; ++l)
          index.lane[j][v][l] = (l * Columns + j) / 16 == v ? 16 + (l * Columns + j) % 16 : l;
    return index;
  }();
  if constexpr (sizeof(T) == 4)
    for (; ld == Columns && p + 16 <= depth; p += 16) {
      __m512 x[Columns];
      for (int v = 0; v < Columns; ++v) x[v] = _mm512_loadu_ps(from + p * Columns + v * 16);
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        __m512 column = x[0];
#pragma GCC unroll 8
        for (int v = 0; v < Columns; ++v)
          column = _mm512_permutex2var_ps(column, _mm512_load_si512(kIndex.lane[j][v]), x[v]);
        _mm512_storeu_ps(to + j * stride + p, column);
      }
    }
#endif
  for (; p < depth; ++p)
    for (int j = 0; j < Columns; ++j) to[j * stride + p] = from[p * ld + j];
}

// pack_panel and add_column_sums in one go: the chain of additions hides behind the loads.
template <class T>
inline void pack_and_sum(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j,
                         T* panel) {
  using V = typename VectorOf<T>::type;
  constexpr int lanes = VectorOf<T>::kLanes;
  V s[kTileVectors];
  for (int v = 0; v < kTileVectors; ++v) s[v] = p0 ? load(g.column_sums + j + v * lanes) : V{};
  const T* from = g.b + p0 * g.ldb + j;
  for (std::int64_t p = 0; p < depth; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      const V x = load(from + p * g.ldb + v * lanes);
      store(panel + (p * kTileVectors + v) * lanes, x);
      s[v] += x;
    }
  for (int v = 0; v < kTileVectors; ++v) store(g.column_sums + j + v * lanes, s[v]);
}

}  // namespace hardy::detail
