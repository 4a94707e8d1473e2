#include "engine/ops/gemm.h"

#include <algorithm>
#include <type_traits>

#include "engine/base/aligned.h"
#include "engine/base/caches.h"
#include "engine/base/threads.h"
#include "engine/ops/gemm_end.h"
#include "engine/ops/gemm_kernel.h"
#include "engine/ops/gemm_packing.h"

// Six ways through a product, chosen by its sizes and the machine's caches, with the same bits whichever of
// the first four is taken:
//   panels    the usual one: a panel of B is packed into this thread's cache and swept over all rows of A
//   blocked   a large one: many panels are packed, and swept over strips of A that stay in L2
//   shallow   a small k: all of B is packed, C written row by row
//   direct    few rows: packing would cost more than it saves, B is read where it lies
//   dots      a head (kDotColumns): inner products along k
//   turned    few columns and A transposed (a head's weight gradient): C^T = op(B)^T op(A)^T, vectors along m
// A task is a part of one product that no other task writes to, so that threads share nothing but reads.
namespace hardy {
namespace {

using detail::add_column_sums;
using detail::finish_narrow;
using detail::finish_rows;
using detail::kAccumulators;
using detail::kDotColumns;
using detail::kNarrow;
using detail::kPanel;
using detail::kTileRows;
using detail::kTileVectors;
using detail::pack_and_sum;
using detail::pack_panel;
using detail::Piece;
using detail::tile_end;
using detail::TileEnd;
using detail::VectorOf;
using detail::with_panel;

constexpr std::int64_t kDepth = 512;    // k is cut in pieces of this; between pieces C itself accumulates
constexpr std::int64_t kShallow = 32;   // k of the shallow one: a first layer, a head's input gradient
constexpr std::int64_t kFewRows = 512;  // of A, for which a panel of whole cache lines is read where it lies
constexpr std::int64_t kLarge = 512;    // rows and columns from which on a product is cut into blocks
constexpr std::int64_t kBlockColumns = 1024;  // whole panels
constexpr std::int64_t kStrips = 8;           // of A's rows, where they need not be more
constexpr std::int64_t kApart = 16;           // elements between copied rows, so that they do not share a set
constexpr std::int64_t kHeadRows = 128;       // rows of a head that one task takes, at least
constexpr std::int64_t kHandOver = 32768;     // multiply-adds below which handing work to a thread costs more

template <class T>
inline constexpr std::int64_t kTile = kAccumulators* VectorOf<T>::kLanes;  // elements of a tile

template <class T>
inline constexpr bool kWholeLines = kPanel<T> * sizeof(T) > kCacheLine;  // else its rows share too few sets

template <class T>
struct Scratch {
  static_assert(kDotColumns <= kNarrow && kDotColumns <= kPanel<T>);  // a head's columns are turned there
  alignas(64) T panel[kDepth * kPanel<T>];
  alignas(64) T tile[std::max<std::int64_t>(kTile<T>, kHeadRows* kDotColumns)];
};
// (Out of line: in a shared library an inner loop would ask for its address again and again.)
template <class T>
[[gnu::noinline]] Scratch<T>& scratch() {
  thread_local Scratch<T> s;
  return s;
}

// What blocked() cuts by. A strip of A takes at most half a core's L2, and there are several to share.
template <class T>
std::int64_t strip_rows(std::int64_t m, std::int64_t depth) {
  constexpr std::int64_t tiles = 2 * kTileRows;  // whole ones of every shape
  static const std::int64_t elements = cache_sizes().l2 / 2 / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t rows = std::min(elements / (depth + 2 * kApart), (m + kStrips - 1) / kStrips);
  return std::max<std::int64_t>(1, (rows + tiles - 1) / tiles) * tiles;
}
// Its memory, of this thread: such products are large, so that the first one may allocate.
template <class T>
T* room_for_b() {
  thread_local const AlignedMemory<T> memory(
      static_cast<T*>(allocate_zeroed(kDepth * kBlockColumns * sizeof(T))));
  return memory.get();
}
template <class T>
T* room_for_a() {
  thread_local const AlignedMemory<T> memory(
      static_cast<T*>(allocate_zeroed(static_cast<std::size_t>(cache_sizes().l2 / 2) +
                                      (kDepth + 2 * kApart) * (2 * kTileRows + 2 * kApart) * sizeof(T))));
  return memory.get();
}

// each(piece) for the pieces of k in their order; of no k at all one that is empty.
template <class T, class F>
void for_pieces(const GemmArgs<T>& g, F&& each) {
  for (std::int64_t p = 0; p < g.k || p == 0; p += kDepth)
    each(Piece{p, std::min(kDepth, g.k - p), p > 0 || g.accumulate, p + kDepth >= g.k});
}

// op(A)'s row i from the piece's first column on, and how it goes on from there.
template <class T>
struct RowsOfA {
  const T* first;
  std::int64_t row_stride, k_stride;
  RowsOfA(const GemmArgs<T>& g, std::int64_t i, std::int64_t p)
      : first(g.transpose_a ? g.a + p * g.lda + i : g.a + i * g.lda + p),
        row_stride(g.transpose_a ? 1 : g.lda),
        k_stride(g.transpose_a ? g.lda : 1) {}
};

// Columns [j, j + width) of a piece of B, packed, and their sums if they are asked for.
template <class T, class Shape>
void lay_out(const GemmArgs<T>& g, const Piece& piece, std::int64_t j, std::int64_t width, T* panel) {
  if (g.column_sums && !g.transpose_b && width == kPanel<T>) {
    pack_and_sum(g, piece.begin, piece.depth, j, panel);
    return;
  }
  pack_panel<T, Shape::kColumns>(g, piece.begin, piece.depth, j, width, panel);
  if (g.column_sums) add_column_sums(g, piece.begin, piece.depth, j, width, panel, Shape::kColumns);
}

// Rows [i, end) of C, columns [j, j + width): a panel is swept over rows of A, the first of which is `a`.
// `ahead`, if there is one, is read after it: a tile's share is asked for while the tile is computed.
template <class T, class Shape>
void sweep(const GemmArgs<T>& g, const Piece& piece, RowsOfA<T> a, std::int64_t i, std::int64_t end,
           std::int64_t j, std::int64_t width, const T* panel, const T* ahead = nullptr,
           std::int64_t panel_stride = Shape::kColumns) {
  constexpr std::int64_t columns = Shape::kColumns, tile_rows = Shape::kRows;
  T* const tile = scratch<T>().tile;
  const std::int64_t share = ahead ? piece.depth * tile_rows / std::max(tile_rows, end - i) : 0;
  const bool whole = width == columns && g.act != Activation::kTanh, begin = piece.add && g.one_chain;
  for (; i < end; i += tile_rows, a.first += tile_rows * a.row_stride) {
    const std::int64_t rows = std::min(tile_rows, end - i);
    for (std::int64_t p = 0; p < share; ++p, ahead += columns)
      for (std::int64_t v = 0; v < columns; v += VectorOf<T>::kLanes) __builtin_prefetch(ahead + v);
    if (!whole && begin)
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < width; ++c) tile[r * columns + c] = g.c[(i + r) * g.ldc + j + c];
    detail::tile_of<T, Shape::kRows, Shape::kVectors, typename Shape::V>(
        rows, piece.depth, a.first, a.row_stride, a.k_stride, panel, panel_stride,
        whole ? tile_end(g, i, j, piece)
              : TileEnd<T>{tile, columns, false, nullptr, false, nullptr, 0, begin});
    if (!whole) finish_rows(g, i, rows, j, width, piece, tile, columns);
  }
}

// Columns [j, end) of C, all rows, panel by panel.
template <class T>
void panels(const GemmArgs<T>& g, std::int64_t j, std::int64_t end) {
  for (std::int64_t next; j < end; j = next)
    with_panel<T>(end - j, [&]<class Shape>(Shape) {
      const std::int64_t width = std::min<std::int64_t>(Shape::kColumns, end - j);
      next = j + Shape::kColumns;
      for_pieces(g, [&](const Piece& piece) {
        const T *panel = scratch<T>().panel, *ahead = nullptr;
        std::int64_t stride = Shape::kColumns;
        if (g.packed) {
          panel = g.b + j * g.k + piece.begin * Shape::kColumns;
          if (!piece.last || j + width < g.n) ahead = panel + piece.depth * Shape::kColumns;
        } else if (kWholeLines<T> && !g.transpose_b && width == Shape::kColumns && g.m <= kFewRows) {
          panel = g.b + piece.begin * g.ldb + j, stride = g.ldb;
          if (g.column_sums) add_column_sums(g, piece.begin, piece.depth, j, width, panel, stride);
        } else {
          lay_out<T, Shape>(g, piece, j, width, scratch<T>().panel);
        }
        sweep<T, Shape>(g, piece, RowsOfA<T>(g, 0, piece.begin), 0, g.m, j, width, panel, ahead, stride);
      });
    });
}

// Rows [i, i + rows) of a piece of A, copied so that they lie near one another: `to` holds room_for_a<T>().
// Rows of a large matrix are often a multiple of 4 KB apart, and then a tile's fall into one set of the first
// cache.
template <class T>
RowsOfA<T> copy_rows(const GemmArgs<T>& g, const Piece& piece, std::int64_t i, std::int64_t rows, T* to) {
  RowsOfA<T> a(g, i, piece.begin);
  const std::int64_t lines = g.transpose_a ? piece.depth : rows, length = g.transpose_a ? rows : piece.depth;
  const std::int64_t stride = (length + kApart - 1) / kApart * kApart + kApart;
  for (std::int64_t line = 0; line < lines; ++line)
    std::copy_n(a.first + line * g.lda, length, to + line * stride);
  a.first = to;
  (g.transpose_a ? a.k_stride : a.row_stride) = stride;
  return a;
}

// A product that no cache holds, cut as Goto and van de Geijn (2008) cut it: of a block of B's columns all
// panels are packed, which every thread reads, and swept over strips of A that stay in a core's L2.
template <class T>
void blocked(const GemmArgs<T>& g, ThreadTeam& team) {
  for (std::int64_t begin = 0; begin < g.n; begin += kBlockColumns) {
    const std::int64_t columns = std::min(kBlockColumns, g.n - begin);
    for_pieces(g, [&](const Piece& piece) {
      T* const packed = room_for_b<T>();
      // The panels of columns [at, end) of the block.
      const auto each_panel = [&](std::int64_t at, std::int64_t end, auto&& f) {
        while (at < end)
          with_panel<T>(end - at, [&]<class Shape>(Shape shape) {
            f(shape, begin + at, std::min<std::int64_t>(Shape::kColumns, end - at),
              packed + at * piece.depth);
            at += Shape::kColumns;
          });
      };
      team.for_range(columns, kPanel<T>, [&](std::int64_t at, std::int64_t end) {
        each_panel(at, end, [&]<class Shape>(Shape, std::int64_t j, std::int64_t width, T* panel) {
          lay_out<T, Shape>(g, piece, j, width, panel);
        });
      });
      team.for_range(g.m, strip_rows<T>(g.m, piece.depth), [&](std::int64_t i, std::int64_t end) {
        const RowsOfA<T> strip = copy_rows(g, piece, i, end - i, room_for_a<T>());
        each_panel(0, columns, [&]<class Shape>(Shape, std::int64_t j, std::int64_t width, T* panel) {
          sweep<T, Shape>(g, piece, strip, i, end, j, width, panel);
        });
      });
    });
  }
}

// op(B) of few rows, k = K <= kNarrow, in its own order, from B, whose rows they are columns of.
template <class T, int K>
void turn_narrow(const GemmArgs<T>& g, T* to) {
  if (g.k == K) return detail::turn<T, K>(g.b, g.ldb, g.n, to, g.n);
  if constexpr (K > 1) turn_narrow<T, K - 1>(g, to);
}

// Rows [i, end) of C where all of B fits the scratch: C is then written row by row, not in strips that are a
// row apart. n a multiple of the panel. B is packed where it is transposed, else read where it lies.
template <class T, class Shape>
void shallow(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  constexpr std::int64_t columns = Shape::kColumns, tile_rows = Shape::kRows;
  T* const packed = scratch<T>().panel;
  const T* b = g.b;
  std::int64_t b_stride = g.ldb, b_panel = columns;
  if (g.transpose_b && g.k <= kNarrow) {
    turn_narrow<T, kNarrow>(g, packed);
    b = packed, b_stride = g.n;
  } else if (g.transpose_b) {
    for (std::int64_t j = 0; j < g.n; j += columns)
      pack_panel<T, columns>(g, 0, g.k, j, columns, packed + j * g.k);
    b = packed, b_stride = columns, b_panel = columns * g.k;
  }
  for (; i < end; i += tile_rows) {
    const RowsOfA<T> a(g, i, 0);
    const T* panel = b;
    TileEnd<T> to = tile_end(g, i, 0, Piece{0, g.k, g.accumulate, true});
    for (std::int64_t j = 0; j < g.n; j += columns, panel += b_panel) {
      detail::tile_of<T, tile_rows, Shape::kVectors>(std::min(tile_rows, end - i), g.k, a.first, a.row_stride,
                                                     a.k_stride, panel, b_stride, to);
      to.c += columns;
      if (to.bias) to.bias += columns;
      if (to.mask) to.mask += columns;
    }
  }
}

// Columns [j, end) of C, end - j a multiple of the lanes, B not transposed; as many vectors as registers
// hold.
template <class T, int Vectors>
std::int64_t direct(const GemmArgs<T>& g, std::int64_t j, std::int64_t end) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes, tile_rows = kAccumulators / Vectors;
  if (g.m <= tile_rows || Vectors <= kTileVectors)
    for (; j + columns <= end; j += columns)
      for_pieces(g, [&](const Piece& piece) {
        const T* b = g.b + piece.begin * g.ldb + j;
        if (g.column_sums) add_column_sums(g, piece.begin, piece.depth, j, columns, b, g.ldb);
        for (std::int64_t i = 0; i < g.m; i += tile_rows) {
          const RowsOfA<T> a(g, i, piece.begin);
          detail::tile_of<T, tile_rows, Vectors>(std::min<std::int64_t>(tile_rows, g.m - i), piece.depth,
                                                 a.first, a.row_stride, a.k_stride, b, g.ldb,
                                                 tile_end(g, i, j, piece));
        }
      });
  if constexpr (Vectors > 1) return direct<T, Vectors / 2>(g, j, end);
  return j;
}

