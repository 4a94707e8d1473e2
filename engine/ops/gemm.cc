#include "engine/ops/gemm.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/base/threads.h"
#include "engine/ops/gemm_kernel.h"

// Five ways through a product, chosen by its sizes alone:
//   panels    the usual one: a panel of B is packed into this thread's cache and swept over all rows of A
//   shallow   a small k: all of B is packed, C written row by row
//   direct    few rows: packing would cost more than it saves, B is read where it lies
//   dots      a head (kDotColumns): inner products along k
//   turned    few columns and A transposed (a head's weight gradient): C^T = op(B)^T op(A)^T, vectors along m
// A task is a part of one product that no other task writes to, so that threads share nothing but reads.
namespace hardy {
namespace {

using detail::kAccumulators;
using detail::kDotColumns;
using detail::kPanel;
using detail::kTileRows;
using detail::kTileVectors;
using detail::load;
using detail::store;
using detail::TileEnd;
using detail::VectorOf;

constexpr std::int64_t kDepth = 512;       // k is cut in pieces of this; between pieces C itself accumulates
constexpr std::int64_t kFewTurned = 8;     // columns of the turned path
constexpr std::int64_t kShallow = 32;      // k of the shallow one: a first layer, a head's input gradient
constexpr std::int64_t kHandOver = 32768;  // multiply-adds below which handing work to a thread costs more

template <class T>
struct Scratch {
  alignas(64) T panel[kDepth * kPanel<T>];
  alignas(64) T tile[kAccumulators * VectorOf<T>::kLanes];
};
template <class T>
Scratch<T>& scratch() {
  thread_local Scratch<T> s;
  return s;
}

template <class T>
TileEnd<T> tile_end(const GemmArgs<T>& g, std::int64_t i, std::int64_t j, bool add, bool last) {
  return {g.c + i * g.ldc + j,
          g.ldc,
          add && !g.one_chain,
          last && g.bias ? g.bias + j : nullptr,
          last && g.act == Activation::kRelu,
          last && g.relu_mask ? g.relu_mask + i * g.ldmask + j : nullptr,
          g.ldmask,
          add && g.one_chain};
}

// The epilogue of one element, as micro_kernel has it for whole tiles.
template <class T>
void finish(const GemmArgs<T>& g, std::int64_t i, std::int64_t j, bool add, bool last, T x) {
  T& c = g.c[i * g.ldc + j];
  if (add && !g.one_chain) x += c;
  if (last) {
    if (g.bias) x += g.bias[j];
    if (g.act == Activation::kRelu) x = x < T(0) ? T(0) : x;
    if (g.act == Activation::kTanh) x = std::tanh(x);
    if (g.relu_mask) x = g.relu_mask[i * g.ldmask + j] > T(0) ? x : T(0);
  }
  c = x;
}

// op(B)[p0 .. p0+depth, j .. j+width) as [depth][kColumns], padded with zeros. (Out of line, because GCC 12
// warns falsely of its loops where the width is a constant.)
template <class T, int kColumns>
[[gnu::noinline, gnu::noclone]] void pack_panel(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth,
                                                std::int64_t j, std::int64_t width, T* panel) {
  constexpr int lanes = VectorOf<T>::kLanes;
  if (!g.transpose_b && width == kColumns) {
    const T* from = g.b + p0 * g.ldb + j;
    for (std::int64_t p = 0; p < depth; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < kColumns; v += lanes) store(panel + p * kColumns + v, load(from + p * g.ldb + v));
    return;
  }
  if (!g.transpose_b) {
    for (std::int64_t p = 0; p < depth; ++p) {
      const T* from = g.b + (p0 + p) * g.ldb + j;
      T* to = panel + p * kColumns;
      for (std::int64_t i = 0; i < width; ++i) to[i] = from[i];
      for (std::int64_t i = width; i < kColumns; ++i) to[i] = T(0);
    }
    return;
  }
  std::int64_t i = 0;
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    for (; i + 8 <= width; i += 8)
      detail::transpose_rows_of_8(g.b + (j + i) * g.ldb + p0, g.ldb, depth, panel + i, kColumns);
#endif
  for (; i < width; ++i) {
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

// pack_panel and add_column_sums in one go: the chain of additions hides behind the loads.
template <class T>
void pack_and_sum(const GemmArgs<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j, T* panel) {
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

// Columns [j, j + width) of C, all rows.
template <class T, int Vectors>
void panels(const GemmArgs<T>& g, std::int64_t j, std::int64_t width) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes, tile_rows = kAccumulators / Vectors;
  Scratch<T>& s = scratch<T>();
  for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
    const std::int64_t depth = std::min(kDepth, g.k - p0);
    const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
    const T *panel = s.panel, *ahead = nullptr;
    if (g.packed) {
      panel = g.b + j * g.k + p0 * columns;
      if (!last || j + width < g.n) ahead = panel + depth * columns;
    } else if (g.column_sums && !g.transpose_b && width == kPanel<T>) {
      pack_and_sum(g, p0, depth, j, s.panel);
    } else {
      pack_panel<T, columns>(g, p0, depth, j, width, s.panel);
      if (g.column_sums) add_column_sums(g, p0, depth, j, width, s.panel, columns);
    }
    // What lies behind a packed panel is read next: a tile's share of it is asked for while the tile is
    // computed.
    const std::int64_t share = ahead ? depth * tile_rows / std::max<std::int64_t>(tile_rows, g.m) : 0;
    for (std::int64_t i = 0; i < g.m; i += tile_rows) {
      const std::int64_t rows = std::min<std::int64_t>(tile_rows, g.m - i);
      for (std::int64_t p = 0; p < share; ++p, ahead += columns)
        for (int v = 0; v < columns; v += VectorOf<T>::kLanes) __builtin_prefetch(ahead + v);
      const T* a = g.transpose_a ? g.a + p0 * g.lda + i : g.a + i * g.lda + p0;
      const std::int64_t row_stride = g.transpose_a ? 1 : g.lda, k_stride = g.transpose_a ? g.lda : 1;
      const bool whole = width == columns && g.act != Activation::kTanh, begin = add && g.one_chain;
      if (!whole && begin)
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < width; ++c) s.tile[r * columns + c] = g.c[(i + r) * g.ldc + j + c];
      detail::tile_of<T, tile_rows, Vectors>(
          rows, depth, a, row_stride, k_stride, panel, columns,
          whole ? tile_end(g, i, j, add, last)
                : TileEnd<T>{s.tile, columns, false, nullptr, false, nullptr, 0, begin});
      if (!whole)
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < width; ++c)
            finish(g, i + r, j + c, add, last, s.tile[r * columns + c]);
    }
  }
}

// Rows [i, end) of C where all of B, packed, fits the scratch: C is then written row by row, not in strips
// that are a row apart. n a multiple of the panel.
template <class T>
void shallow(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  T* panel = scratch<T>().panel;
  for (std::int64_t j = 0; j < g.n; j += kPanel<T>)
    pack_panel<T, kPanel<T>>(g, 0, g.k, j, kPanel<T>, panel + j * g.k);
  for (; i < end; i += kTileRows)
    for (std::int64_t j = 0; j < g.n; j += kPanel<T>)
      detail::tile_of<T, kTileRows, kTileVectors>(
          std::min<std::int64_t>(kTileRows, end - i), g.k, g.transpose_a ? g.a + i : g.a + i * g.lda,
          g.transpose_a ? 1 : g.lda, g.transpose_a ? g.lda : 1, panel + j * g.k, kPanel<T>,
          tile_end(g, i, j, g.accumulate, true));
}

// Columns [j, end) of C, end - j a multiple of the lanes, B not transposed; as many vectors as registers
// hold.
template <class T, int Vectors>
std::int64_t direct(const GemmArgs<T>& g, std::int64_t j, std::int64_t end) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes, tile_rows = kAccumulators / Vectors;
  if (g.m <= tile_rows || Vectors <= kTileVectors)
    for (; j + columns <= end; j += columns)
      for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
        const std::int64_t depth = std::min(kDepth, g.k - p0);
        const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
        const T* b = g.b + p0 * g.ldb + j;
        if (g.column_sums) add_column_sums(g, p0, depth, j, columns, b, g.ldb);
        for (std::int64_t i = 0; i < g.m; i += tile_rows)
          detail::tile_of<T, tile_rows, Vectors>(std::min<std::int64_t>(tile_rows, g.m - i), depth,
                                                 g.transpose_a ? g.a + p0 * g.lda + i : g.a + i * g.lda + p0,
                                                 g.transpose_a ? 1 : g.lda, g.transpose_a ? g.lda : 1, b,
                                                 g.ldb, tile_end(g, i, j, add, last));
      }
  if constexpr (Vectors > 1) return direct<T, Vectors / 2>(g, j, end);
  return j;
}

