#include <algorithm>
#include <limits>

#include "cuda/elements.cuh"
#include "cuda/ops/activated.cuh"
#include "cuda/ops/narrow.h"
#include "cuda/ops/rounds.cuh"
#include "cuda/ops/shallow.h"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

struct Shallow {
  std::uint32_t groups, rows, in, out, sharing;
  const float *x, *w, *b, *dy;
  float *y, *dw, *db;

  // The rows that a group reads.
  __device__ const float* input(std::uint32_t group) const {
    return x + static_cast<std::int64_t>(group / sharing) * rows * in;
  }
};
using Four = Pack<float, 4>;

// Four numbers of a row of n that begin at `at`; zeros behind its end. kWide: rows are whole packs, in place.
template <bool kWide>
__device__ Four ask(const float* row, std::uint32_t n, std::uint32_t at) {
  Four pack{};
  if constexpr (kWide) {
    if (at < n) pack = read_pack<4>(row + at, 0);
  } else {
#pragma unroll
    for (std::uint32_t i = 0; i < 4; ++i)
      if (at + i < n) pack.at[i] = row[at + i];
  }
  return pack;
}
template <bool kWide>
__device__ void put(float* row, std::uint32_t n, std::uint32_t at, const Four& pack) {
  if constexpr (kWide) {
    if (at < n) write_pack(row + at, 0, pack);
  } else {
#pragma unroll
    for (std::uint32_t i = 0; i < 4; ++i)
      if (at + i < n) row[at + i] = pack.at[i];
  }
}

// So many inputs at once, a lane to each where x is read; rows of them lie in shared memory so that lanes
// that take four of neighbouring rows ask different banks.
constexpr std::uint32_t kDeep = 32, kPitch = kDeep + 4;

// A block has a tile of y, a thread four columns beside each other of kRowsOfAThread rows: of one where there
// are few, as where somebody acts. No bits depend on it.
constexpr std::uint32_t kForwardThreads = 128, kForwardColumns = 64, kForwardPacks = kForwardColumns / 4,
                        kRowStep = kForwardThreads / kForwardPacks, kForwardWarps = kForwardThreads / 32;
template <bool kWide, std::uint32_t kRowsOfAThread>
__global__ void __launch_bounds__(kForwardThreads, 4)
    shallow_forward_kernel(const __grid_constant__ Shallow l, Activation activation) {
  constexpr std::uint32_t kForwardRows = kRowsOfAThread * kRowStep;
  alignas(16) __shared__ float x_tile[kForwardRows][kPitch], w_tile[kDeep][kForwardColumns];
  const std::uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32,
                      within = threadIdx.x % kForwardPacks * 4, of = threadIdx.x / kForwardPacks,
                      across = (l.out + kForwardColumns - 1) / kForwardColumns,
                      row = blockIdx.x / across * kForwardRows,
                      column = blockIdx.x % across * kForwardColumns + within;
  for (std::uint32_t group = blockIdx.y; group < l.groups; group += gridDim.y) {
    const float *x = l.input(group), *w = l.w + static_cast<std::int64_t>(group) * l.in * l.out;
    const Four bias =
        l.b ? ask<kWide>(l.b + static_cast<std::int64_t>(group) * l.out, l.out, column) : Four{};
    float sum[kRowsOfAThread][4] = {};
    for (std::uint32_t first = 0; first < l.in; first += kDeep) {
      float values[kForwardRows / kForwardWarps];
      Four weights[kDeep / kRowStep];
#pragma unroll
      for (std::uint32_t j = 0; j < kForwardRows / kForwardWarps; ++j) {
        const std::uint32_t at = row + warp + kForwardWarps * j, k = first + lane;
        values[j] = at < l.rows && k < l.in ? x[at * l.in + k] : 0.0f;
      }
#pragma unroll
      for (std::uint32_t j = 0; j < kDeep / kRowStep; ++j) {
        const std::uint32_t k = first + of + kRowStep * j;
        weights[j] = k < l.in ? ask<kWide>(w + k * l.out, l.out, column) : Four{};
      }
      all_asked();
#pragma unroll
      for (std::uint32_t j = 0; j < kForwardRows / kForwardWarps; ++j)
        x_tile[warp + kForwardWarps * j][lane] = values[j];
#pragma unroll
      for (std::uint32_t j = 0; j < kDeep / kRowStep; ++j)
        write_pack(w_tile[of + kRowStep * j] + within, 0, weights[j]);
      __syncthreads();
      const std::uint32_t depth = row + of < l.rows && column < l.out ? min(l.in - first, kDeep) : 0;
      for (std::uint32_t k = 0; k < depth; k += 4) {
        Four by[4];
#pragma unroll
        for (std::uint32_t i = 0; i < 4; ++i) by[i] = read_pack<4>(w_tile[k + i] + within, 0);
#pragma unroll
        for (std::uint32_t r = 0; r < kRowsOfAThread; ++r) {
          const Four value = read_pack<4>(x_tile[of + kRowStep * r] + k, 0);
#pragma unroll
          for (int i = 0; i < 4; ++i)
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[r][c] += value.at[i] * by[i].at[c];
        }
      }
      __syncthreads();  // before the next ones
    }
#pragma unroll
    for (std::uint32_t r = 0; r < kRowsOfAThread; ++r) {
      const std::uint32_t at = row + of + kRowStep * r;
      if (at >= l.rows) break;
      Four y;
#pragma unroll
      for (int c = 0; c < 4; ++c) y.at[c] = activated(sum[r][c] + bias.at[c], activation);
      put<kWide>(l.y + (static_cast<std::int64_t>(group) * l.rows + at) * l.out, l.out, column, y);
    }
  }
}

