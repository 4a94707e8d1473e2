#include <algorithm>
#include <cstdint>

#include "cuda/capability.h"
#include "cuda/elements.cuh"
#include "cuda/ops/tensor_product.h"
#include "cuda/stream.h"
#include "cuda/tensor_cores.cuh"

namespace hardy::cuda {
namespace {

// A block has a tile of C, its four warps a quarter each, and goes through k by kDepth. What is next comes
// out of memory into registers while the tensor cores are at what lies in shared memory, of which there are
// two.
constexpr int kTile = 64, kDepth = 32, kBlock = 128;
constexpr int kOfAWarp = kTile / 2, kRows = kOfAWarp / 16, kColumns = kOfAWarp / 8;  // in the cores' pieces
constexpr int kHeld = kTile * kDepth / kBlock;  // elements of a tile that a thread brings

struct Matrices {
  const float *a, *b, *bias;
  float *c, *sums;
  std::int64_t stride_a, stride_b, stride_c, stride_bias, stride_sums;
  std::uint32_t m, n, k, count;
  bool accumulate;
  Activation activation;
};

// An operand's tile of kTile rows of op(A), or columns of op(B), by kDepth of k. In memory, and so here,
// either its k lie side by side (kAlongK) or those rows do. The padding behind a line makes the 32 words that
// a warp reads for the tensor cores lie in 32 banks.
template <bool kAlongK>
struct Tile {
  static constexpr int kLines = kAlongK ? kTile : kDepth, kLength = kAlongK ? kDepth : kTile;
  static constexpr int kPitch = kLength + (kAlongK ? 4 : 8), kSize = kLines * kPitch;

  static __device__ float at(const float* tile, std::uint32_t row, std::uint32_t k) {
    return kAlongK ? tile[row * kPitch + k] : tile[k * kPitch + row];
  }
};

// This thread's part of a tile on its way, N elements at once.
template <bool kAlongK, int N>
struct Held {
  using Of = Tile<kAlongK>;
  static constexpr std::uint32_t kPacksOfALine = Of::kLength / N;
  Pack<float, N> packs[kHeld / N];

  static constexpr std::uint32_t kStep =
      kBlock / kPacksOfALine;  // lines from one pack of a thread's to the next

  // From row `row` and `k` on, zeros beyond the operand's ends.
  __device__ void read(const float* matrix, std::uint32_t rows, std::uint32_t depth, std::uint32_t row,
                       std::uint32_t k) {
    const std::uint32_t lines = kAlongK ? rows : depth, length = kAlongK ? depth : rows,
                        line = (kAlongK ? row : k) + threadIdx.x / kPacksOfALine,
                        at = (kAlongK ? k : row) + threadIdx.x % kPacksOfALine * N,
                        within = at < length && line < lines ? (lines - line + kStep - 1) / kStep : 0;
    const float* from = matrix + (line * length + at);
#pragma unroll
    for (std::uint32_t i = 0; i < kHeld / N; ++i) {
      packs[i] = {};
      if (i < within) packs[i] = read_pack<N>(from + i * kStep * length, 0);
    }
  }
  __device__ void write(float* tile) const {
    float* to = tile + threadIdx.x / kPacksOfALine * Of::kPitch + threadIdx.x % kPacksOfALine * N;
#pragma unroll
    for (std::uint32_t i = 0; i < kHeld / N; ++i) write_pack(to + i * kStep * Of::kPitch, 0, packs[i]);
  }
};

// x = big + small to 2^-22 of x: what TF32 keeps, and what it keeps of the rest.
template <int N>
struct Split {
  std::uint32_t big[N], small[N];
  __device__ void set(int i, float x) {
    big[i] = to_tf32(x);
    small[i] = to_tf32(x - __uint_as_float(big[i]));
  }
};

// sum += A B over a tile's depth, of this warp's rows and columns. Eight of k at a time are added up by the
// tensor cores, the smaller products first, and their sum by an addition that rounds to nearest: the cores'
// own does not.
template <class A, class B>
__device__ void multiply_tiles(const float* a_tile, const float* b_tile, float (&sum)[kRows][kColumns][4]) {
  const std::uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, t = lane % 4,
                      row = warp / 2 * kOfAWarp + g, column = warp % 2 * kOfAWarp + g;
#pragma unroll 1
  for (std::uint32_t k = t; k < kDepth; k += 8) {
    Split<4> a[kRows];
    Split<2> b[kColumns];
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int part = 0; part < 4; ++part)
        a[i].set(part, A::at(a_tile, row + i * 16 + part % 2 * 8, k + part / 2 * 4));
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
#pragma unroll
      for (int part = 0; part < 2; ++part) b[j].set(part, B::at(b_tile, column + j * 8, k + part * 4));
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        float eight[4] = {};
        multiply_add(eight, a[i].small, b[j].big);
        multiply_add(eight, a[i].big, b[j].small);
        multiply_add(eight, a[i].big, b[j].big);
#pragma unroll
        for (int part = 0; part < 4; ++part) sum[i][j][part] += eight[part];
      }
  }
}

