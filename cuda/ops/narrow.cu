#include <type_traits>

#include "cuda/elements.cuh"
#include "cuda/ops/activated.cuh"
#include "cuda/ops/narrow.h"
#include "cuda/ops/rounds.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T>
struct Narrow {
  std::uint32_t groups, rows, in, out, sharing;
  const T *x, *w, *b, *dy;
  T *y, *dw, *db;

  explicit Narrow(const ThinLayer& l)
      : groups(static_cast<std::uint32_t>(l.groups)),
        rows(static_cast<std::uint32_t>(l.rows)),
        in(static_cast<std::uint32_t>(l.in)),
        out(static_cast<std::uint32_t>(l.out)),
        sharing(static_cast<std::uint32_t>(l.sharing)),
        x(static_cast<const T*>(l.x)),
        w(nullptr),
        b(nullptr),
        dy(nullptr),
        y(nullptr),
        dw(nullptr),
        db(nullptr) {}
  // The rows that a group reads.
  __device__ const T* input(std::int64_t group) const {
    return x + (sharing == 1 ? group : static_cast<std::uint32_t>(group) / sharing) * rows * in;
  }
};

// Eight lanes to a row, whose packs they take in turn, so that a warp has four rows and reads whole lines.
// What lies beyond an end is read from before it, and left out later: loads have no branches between them.
// The order of a sum follows from the layer's sizes.
constexpr int kLanes = 8, kRowsOfAWarp = 32 / kLanes;
template <class T>
using Widest = Pack<T, kWidest<T>>;

// The i-th pack of a row of n numbers. kWide: rows are whole packs, in place.
template <bool kWide, class T>
__device__ Widest<T> ask(const T* row, std::uint32_t n, std::uint32_t i) {
  constexpr int N = kWidest<T>;
  if constexpr (kWide) {
    return read_pack<N>(row, min(i, n / N - 1));
  } else {
    Widest<T> pack;
#pragma unroll
    for (int k = 0; k < N; ++k) pack.at[k] = row[min(i * N + k, n - 1)];
    return pack;
  }
}
// Behind the row's end stands `beyond`.
template <class T>
__device__ Widest<T> ended(const Widest<T>& pack, std::uint32_t n, std::uint32_t i, T beyond) {
  constexpr int N = kWidest<T>;
  Widest<T> all;
#pragma unroll
  for (int k = 0; k < N; ++k) all.at[k] = i * N + k < n ? pack.at[k] : beyond;
  return all;
}

// A block has kForwardRows rows of a group, and goes through the inputs by as many as its eight packs a lane
// are; the weights to them lie in shared memory, an output behind another. kMost: outputs, at most.
constexpr int kForwardThreads = 128, kForwardRows = kForwardThreads / kLanes;
template <class T, bool kWide, int kMost>
__global__ void __launch_bounds__(kForwardThreads)
    narrow_forward_kernel(const __grid_constant__ Narrow<T> l, Activation activation) {
  constexpr int N = kWidest<T>, kPacks = 8, kInputs = kLanes * kPacks * N, kEach = kInputs / kForwardThreads;
  alignas(16) __shared__ T weights[kMost][kInputs + N];  // N: outputs begin in other banks
  const std::uint32_t lane = threadIdx.x % kLanes, row = blockIdx.x * kForwardRows + threadIdx.x / kLanes,
                      in = l.in, out = kMost == 1 ? 1 : l.out;
  for (std::int64_t group = blockIdx.y; group < l.groups; group += gridDim.y) {
    const T *x = l.input(group) + static_cast<std::int64_t>(min(row, l.rows - 1)) * in,
            *w = l.w + group * in * out;
    const T bias = lane < out ? l.b[group * out + lane] : T(0);
    T sum[kMost] = {};
    for (std::uint32_t first = 0; first < in; first += kInputs) {
      Widest<T> values[kPacks];
#pragma unroll
      for (int j = 0; j < kPacks; ++j) values[j] = ask<kWide>(x, in, first / N + lane + kLanes * j);
      T by[kEach][kMost];
#pragma unroll
      for (int j = 0; j < kEach; ++j)
#pragma unroll
        for (std::uint32_t i = 0; i < kMost; ++i)
          by[j][i] = i < out ? w[min(first + threadIdx.x + kForwardThreads * j, in - 1) * out + i] : T(0);
      all_asked();
#pragma unroll
      for (int j = 0; j < kEach; ++j)
#pragma unroll
        for (int i = 0; i < kMost; ++i) {
          const std::uint32_t k = threadIdx.x + kForwardThreads * j;
          weights[i][k] = first + k < in ? by[j][i] : T(0);
        }
      __syncthreads();
#pragma unroll
      for (int j = 0; j < kPacks; ++j) {
        const Widest<T> value = ended(values[j], in, first / N + lane + kLanes * j, T(0));
#pragma unroll
        for (int i = 0; i < kMost; ++i) {
          const Widest<T> weight = read_pack<N>(weights[i], lane + kLanes * j);
#pragma unroll
          for (int k = 0; k < N; ++k) sum[i] += value.at[k] * weight.at[k];
        }
      }
      __syncthreads();  // before the next ones
    }
    T mine = T(0);
#pragma unroll
    for (std::uint32_t i = 0; i < kMost; ++i) {
#pragma unroll
      for (int step = kLanes / 2; step > 0; step /= 2) sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], step);
      if (lane == i) mine = sum[i];
    }
    if (lane < out && row < l.rows)
      l.y[(group * l.rows + row) * out + lane] = activated(mine + bias, activation);
  }
}