// Rows [i, end) of C, n = Columns.
template <class T, int Columns>
void dots(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  constexpr int rows = detail::kDotRows<Columns>;
  if (g.n != Columns) {
    if constexpr (Columns > 1) dots<T, Columns - 1>(g, i, end);
    return;
  }
  Scratch<T>& s = scratch<T>();
  for_pieces(g, [&](const Piece& piece) {
    // op(B)'s columns, along k and so far apart that the compiler knows.
    const T* b = g.b + piece.begin * (g.transpose_b ? 1 : g.ldb);
    if (Columns > 1 || (!g.transpose_b && g.ldb != 1)) {
      if (g.transpose_b)
        for (int j = 0; j < Columns; ++j) std::copy_n(b + j * g.ldb, piece.depth, s.panel + j * kDepth);
      else
        detail::turn<T, Columns>(b, g.ldb, piece.depth, s.panel, kDepth);
      b = s.panel;
    }
    for (std::int64_t first = i, last; first < end; first = last) {
      last = std::min(first + kHeadRows, end);
      std::int64_t r = first;
      const auto dot = [&]<int Rows>(std::integral_constant<int, Rows>) {
        for (; r + Rows <= last; r += Rows)
          detail::dot_kernel<T, Rows, Columns, kDepth>(piece.depth, g.a + r * g.lda + piece.begin, g.lda, b,
                                                       s.tile + (r - first) * Columns);
      };
      dot(std::integral_constant<int, rows>());
      dot(std::integral_constant<int, 1>());
      finish_narrow(g, first, last - first, piece, s.tile);
    }
  });
}