__device__ float finished(float x, const Matrices& p, const float* c, const float* bias,
                          std::uint32_t column) {
  if (p.accumulate) x += *c;
  if (bias) x += bias[column];
  if (p.activation == Activation::kRelu) x = x < 0 ? 0.0f : x;  // NaN stays NaN
  if (p.activation == Activation::kTanh) x = tanhf(x);
  return x;
}

// kTransposedA, kTransposedB: as Product has them. N: elements that are read at once, of lines that are made
// of such packs (C's columns go by two then).
template <bool kTransposedA, bool kTransposedB, int N>
__global__ void __launch_bounds__(kBlock, 3) tensor_product_kernel(const __grid_constant__ Matrices p) {
  using A = Tile<!kTransposedA>;
  using B = Tile<kTransposedB>;
  __shared__ __align__(16) float a_tiles[2][A::kSize], b_tiles[2][B::kSize];
  const std::uint32_t across = (p.n + kTile - 1) / kTile, row = blockIdx.x / across * kTile,
                      column = blockIdx.x % across * kTile, rounds = (p.k + kDepth - 1) / kDepth;
  const bool sums_columns = p.sums && row == 0 && threadIdx.x < kTile;
  for (std::uint32_t product = blockIdx.y; product < p.count; product += gridDim.y) {
    const float *a = p.a + product * p.stride_a, *b = p.b + product * p.stride_b;
    Held<!kTransposedA, N> next_a;
    Held<kTransposedB, N> next_b;
    float sum[kRows][kColumns][4] = {}, column_sum = 0;
    next_a.read(a, p.m, p.k, row, 0);
    next_b.read(b, p.n, p.k, column, 0);
    next_a.write(a_tiles[0]);
    next_b.write(b_tiles[0]);
    __syncthreads();
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const bool more = round + 1 < rounds;
      if (more) {
        next_a.read(a, p.m, p.k, row, (round + 1) * kDepth);
        next_b.read(b, p.n, p.k, column, (round + 1) * kDepth);
      }
      const float* b_tile = b_tiles[round % 2];
      multiply_tiles<A, B>(a_tiles[round % 2], b_tile, sum);
      if (sums_columns) {
        float of_tile = 0;
        for (std::uint32_t k = 0; k < kDepth; ++k) of_tile += B::at(b_tile, threadIdx.x, k);
        column_sum += of_tile;
      }
      if (more) {
        next_a.write(a_tiles[(round + 1) % 2]);
        next_b.write(b_tiles[(round + 1) % 2]);
      }
      __syncthreads();
    }
    if (sums_columns && column + threadIdx.x < p.n)
      p.sums[product * p.stride_sums + column + threadIdx.x] = column_sum;

    float* c = p.c + product * p.stride_c;
    const float* bias = p.bias ? p.bias + product * p.stride_bias : nullptr;
    const std::uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int j = 0; j < kColumns; ++j) {
          const std::uint32_t y = row + warp / 2 * kOfAWarp + i * 16 + half * 8 + lane / 4,
                              x = column + warp % 2 * kOfAWarp + j * 8 + lane % 4 * 2;
          if (y >= p.m || x >= p.n) continue;
          float* at = c + (y * p.n + x);
          const float first = finished(sum[i][j][half * 2], p, at, bias, x);
          if constexpr (N > 1) {  // n is even
            write_pack(at, 0,
                       Pack<float, 2>{first, finished(sum[i][j][half * 2 + 1], p, at + 1, bias, x + 1)});
          } else {
            *at = first;
            if (x + 1 < p.n) at[1] = finished(sum[i][j][half * 2 + 1], p, at + 1, bias, x + 1);
          }
        }
  }
}