// A block has eight packs of dy's columns and kDeep inputs, behind the last of which one of ones stands,
// whose products are the bias gradient. Each warp has kInputs of them, four rows at once, eight lanes to a
// row; a row is the next slice's, and there are eight.
constexpr std::uint32_t kGradientThreads = 256, kGradientWarps = kGradientThreads / 32, kLanes = 8,
                        kGradientColumns = kLanes * 4, kInputs = 8, kParts = kDeep / kInputs,
                        kSides = kGradientWarps / kParts, kSlices = kSides * (32 / kLanes), kAtOnce = 8,
                        kGradientRows = kSlices * kAtOnce;
template <bool kWide>
__global__ void __launch_bounds__(kGradientThreads, 2)
    shallow_gradients_kernel(const __grid_constant__ Shallow l) {
  alignas(16) __shared__ float x_tile[kGradientRows][kPitch], sums[kSlices][kDeep][kGradientColumns];
  static_assert(kDeep * kLanes == kGradientThreads);
  const std::uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, side = warp / kParts,
                      slice = side * (32 / kLanes) + lane / kLanes, mine = warp % kParts * kInputs,
                      pack = threadIdx.x % kLanes, column = blockIdx.x * kGradientColumns + pack * 4,
                      first_input = blockIdx.z * kDeep, all = l.in + (l.db ? 1 : 0);
  const bool any = first_input + mine < all && column < l.out;
  for (std::uint32_t group = blockIdx.y; group < l.groups; group += gridDim.y) {
    const float *x = l.input(group), *dy = l.dy + static_cast<std::int64_t>(group) * l.rows * l.out;
    Four sum[kInputs] = {};
    for (std::uint32_t first = 0; first < l.rows; first += kGradientRows) {
      Four d[kAtOnce];
      float values[kGradientRows / kGradientWarps];
#pragma unroll
      for (std::uint32_t j = 0; j < kAtOnce; ++j) {
        const std::uint32_t row = first + slice + kSlices * j;
        d[j] = any && row < l.rows ? ask<kWide>(dy + row * l.out, l.out, column) : Four{};
      }
#pragma unroll
      for (std::uint32_t j = 0; j < kGradientRows / kGradientWarps; ++j) {
        const std::uint32_t row = first + warp + kGradientWarps * j, k = first_input + lane;
        values[j] = row >= l.rows ? 0.0f : k < l.in ? x[row * l.in + k] : k == l.in ? 1.0f : 0.0f;
      }
      all_asked();
#pragma unroll
      for (std::uint32_t j = 0; j < kGradientRows / kGradientWarps; ++j)
        if (first + warp + kGradientWarps * j < l.rows) x_tile[warp + kGradientWarps * j][lane] = values[j];
      __syncthreads();
#pragma unroll
      for (std::uint32_t j = 0; j < kAtOnce; ++j) {
        if (!any || first + slice + kSlices * j >= l.rows) break;
#pragma unroll
        for (std::uint32_t i = 0; i < kInputs; i += 4) {
          const Four value = read_pack<4>(x_tile[slice + kSlices * j] + mine + i, 0);
#pragma unroll
          for (int k = 0; k < 4; ++k)
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[i + k].at[c] += value.at[k] * d[j].at[c];
        }
      }
      __syncthreads();  // before the next ones
    }
#pragma unroll
    for (std::uint32_t i = 0; i < kInputs && any; ++i)
      write_pack(sums[slice][mine + i] + pack * 4, 0, sum[i]);
    __syncthreads();
    const std::uint32_t of = threadIdx.x / kLanes, input = first_input + of;
    if (input < all && column < l.out) {
      Four total = read_pack<4>(sums[0][of] + pack * 4, 0);
#pragma unroll
      for (std::uint32_t other = 1; other < kSlices; ++other) {
        const Four more = read_pack<4>(sums[other][of] + pack * 4, 0);
#pragma unroll
        for (int c = 0; c < 4; ++c) total.at[c] += more.at[c];
      }
      float* to = input < l.in ? l.dw + (static_cast<std::int64_t>(group) * l.in + input) * l.out
                               : l.db + static_cast<std::int64_t>(group) * l.out;
      put<kWide>(to, l.out, column, total);
    }
    __syncthreads();  // before the next group's
  }
}

