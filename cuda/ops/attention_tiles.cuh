// Attention in tiles: what the kernels of attention.cu and attention_gradient.cu share. A block has a tile of
// one operand's rows (of queries or of keys: "mine") and goes through the rows of the other one ("others") a
// tile at a time: products of rows with rows, from which weights follow, then sums of others by these
// weights. What a thread needs of a tile lies in packs of 16 bytes, so that two reads from shared memory
// serve 16 multiply-adds (f32) of a product, and three serve 32 of a sum.
#pragma once

#include <cstdint>

#include "cuda/elements.cuh"
#include "engine/graph/device_kernels.h"

namespace hardy::cuda {

// As engine/ops/attention.cc has them.
struct AttentionSizes {
  std::int64_t S, T, U, H, G, d;
  AttentionSizes(const graph::Buffer& q, const graph::Buffer& k)
      : S(q.shape[0] * q.shape[1]),
        T(q.shape[2]),
        U(k.shape[2]),
        H(q.shape[3]),
        G(k.shape[3]),
        d(q.shape[4]) {}
  // Rows of queries that are no padding, of a sequence with these positions.
  __device__ int real(std::int64_t first, std::int64_t last) const {
    const std::int64_t rows = (last < U ? last : U) - first;
    return static_cast<int>(rows < 0 ? 0 : rows < T ? rows : T);
  }
};

inline constexpr int kTileThreads = 128;  // 8 of them along a tile's own rows, 16 along others or columns
inline constexpr int kTileDepth = 16;     // of d at a time
inline constexpr int kTileColumns = 128;  // of a result's d, that a block adds up
template <class T>
inline constexpr int kEach = kWidest<T>;  // rows of a thread, elements of a pack
template <class T>
using TilePack = Pack<T, kEach<T>>;
template <class T>
inline constexpr int kOwnRows = 8 * kEach<T>;  // of a tile: 32 or 16
template <class T>
inline constexpr int kOtherRows = 16 * kEach<T>;
// Packs from a line of own rows, or of others, to the next, so that banks are shared evenly.
inline constexpr int kOwnPitch = 8 + 1, kOtherPitch = 16 + 1;
// Packs of what is read of memory at once: two operands' rows, turned; or some of the others, as they are.
inline constexpr int kTileStage = kTileDepth * (kOwnPitch + kOtherPitch);

template <class T>
inline __host__ __device__ int tiles_of(std::int64_t rows) {
  return static_cast<int>((rows + kOwnRows<T> - 1) / kOwnRows<T>);
}
inline unsigned column_tiles_of(std::int64_t d) {
  return static_cast<unsigned>((d + kTileColumns - 1) / kTileColumns);
}
// Of `count` rows, those from `begin` on, `most` at most.
inline __device__ int rows_from(int begin, int count, int most) {
  const int left = count - begin;
  return left < 0 ? 0 : left < most ? left : most;
}

// Block (((sequence, head), tile of queries), tile of columns) of a result for each query.
template <class T>
struct QueryTile {
  std::int64_t at, keys_at;  // of the elements of its first row, and of its group's keys and values
  int step, key_step;        // from row to row
  int all, rows;             // rows there are, and those before the padding
  int position, keys;        // of the first row; that the last one before the padding sees
  int column, width;         // the first one; those there are from it on
  __device__ QueryTile(const AttentionSizes& n, const std::int32_t* first, const std::int32_t* last)
      : step(static_cast<int>(n.H * n.d)),
        key_step(static_cast<int>(n.G * n.d)),
        column(static_cast<int>(blockIdx.y) * kTileColumns) {
    const int tiles = tiles_of<T>(n.T), begin = static_cast<int>(blockIdx.x) % tiles * kOwnRows<T>;
    const std::int64_t head = blockIdx.x / tiles % n.H, sequence = blockIdx.x / tiles / n.H;
    at = ((sequence * n.T + begin) * n.H + head) * n.d;
    keys_at = (sequence * n.U * n.G + head / (n.H / n.G)) * n.d;
    all = rows_from(begin, static_cast<int>(n.T), kOwnRows<T>);
    rows = rows_from(begin, n.real(first[sequence], last[sequence]), kOwnRows<T>);
    position = first[sequence] + begin;
    keys = rows > 0 ? position + rows : 0;
    width = static_cast<int>(n.d) - column;
  }
};

// Some rows of an operand in memory, `step` elements apart. Those from `count` on are not looked at: zeros.
template <class T>
struct TileRows {
  const T* at;
  int step, count;
};

// The first pack of what begins at `from`, `left` elements of which are there, read N at once; zeros behind.
template <int N, class T>
__device__ TilePack<T> read_part(const T* from, int left) {
  TilePack<T> pack{};
#pragma unroll
  for (int i = 0; i < kEach<T>; i += N)
    if (i < left) {
      const Pack<T, N> some = read_pack<N>(from + i, 0);
#pragma unroll
      for (int e = 0; e < N; ++e) pack.at[i + e] = some.at[e];
    }
  return pack;
}

// Where this thread's packs are: of its own rows, and of others or columns. A warp has 4 by 8 of them, which
// are 128 bytes of either at most.
inline __device__ int own_pack() { return static_cast<int>(threadIdx.x / 64 * 4 + threadIdx.x % 32 / 8); }
inline __device__ int other_pack() { return static_cast<int>(threadIdx.x / 32 % 2 * 8 + threadIdx.x % 8); }

// products[r][c] = mine_r . other_c of this thread's rows and others, each a chain of multiply-adds over d,
// whatever lies beside; left alone where they are not `wanted`. N: elements that one read takes.
template <int N, class T>
__device__ void multiply_rows(const TileRows<T>& mine, const TileRows<T>& others, int d, bool wanted,
                              TilePack<T>* stage, T (&products)[kEach<T>][kEach<T>]) {
  constexpr int kPacks = kTileDepth / kEach<T>;  // of a row
  static_assert(kOwnRows<T> * kPacks == kTileThreads && kOtherRows<T> == 2 * kOwnRows<T>);
  const int row = static_cast<int>(threadIdx.x) / kPacks,
            at = static_cast<int>(threadIdx.x) % kPacks * kEach<T>;
  TilePack<T> held[3];  // on their way while those before them are multiplied
  const auto read = [&](int begin) {
    const int left = d - begin - at;
    held[0] = read_part<N>(mine.at + row * mine.step + begin + at, row < mine.count ? left : 0);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int other = row + i * kOwnRows<T>;
      held[i + 1] =
          read_part<N>(others.at + other * others.step + begin + at, other < others.count ? left : 0);
    }
  };
  TilePack<T>* turned_others = stage + kTileDepth * kOwnPitch;
  read(0);
  for (int begin = 0; begin < d; begin += kTileDepth) {
    __syncthreads();  // all have read what was there
#pragma unroll
    for (int e = 0; e < kEach<T>; ++e) {
      reinterpret_cast<T*>(stage + (at + e) * kOwnPitch)[row] = held[0].at[e];
#pragma unroll
      for (int i = 0; i < 2; ++i)
        reinterpret_cast<T*>(turned_others + (at + e) * kOtherPitch)[row + i * kOwnRows<T>] =
            held[i + 1].at[e];
    }
    __syncthreads();
    read(begin + kTileDepth);
    if (!wanted) continue;
    for (int from = 0; from < kTileDepth && begin + from < d; from += 4)
#pragma unroll
      for (int k = from; k < from + 4; ++k) {
        const TilePack<T> a = stage[k * kOwnPitch + own_pack()],
                          b = turned_others[k * kOtherPitch + other_pack()];
#pragma unroll
        for (int r = 0; r < kEach<T>; ++r)
#pragma unroll
          for (int c = 0; c < kEach<T>; ++c) products[r][c] += a.at[r] * b.at[c];
      }
  }
}