// Whether each line of each matrix begins on a multiple of 16 bytes.
bool has_wide_lines(const Product& p) {
  const std::int64_t steps = p.count > 1 ? p.stride_a | p.stride_b | p.stride_c : 0;
  return are_wide(p.a, p.b, p.c) &&
         ((steps | p.n | (p.transpose_a ? p.m : p.k) | (p.transpose_b ? p.k : p.n)) % 4) == 0;
}

}  // namespace

std::optional<Error> lack_of_tensor_cores(int device) {
  const std::string name = std::string(kBackend) + ":" + std::to_string(device),
                    since = "compute capability " + capability_text(kTensorCoresSince);
  if (const int has = capability_of(device); has < kTensorCoresSince)
    return Error("needs " + since + ", and " + name + " has " + capability_text(has), "--tf32x3",
                 "leave it out");
  check(cudaSetDevice(device), "choosing the device");
  cudaFuncAttributes code{};
  check(cudaFuncGetAttributes(&code, tensor_product_kernel<false, false, 1>),
        "loading products on tensor cores");
  if (code.ptxVersion < kTensorCoresSince)
    return Error("needs code for " + since + ", and " + name + " runs this build's for " +
                     capability_text(code.ptxVersion),
                 "--tf32x3", "leave it out, or build with -DHARDY_CUDA_ARCHITECTURES=native");
  return std::nullopt;
}

bool suits_tensor_cores(const Product& p) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  return p.type == DType::kF32 && std::min({p.m, p.n, p.k}) >= kDepth &&
         std::max({p.m * p.k, p.k * p.n, p.m * p.n, p.count}) < kMost;
}

void multiply_on_tensor_cores(const Product& p, device::Stream& stream) {
  const Matrices matrices{.a = static_cast<const float*>(p.a),
                          .b = static_cast<const float*>(p.b),
                          .bias = static_cast<const float*>(p.bias),
                          .c = static_cast<float*>(p.c),
                          .sums = static_cast<float*>(p.column_sums),
                          .stride_a = p.stride_a,
                          .stride_b = p.stride_b,
                          .stride_c = p.stride_c,
                          .stride_bias = p.stride_bias,
                          .stride_sums = p.stride_sums,
                          .m = static_cast<std::uint32_t>(p.m),
                          .n = static_cast<std::uint32_t>(p.n),
                          .k = static_cast<std::uint32_t>(p.k),
                          .count = static_cast<std::uint32_t>(p.count),
                          .accumulate = p.accumulate,
                          .activation = p.activation};
  const dim3 grid(static_cast<unsigned>((p.m + kTile - 1) / kTile * ((p.n + kTile - 1) / kTile)),
                  static_cast<unsigned>(std::min<std::int64_t>(p.count, 65535)));
  const auto put = [&](auto wide, auto narrow) {
    launch("product on tensor cores", has_wide_lines(p) ? wide : narrow, grid, kBlock, stream, matrices);
  };
  if (p.transpose_a && p.transpose_b)
    put(tensor_product_kernel<true, true, 4>, tensor_product_kernel<true, true, 1>);
  else if (p.transpose_a)
    put(tensor_product_kernel<true, false, 4>, tensor_product_kernel<true, false, 1>);
  else if (p.transpose_b)
    put(tensor_product_kernel<false, true, 4>, tensor_product_kernel<false, true, 1>);
  else
    put(tensor_product_kernel<false, false, 4>, tensor_product_kernel<false, false, 1>);
}

}  // namespace hardy::cuda