// Rows [i, end) of C for A transposed, n <= kNarrow.
template <class T, int Vectors>
void turned(const GemmArgs<T>& g, std::int64_t i, std::int64_t end) {
  constexpr int columns = Vectors * VectorOf<T>::kLanes;
  // Rows of the tile: what registers hold beside A's vectors and, where a multiply-add cannot take it from
  // memory, a number of B.
  constexpr int few = std::max(
      1, std::min(kAccumulators / Vectors, detail::kRegisters / Vectors - 1 - (detail::kRegisters < 32)));
  static_assert(Vectors > 1 || kNarrow <= few);
  Scratch<T>& s = scratch<T>();
  for (; i < end && (Vectors == 1 || (g.n <= few && i + columns <= end)); i += columns) {
    const std::int64_t width = std::min<std::int64_t>(columns, end - i);
    for_pieces(g, [&](const Piece& piece) {
      const T* a = g.a + piece.begin * g.lda + i;
      std::int64_t lda = g.lda;
      if (width < columns) {
        for (std::int64_t p = 0; p < piece.depth; ++p)
          for (std::int64_t c = 0; c < columns; ++c)
            s.panel[p * columns + c] = c < width ? a[p * lda + c] : T(0);
        a = s.panel;
        lda = columns;
      }
      const bool begin = piece.add && g.one_chain;
      for (std::int64_t c = 0; begin && c < width; ++c)
        for (std::int64_t q = 0; q < g.n; ++q) s.tile[q * columns + c] = g.c[(i + c) * g.ldc + q];
      detail::tile_of<T, few, Vectors>(g.n, piece.depth, g.b + piece.begin * (g.transpose_b ? 1 : g.ldb),
                                       g.transpose_b ? g.ldb : 1, g.transpose_b ? 1 : g.ldb, a, lda,
                                       TileEnd<T>{s.tile, columns, false, nullptr, false, nullptr, 0, begin});
      T rows[kNarrow * columns];
      for (std::int64_t q = 0; q < g.n; ++q)
        for (std::int64_t c = 0; c < width; ++c) rows[c * g.n + q] = s.tile[q * columns + c];
      finish_narrow(g, i, width, piece, rows);
    });
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
  if (size == 0) return;
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

template <class T>
void run(const GemmArgs<T>& args, std::int64_t count, const GemmStrides& strides, ThreadTeam& team) {
  constexpr std::int64_t lanes = VectorOf<T>::kLanes;
  constexpr int most = kAccumulators >= 8 ? 8 : 4;
  using G = const GemmArgs<T>&;
  if (args.packed)
    for_parts(args, count, strides, team, args.n, kPanel<T>,
              [](G g, auto j, auto end) { panels<T>(g, j, end); });
  else if (args.n <= kDotColumns && !args.transpose_a && !args.column_sums)
    // A task turns B for itself, so that there are only as many as the threads share well.
    for_parts(args, count, strides, team, args.m,
              team.size() == 1 ? args.m : std::max(kHeadRows, args.m / (4 * team.size())),
              [](G g, auto i, auto end) { dots<T, kDotColumns>(g, i, end); });
  else if (args.n <= kNarrow && args.transpose_a && args.m >= lanes)
    for_parts(args, count, strides, team, args.m, most * lanes, [](G g, auto i, auto end) {
      if (g.column_sums && i == 0)
        for_pieces(g, [&](const Piece& piece) {
          const T* b = g.transpose_b ? g.b + piece.begin : g.b + piece.begin * g.ldb;
          add_column_sums(g, piece.begin, piece.depth, 0, g.n, b, g.transpose_b ? 1 : g.ldb,
                          g.transpose_b ? g.ldb : 1);
        });
      turned<T, most>(g, i, end);
    });
  else if (args.m <= 2 * kTileRows && !args.transpose_b && args.act != Activation::kTanh)
    for_parts(args, count, strides, team, args.n, most * lanes, [](G g, auto j, auto end) {
      const std::int64_t rest = direct<T, most>(g, j, end);
      panels<T>(g, rest, end);
    });
  else if (args.k <= kShallow && args.k * args.n <= kDepth * kPanel<T> && args.n % kPanel<T> == 0 &&
           !args.column_sums && args.act != Activation::kTanh)
    for_parts(args, count, strides, team, args.m, team.size() == 1 ? args.m : 10 * kTileRows,
              [](G g, auto i, auto end) {
                // Tiles of few rows write far along a row of C; that takes a register for each vector of B.
                using Flat = detail::PanelShape<T, simd::kVectorBytes, kAccumulators / 3>;
                if (detail::kRegisters == 32 && g.n % Flat::kColumns == 0)
                  shallow<T, Flat>(g, i, end);
                else
                  shallow<T, detail::WidePanel<T>>(g, i, end);
              });
  else if (args.m * args.n >= kLarge * kLarge && args.n >= kLarge && args.k >= kLarge / 2)
    for (std::int64_t i = 0; i < count; ++i) blocked(product_of(args, strides, i), team);
  else
    for_parts(args, count, strides, team, args.n, kPanel<T>,
              [](G g, auto j, auto end) { panels<T>(g, j, end); });
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
  std::int64_t columns = n - n % kPanel<float>;
  while (columns < n) with_panel<float>(n - columns, [&](auto shape) { columns += shape.kColumns; });
  return k * columns;
}

void pack_b(const float* b, std::int64_t ldb, std::int64_t k, std::int64_t n, float* to, ThreadTeam& team) {
  GemmArgs<float> g;
  g.b = b, g.ldb = ldb;
  const auto pack = [&](std::int64_t panel) {
    const std::int64_t end = std::min<std::int64_t>((panel + 1) * kPanel<float>, n);
    for (std::int64_t j = panel * kPanel<float>; j < end;)
      with_panel<float>(end - j, [&](auto shape) {
        constexpr int columns = decltype(shape)::kColumns;
        pack_panel<float, columns>(g, 0, k, j, std::min<std::int64_t>(columns, end - j), to + j * k);
        j += columns;
      });
  };
  team.run((n + kPanel<float> - 1) / kPanel<float>, pack);
}

const char* gemm_kernel_name() { return detail::kKernelName; }

}  // namespace hardy