// weights [others][own rows]: this thread's of its row r and other c become f(r, c, the weight that was).
template <class T, class F>
__device__ void set_weights(TilePack<T>* weights, F&& f) {
#pragma unroll
  for (int c = 0; c < kEach<T>; ++c) {
    TilePack<T>& at = weights[(other_pack() * kEach<T> + c) * kOwnPitch + own_pack()];
    TilePack<T> pack;
#pragma unroll
    for (int r = 0; r < kEach<T>; ++r) pack.at[r] = f(r, c, at.at[r]);
    at = pack;
  }
}

// A thread's part of a block's result: of its rows, the packs of columns other_pack(), other_pack() + 16, ...
template <class T>
struct TileSums {
  static constexpr int kPacks = kTileColumns / 16 / kEach<T>;
  TilePack<T> at[kEach<T>][kPacks];
  static __device__ int column(int pack) { return (pack * 16 + other_pack()) * kEach<T>; }
};

// sums_r += sum of weights[o][r] others_o, one o after the other, over those that row r sees: up to limit + r
// where kEarlier is, else from limit + r on. What it does not see adds nothing, not even a NaN. `width`
// columns are there.
template <bool kEarlier, int N, class T>
__device__ void add_weighed(const TilePack<T>* weights, const TileRows<T>& others, int width, int limit,
                            TilePack<T>* stage, TileSums<T>& sums) {
  constexpr int kPacks = kTileColumns / kEach<T>, kHeld = 2,
                kAtOnce = kHeld * kTileThreads / kPacks;  // others
  static_assert(kAtOnce * kPacks <= kTileStage);
  TilePack<T> held[kHeld];
  const auto read = [&](int begin) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * kTileThreads, o = begin + at / kPacks,
                column = at % kPacks * kEach<T>;
      held[i] = read_part<N>(others.at + o * others.step + column, o < others.count ? width - column : 0);
    }
  };
  read(0);
  for (int begin = 0; begin < others.count; begin += kAtOnce) {
    __syncthreads();  // all have read what was there
#pragma unroll
    for (int i = 0; i < kHeld; ++i) stage[threadIdx.x + i * kTileThreads] = held[i];
    __syncthreads();
    read(begin + kAtOnce);
    const auto add = [&](int o, auto&& sees) {
      const TilePack<T> w = weights[o * kOwnPitch + own_pack()];
#pragma unroll
      for (int p = 0; p < TileSums<T>::kPacks; ++p) {
        if (TileSums<T>::column(p) >= width) break;
        const TilePack<T> x = stage[(o - begin) * kPacks + p * 16 + other_pack()];
#pragma unroll
        for (int r = 0; r < kEach<T>; ++r)
          if (sees(r))
#pragma unroll
            for (int e = 0; e < kEach<T>; ++e) sums.at[r][p].at[e] += w.at[r] * x.at[e];
      }
    };
    const int end = begin + kAtOnce < others.count ? begin + kAtOnce : others.count;
    int o = begin;
    // Unrolled further they take registers that there are not.
    if constexpr (kEarlier) {
#pragma unroll 2
      for (; o < end && o <= limit; ++o) add(o, [](int) { return true; });
#pragma unroll 1
      for (; o < end && o < limit + kEach<T>; ++o) add(o, [&](int r) { return o <= limit + r; });
    } else {
      if (o < limit) o = limit;
#pragma unroll 1
      for (; o < end && o < limit + kEach<T> - 1; ++o) add(o, [&](int r) { return o >= limit + r; });
#pragma unroll 2
      for (; o < end; ++o) add(o, [](int) { return true; });
    }
  }
}

// This thread's sums to a block's rows of the result, the first `rows` of `count`; those behind become 0.
template <int N, class T, class F>
__device__ void write_sums(const TileSums<T>& sums, T* to, int step, int rows, int count, int width,
                           F&& finished) {
#pragma unroll
  for (int r = 0; r < kEach<T>; ++r) {
    const int row = own_pack() * kEach<T> + r;
    if (row >= count) break;
#pragma unroll
    for (int p = 0; p < TileSums<T>::kPacks; ++p)
#pragma unroll
      for (int i = 0; i < kEach<T>; i += N) {
        const int column = TileSums<T>::column(p) + i;
        Pack<T, N> some;
#pragma unroll
        for (int e = 0; e < N; ++e) some.at[e] = row < rows ? finished(row, sums.at[r][p].at[i + e]) : T(0);
        if (column < width) write_pack(to + row * step + column, 0, some);
      }
  }
}

}  // namespace hardy::cuda