// Rows [i, end) of C, n = Columns.
template <class T, int Columns>
void dots(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  // As many rows as there are registers for their sums, two each, beside B's columns and A's vector; but with
  // two rows of five g++ 12 keeps the sums in memory.
  constexpr int rows =
      Columns == 5 ? 1 : std::clamp((detail::kRegisters - 1 - Columns) / (2 * Columns), 1, 4);
  if (g.n != Columns) {
    if constexpr (Columns > 1) dots<T, Columns - 1>(g, i, end);
    return;
  }
  Scratch<T>& s = scratch<T>();
  T out[rows * Columns];
  for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
    const std::int64_t depth = std::min(kDepth, g.k - p0);
    const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
    const T* b = g.b + p0 * g.ldb;  // op(B)'s columns, to lie along k
    std::int64_t ldb = g.ldb;
    if (g.transpose_b) {
      b = g.b + p0;
    } else if (Columns == 1 && g.ldb == 1) {
      ldb = 0;
    } else {
      for (std::int64_t p = 0; p < depth; ++p)
        for (int j = 0; j < Columns; ++j) s.panel[j * kDepth + p] = b[p * g.ldb + j];
      b = s.panel;
      ldb = kDepth;
    }
    std::int64_t r = i;
    for (; r + rows <= end; r += rows) {
      detail::dot_kernel<T, rows, Columns>(depth, g.a + r * g.lda + p0, g.lda, b, ldb, out);
      for (int q = 0; q < rows; ++q)
        for (int j = 0; j < Columns; ++j) finish(g, r + q, j, add, last, out[q * Columns + j]);
    }
    for (; r < end; ++r) {
      detail::dot_kernel<T, 1, Columns>(depth, g.a + r * g.lda + p0, g.lda, b, ldb, out);
      for (int j = 0; j < Columns; ++j) finish(g, r, j, add, last, out[j]);
    }
  }
}