// A block has kLanes packs of x's columns, behind the last of which one of ones stands, whose products are
// the bias gradient. Rows go to its slices in turn; those of a warp are added up first, then the warps.
constexpr int kGradientThreads = 512, kSlices = kGradientThreads / kLanes;
template <class T>
constexpr std::int64_t gradient_tiles(std::int64_t in) {
  return in / (kLanes * kWidest<T>)+1;
}
template <class T, bool kWide, int kMost>
__global__ void __launch_bounds__(kGradientThreads)
    narrow_gradients_kernel(const __grid_constant__ Narrow<T> l) {
  constexpr int N = kWidest<T>, kColumns = kLanes * N, kWarps = kGradientThreads / 32,
                kAtOnce = kMost > 1 && sizeof(T) > 4 ? 2 : 4;  // rows of a slice, as many as registers hold
  alignas(16) __shared__ T parts[kWarps][kMost][kColumns];
  const std::uint32_t lane = threadIdx.x % kLanes, slice = threadIdx.x / kLanes, warp = threadIdx.x / 32,
                      pack = blockIdx.x * kLanes + lane, rows = l.rows, in = l.in,
                      out = kMost == 1 ? 1 : l.out;
  for (std::int64_t group = blockIdx.y; group < l.groups; group += gridDim.y) {
    const T *x = l.input(group), *dy = l.dy + group * rows * out;
    Widest<T> sum[kMost] = {};
    for (std::uint32_t first = slice; first - slice % kRowsOfAWarp < rows; first += kSlices * kAtOnce) {
      Widest<T> values[kAtOnce];
      T d[kAtOnce][kMost];
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        const std::uint32_t row = min(first + j * kSlices, rows - 1);
        values[j] = ask<kWide>(x + row * in, in, pack);
#pragma unroll
        for (std::uint32_t i = 0; i < kMost; ++i) d[j][i] = i < out ? dy[row * out + i] : T(0);
      }
      all_asked();
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        const bool there = first + j * kSlices < rows;
        const Widest<T> value = there ? ended(values[j], in, pack, T(1)) : Widest<T>{};
#pragma unroll
        for (int i = 0; i < kMost; ++i)
#pragma unroll
          for (int k = 0; k < N; ++k) sum[i].at[k] += value.at[k] * (there ? d[j][i] : T(0));
      }
    }
#pragma unroll
    for (std::uint32_t i = 0; i < kMost; ++i) {
      if (i >= out) break;
#pragma unroll
      for (int step = kLanes; step < 32; step *= 2)
#pragma unroll
        for (int k = 0; k < N; ++k) sum[i].at[k] += __shfl_xor_sync(0xffffffffu, sum[i].at[k], step);
      if (slice % kRowsOfAWarp == 0) write_pack(parts[warp][i], lane, sum[i]);
    }
    __syncthreads();
    const std::uint32_t i = threadIdx.x / kColumns, column = blockIdx.x * kColumns + threadIdx.x % kColumns;
    if (i < out && column <= in) {
      T total = parts[0][i][threadIdx.x % kColumns];
#pragma unroll
      for (int other = 1; other < kWarps; ++other) total += parts[other][i][threadIdx.x % kColumns];
      (column < in ? l.dw + (group * in + column) * out : l.db + group * out)[i] = total;
    }
    __syncthreads();  // before the next group's
  }
}

// f with the form of a layer's kernels: kWide and kMost.
template <class T, class F>
void with_form(const ThinLayer& layer, F&& f) {
  const auto with_width = [&](auto wide) {
    if (layer.out == 1)
      f(wide, std::integral_constant<int, 1>{});
    else
      f(wide, std::integral_constant<int, kNarrowest>{});
  };
  if (layer.in % kWidest<T> == 0 && are_wide(layer.x))
    with_width(std::true_type{});
  else
    with_width(std::false_type{});
}

}  // namespace

void narrow_forward(const ThinLayer& layer, const void* w, const void* b, Activation activation, void* y,
                    device::Stream& stream) {
  with_float(layer.type, [&](auto t) {
    using T = decltype(t);
    Narrow<T> l(layer);
    l.w = static_cast<const T*>(w), l.b = static_cast<const T*>(b), l.y = static_cast<T*>(y);
    const dim3 grid(static_cast<unsigned>((layer.rows + kForwardRows - 1) / kForwardRows), groups_of(layer));
    with_form<T>(layer, [&](auto wide, auto most) {
      launch("layer of few outputs", narrow_forward_kernel<T, wide(), most()>, grid, kForwardThreads, stream,
             l, activation);
    });
  });
}

void narrow_gradients(const ThinLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream) {
  with_float(layer.type, [&](auto t) {
    using T = decltype(t);
    Narrow<T> l(layer);
    l.dy = static_cast<const T*>(dy), l.dw = static_cast<T*>(dw), l.db = static_cast<T*>(db);
    const dim3 grid(static_cast<unsigned>(gradient_tiles<T>(layer.in)), groups_of(layer));
    with_form<T>(layer, [&](auto wide, auto most) {
      launch("gradients of few outputs", narrow_gradients_kernel<T, wide(), most()>, grid, kGradientThreads,
             stream, l);
    });
  });
}

}  // namespace hardy::cuda
