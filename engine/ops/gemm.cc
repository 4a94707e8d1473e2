#include "engine/ops/gemm.h"

#include <algorithm>
#include <cmath>

#include "engine/base/threads.h"
#include "engine/ops/gemm_kernel.h"

// Panels of B are packed one at a time into this thread's cache and swept over all rows of A. A task is
// one panel of one product, so that the threads share nothing but reads.
namespace hardy {
namespace {

using detail::kPanel;
using detail::kTileRows;
using detail::kTileVectors;
using detail::VectorOf;

constexpr std::int64_t kDepth = 512;    // k is cut in pieces of this; between pieces C itself accumulates

template <class T>
struct Scratch {
  alignas(64) T panel[kDepth * kPanel<T>];
  alignas(64) T tile[kTileRows * kPanel<T>];
};
template <class T>
Scratch<T>& scratch() {
  thread_local Scratch<T> s;
  return s;
}

// op(B)[p0 .. p0+depth, j .. j+width) as [depth][columns], padded with zeros.
template <class T, int kColumns>
void pack_panel(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j, std::int64_t width, T* panel) {
  if (!g.transpose_b) {
    for (std::int64_t p = 0; p < depth; ++p) {
      const T* from = g.b + (p0 + p) * g.ldb + j;
      T* to = panel + p * kColumns;
      if (width == kColumns) {
        for (int i = 0; i < kColumns; ++i) to[i] = from[i];
      } else {
        for (std::int64_t i = 0; i < width; ++i) to[i] = from[i];
        for (std::int64_t i = width; i < kColumns; ++i) to[i] = T(0);
      }
    }
    return;
  }
  for (std::int64_t i = 0; i < width; ++i) {
    const T* from = g.b + (j + i) * g.ldb + p0;
    for (std::int64_t p = 0; p < depth; ++p) panel[p * kColumns + i] = from[p];
  }
  for (std::int64_t i = width; i < kColumns; ++i)
    for (std::int64_t p = 0; p < depth; ++p) panel[p * kColumns + i] = T(0);
}

template <class T, int kColumns>
void add_column_sums(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j, std::int64_t width,
                     const T* panel) {
  T sums[kColumns];
  for (std::int64_t i = 0; i < kColumns; ++i) sums[i] = p0 && i < width ? g.column_sums[j + i] : T(0);
  for (std::int64_t p = 0; p < depth; ++p)
    for (int i = 0; i < kColumns; ++i) sums[i] += panel[p * kColumns + i];
  std::copy(sums, sums + width, g.column_sums + j);
}

// Puts a tile into C: adds what is there if `add`, and on the last piece of k applies the epilogue.
// One pass over the tile, by vectors where it is whole.
template <class T, int kColumns>
void store_whole_tile(const GemmArgs<T>& g, std::int64_t i0, std::int64_t rows, std::int64_t j, bool add, bool last, const T* tile) {
  using U = typename VectorOf<T>::unaligned;
  constexpr int lanes = VectorOf<T>::kLanes;
  const U zero{};
  for (std::int64_t r = 0; r < rows; ++r) {
    T* c = g.c + (i0 + r) * g.ldc + j;
    for (int v = 0; v < kColumns; v += lanes) {
      U x = *reinterpret_cast<const U*>(tile + r * kColumns + v);
      if (add) x += *reinterpret_cast<const U*>(c + v);
      if (last) {
        if (g.bias) x += *reinterpret_cast<const U*>(g.bias + j + v);
        if (g.act == Activation::kRelu) x = x < zero ? zero : x;  // NaN stays NaN
        if (g.relu_mask) x = *reinterpret_cast<const U*>(g.relu_mask + (i0 + r) * g.ldmask + j + v) > zero ? x : zero;
      }
      *reinterpret_cast<U*>(c + v) = x;
    }
  }
}

template <class T>
void store_part_tile(const GemmArgs<T>& g, std::int64_t i0, std::int64_t rows, std::int64_t j, std::int64_t width,
                     std::int64_t columns, bool add, bool last, const T* tile) {
  for (std::int64_t r = 0; r < rows; ++r) {
    T* c = g.c + (i0 + r) * g.ldc + j;
    for (std::int64_t i = 0; i < width; ++i) {
      T x = tile[r * columns + i];
      if (add) x += c[i];
      if (last) {
        if (g.bias) x += g.bias[j + i];
        if (g.act == Activation::kRelu) x = x < T(0) ? T(0) : x;
        if (g.act == Activation::kTanh) x = std::tanh(x);
        if (g.relu_mask) x = g.relu_mask[(i0 + r) * g.ldmask + j + i] > T(0) ? x : T(0);
      }
      c[i] = x;
    }
  }
}

template <class T, int Rows, int Vectors>
void tile_of(std::int64_t rows, std::int64_t depth, const T* a, std::int64_t row_stride, std::int64_t k_stride,
             const T* panel, T* tile) {
  if (rows == Rows)
    detail::micro_kernel<T, Rows, Vectors>(depth, a, row_stride, k_stride, panel, tile);
  else if constexpr (Rows > 1)
    tile_of<T, Rows - 1, Vectors>(rows, depth, a, row_stride, k_stride, panel, tile);
}

// Columns [j, j + width) of C, all rows.
template <class T, int Vectors>
void column_panel(const GemmArgs<T>& g, std::int64_t j, std::int64_t width) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes;
  Scratch<T>& s = scratch<T>();
  for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
    const std::int64_t depth = std::min(kDepth, g.k - p0);
    const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
    pack_panel<T, columns>(g, p0, depth, j, width, s.panel);
    if (g.column_sums) add_column_sums<T, columns>(g, p0, depth, j, width, s.panel);
    for (std::int64_t i = 0; i < g.m; i += kTileRows) {
      const std::int64_t rows = std::min<std::int64_t>(kTileRows, g.m - i);
      const T* a = g.transpose_a ? g.a + p0 * g.lda + i : g.a + i * g.lda + p0;
      const std::int64_t row_stride = g.transpose_a ? 1 : g.lda, k_stride = g.transpose_a ? g.lda : 1;
      tile_of<T, kTileRows, Vectors>(rows, depth, a, row_stride, k_stride, s.panel, s.tile);
      if (width == columns && g.act != Activation::kTanh)
        store_whole_tile<T, columns>(g, i, rows, j, add, last, s.tile);
      else
        store_part_tile(g, i, rows, j, width, columns, add, last, s.tile);
    }
  }
}