// Rows [i, end) of C for A transposed, n <= kFewTurned.
template <class T, int Vectors>
void turned(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes, few = kAccumulators / Vectors;
  Scratch<T>& s = scratch<T>();
  for (; i < end && (Vectors == 1 || (g.n <= few && i + columns <= end)); i += columns) {
    const std::int64_t width = std::min<std::int64_t>(columns, end - i);
    for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
      const std::int64_t depth = std::min(kDepth, g.k - p0);
      const bool last = p0 + depth >= g.k, add = p0 > 0 || g.accumulate;
      const T* a = g.a + p0 * g.lda + i;
      std::int64_t lda = g.lda;
      if (width < columns) {
        for (std::int64_t p = 0; p < depth; ++p)
          for (std::int64_t c = 0; c < columns; ++c)
            s.panel[p * columns + c] = c < width ? a[p * lda + c] : T(0);
        a = s.panel;
        lda = columns;
      }
      for (std::int64_t j = 0; j < g.n; j += few) {
        const std::int64_t count = std::min<std::int64_t>(few, g.n - j);
        const bool begin = add && g.one_chain;
        for (std::int64_t c = 0; begin && c < width; ++c)
          for (std::int64_t q = 0; q < count; ++q) s.tile[q * columns + c] = g.c[(i + c) * g.ldc + j + q];
        detail::tile_of<T, few, Vectors>(
            count, depth, g.transpose_b ? g.b + j * g.ldb + p0 : g.b + p0 * g.ldb + j,
            g.transpose_b ? g.ldb : 1, g.transpose_b ? 1 : g.ldb, a, lda,
            TileEnd<T>{s.tile, columns, false, nullptr, false, nullptr, 0, begin});
        for (std::int64_t c = 0; c < width; ++c)
          for (std::int64_t q = 0; q < count; ++q)
            finish(g, i + c, j + q, add, last, s.tile[q * columns + c]);
      }
    }
  }
  if constexpr (Vectors > 1)
    if (i < end) turned<T, Vectors / 2>(g, i, end);
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

// part(g, begin, end) for every product g and every piece of [0, size), `grain` long.
template <class T, class Part>
void for_parts(const GemmArgs<T>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team,
               std::int64_t size, std::int64_t grain, Part part) {
  const std::int64_t pieces = (size + grain - 1) / grain;
  const auto task = [&](std::int64_t t) {
    const std::int64_t begin = t % pieces * grain;
    part(product_of(args, strides, t / pieces), begin, std::min(size, begin + grain));
  };
  if (count * args.m * args.n * args.k < kHandOver)
    for (std::int64_t t = 0; t < count * pieces; ++t) task(t);
  else
    team.run(count * pieces, task);
}