Shallow shallow(const ThinLayer& layer) {
  return {.groups = static_cast<std::uint32_t>(layer.groups),
          .rows = static_cast<std::uint32_t>(layer.rows),
          .in = static_cast<std::uint32_t>(layer.in),
          .out = static_cast<std::uint32_t>(layer.out),
          .sharing = static_cast<std::uint32_t>(layer.sharing),
          .x = static_cast<const float*>(layer.x),
          .w = nullptr,
          .b = nullptr,
          .dy = nullptr,
          .y = nullptr,
          .dw = nullptr,
          .db = nullptr};
}
unsigned tiles(std::int64_t n, std::int64_t each) { return static_cast<unsigned>((n + each - 1) / each); }

}  // namespace

bool is_shallow(const ThinLayer& layer) {
  return layer.type == DType::kF32 && layer.in <= (layer.sharing > 1 ? kShallowShared : kShallow) &&
         layer.out > kNarrowest &&
         layer.rows * std::max(layer.in, layer.out) <= std::numeric_limits<std::int32_t>::max();
}

void shallow_forward(const ThinLayer& layer, const void* w, const void* b, Activation activation, void* y,
                     device::Stream& stream) {
  Shallow l = shallow(layer);
  l.w = static_cast<const float*>(w), l.b = static_cast<const float*>(b), l.y = static_cast<float*>(y);
  const bool wide = layer.out % 4 == 0 && are_wide(w, b, y);
  const auto put = [&](auto kernel, std::int64_t rows_of_a_thread) {
    const dim3 grid(tiles(layer.rows, rows_of_a_thread * kRowStep) * tiles(layer.out, kForwardColumns),
                    groups_of(layer));
    launch("layer of few inputs", kernel, grid, kForwardThreads, stream, l, activation);
  };
  if (layer.rows <= kRowStep)
    put(wide ? shallow_forward_kernel<true, 1> : shallow_forward_kernel<false, 1>, 1);
  else
    put(wide ? shallow_forward_kernel<true, 8> : shallow_forward_kernel<false, 8>, 8);
}

void shallow_gradients(const ThinLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream) {
  Shallow l = shallow(layer);
  l.dy = static_cast<const float*>(dy), l.dw = static_cast<float*>(dw), l.db = static_cast<float*>(db);
  const dim3 grid(tiles(layer.out, kGradientColumns), groups_of(layer),
                  tiles(layer.in + (db ? 1 : 0), kDeep));
  const bool wide = layer.out % 4 == 0 && are_wide(dy, dw, db);
  launch("gradients of few inputs", wide ? shallow_gradients_kernel<true> : shallow_gradients_kernel<false>,
         grid, kGradientThreads, stream, l);
}

}  // namespace hardy::cuda