// A head's few columns: vectors run over the rows of C instead, rows of op(A) packed side by side.
template <class T>
void narrow_rows(const GemmArgs<T>& g, std::int64_t i0, std::int64_t rows) {
  constexpr int lanes = kPanel<T>;
  Scratch<T>& s = scratch<T>();
  T tile[4 * lanes];
  for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
    const std::int64_t depth = std::min(kDepth, g.k - p0);
    const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
    for (std::int64_t r = 0; r < lanes; ++r)
      for (std::int64_t p = 0; p < depth; ++p)
        s.panel[p * lanes + r] = r >= rows ? T(0) : g.transpose_a ? g.a[(p0 + p) * g.lda + i0 + r] : g.a[(i0 + r) * g.lda + p0 + p];
    // C^T = op(B)^T op(A)^T: "rows" of the micro-kernel are columns of C.
    const T* b = g.transpose_b ? g.b + p0 : g.b + p0 * g.ldb;
    tile_of<T, 4, kTileVectors>(g.n, depth, b, g.transpose_b ? g.ldb : 1, g.transpose_b ? 1 : g.ldb, s.panel, tile);
    T row[4];
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < g.n; ++i) row[i] = tile[i * lanes + r];
      store_part_tile(g, i0 + r, 1, 0, g.n, g.n, add, last, row);
    }
  }
}

template <class T>
GemmArgs<T> product_of(const GemmArgs<T>& args, const GemmStrides& s, std::int64_t index) {
  GemmArgs<T> g = args;
  g.a += index * s.a;
  g.b += index * s.b;
  g.c += index * s.c;
  if (g.bias) g.bias += index * s.bias;
  if (g.relu_mask) g.relu_mask += index * s.relu_mask;
  if (g.column_sums) g.column_sums += index * s.column_sums;
  return g;
}

template <class T>
void run(const GemmArgs<T>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team) {
  constexpr std::int64_t lanes = VectorOf<T>::kLanes;
  // Few columns and many rows: vectors over rows. (Column sums of so few columns are cheap either way,
  // but belong to the other path.)
  if (args.n <= 4 && args.m >= 16 && !args.column_sums) {
    const std::int64_t blocks = (args.m + kPanel<T> - 1) / kPanel<T>;
    const auto task = [&](std::int64_t t) {
      const std::int64_t i = t % blocks * kPanel<T>;
      narrow_rows(product_of(args, strides, t / blocks), i, std::min<std::int64_t>(kPanel<T>, args.m - i));
    };
    if (count * args.m * args.n * args.k < 32768)
      for (std::int64_t t = 0; t < count * blocks; ++t) task(t);
    else
      team.run(count * blocks, task);
    return;
  }
  const std::int64_t panels = (args.n + kPanel<T> - 1) / kPanel<T>;
  const auto task = [&](std::int64_t t) {
    const GemmArgs<T> g = product_of(args, strides, t / panels);
    const std::int64_t j = t % panels * kPanel<T>, width = std::min<std::int64_t>(kPanel<T>, args.n - j);
    if (width <= lanes)
      column_panel<T, 1>(g, j, width);
    else
      column_panel<T, kTileVectors>(g, j, width);
  };
  if (count * args.m * args.n * args.k < 32768)  // a hand-over costs more than the product
    for (std::int64_t t = 0; t < count * panels; ++t) task(t);
  else
    team.run(count * panels, task);
}

}  // namespace

void gemm_batched(const GemmArgs<float>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team) {
  run(args, count, strides, team);
}
void gemm_batched(const GemmArgs<double>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team) {
  run(args, count, strides, team);
}

const char* gemm_kernel_name() { return detail::kKernelName; }

}  // namespace hardy