// f(integral_constant<int, vectors of the panel>) for a panel of so many columns.
template <class T, class F>
void with_vectors(std::int64_t width, F&& f) {
  if (width <= VectorOf<T>::kLanes)
    f(std::integral_constant<int, 1>());
  else
    f(std::integral_constant<int, kTileVectors>());
}

template <class T>
void panel_of(const GemmArgs<T>& g, std::int64_t begin, std::int64_t end) {
  with_vectors<T>(end - begin, [&](auto vectors) { panels<T, vectors()>(g, begin, end - begin); });
}

template <class T>
void run(const GemmArgs<T>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team) {
  constexpr std::int64_t lanes = VectorOf<T>::kLanes;
  constexpr int most = kAccumulators >= 8 ? 8 : 4;
  using G = const GemmArgs<T>&;
  if (args.packed)
    for_parts(args, count, strides, team, args.n, kPanel<T>,
              [](G g, auto j, auto end) { panel_of<T>(g, j, end); });
  else if (args.n <= kDotColumns && !args.transpose_a && !args.column_sums)
    for_parts(args, count, strides, team, args.m, 64,
              [](G g, auto i, auto end) { dots<T, kDotColumns>(g, i, end); });
  else if (args.n <= kFewTurned && args.transpose_a && args.m >= lanes)
    for_parts(args, count, strides, team, args.m, most * lanes, [](G g, auto i, auto end) {
      if (g.column_sums && i == 0)
        for (std::int64_t p0 = 0; p0 < g.k || p0 == 0; p0 += kDepth) {
          const std::int64_t depth = std::min(kDepth, g.k - p0);
          const T* b = g.transpose_b ? g.b + p0 : g.b + p0 * g.ldb;
          add_column_sums(g, p0, depth, 0, g.n, b, g.transpose_b ? 1 : g.ldb, g.transpose_b ? g.ldb : 1);
        }
      turned<T, most>(g, i, end);
    });
  else if (args.m <= 2 * kTileRows && !args.transpose_b && args.act != Activation::kTanh)
    for_parts(args, count, strides, team, args.n, most * lanes, [](G g, auto j, auto end) {
      const std::int64_t rest = direct<T, most>(g, j, end);
      if (rest < end) panel_of<T>(g, rest, end);
    });
  else if (args.k <= kShallow && args.k * args.n <= kDepth * kPanel<T> && args.n % kPanel<T> == 0 &&
           !args.column_sums && args.act != Activation::kTanh)
    for_parts(args, count, strides, team, args.m, 10 * kTileRows,
              [](G g, auto i, auto end) { shallow<T>(g, i, end); });
  else
    for_parts(args, count, strides, team, args.n, kPanel<T>,
              [](G g, auto j, auto end) { panel_of<T>(g, j, end); });
}

}  // namespace

void gemm_batched(const GemmArgs<float>& args, std::int64_t count, const GemmStrides& strides,
                  ThreadTeam& team) {
  run(args, count, strides, team);
}
void gemm_batched(const GemmArgs<double>& args, std::int64_t count, const GemmStrides& strides,
                  ThreadTeam& team) {
  run(args, count, strides, team);
}

std::int64_t packed_size(std::int64_t k, std::int64_t n) {
  if (n <= kDotColumns) return 0;
  const std::int64_t rest = n % kPanel<float>;
  std::int64_t columns = n - rest;
  if (rest > 0)
    with_vectors<float>(rest, [&](auto vectors) { columns += vectors() * VectorOf<float>::kLanes; });
  return k * columns;
}

void pack_b(const float* b, std::int64_t ldb, std::int64_t k, std::int64_t n, float* to, ThreadTeam& team) {
  GemmArgs<float> g;
  g.b = b, g.ldb = ldb;
  const auto pack = [&](std::int64_t panel) {
    const std::int64_t j = panel * kPanel<float>, width = std::min<std::int64_t>(kPanel<float>, n - j);
    with_vectors<float>(width, [&](auto vectors) {
      pack_panel<float, vectors() * VectorOf<float>::kLanes>(g, 0, k, j, width, to + j * k);
    });
  };
  team.run((n + kPanel<float> - 1) / kPanel<float>, pack);
}

const char* gemm_kernel_name() { return detail::kKernelName; }

}  // namespace hardy
