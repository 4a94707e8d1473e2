#include <algorithm>
#include <cstdint>

#include "cuda/capability.h"
#include "cuda/elements.cuh"
#include "cuda/ops/tensor_product.h"
#include "cuda/ops/tensor_tile.cuh"
#include "cuda/stream.h"
#include "cuda/tensor_cores.cuh"

namespace hardy::cuda {
namespace {

// What the tensor cores add up by themselves: so much of k. A number's bits depend on it.
constexpr std::uint32_t kChunk = 16;

// A block has a tile of C, each of its warps a part of that, kRows times 16 by kColumns times 8, and goes
// through k by kDepth. What is next comes out of memory into registers while the tensor cores are at what
// lies in shared memory, of which there are two.
template <int kM_, int kN_, int kDepth_, int kDown_, int kAcross_, int kResident_>
struct Shape {
  static constexpr int kM = kM_, kN = kN_, kDepth = kDepth_, kDown = kDown_, kAcross = kAcross_,
                       kBlock = kDown * kAcross * 32, kRows = kM / kDown / 16, kColumns = kN / kAcross / 8;
  // Blocks on a multiprocessor. Reading number by number takes more registers, and so do two transpositions.
  static constexpr int resident(bool transposed_a, bool transposed_b, int n) {
    return kResident_ > 2 && (n == 1 || (transposed_a && transposed_b)) ? kResident_ - 1 : kResident_;
  }
};
using Large = Shape<128, 64, 16, 2, 2, 2>;  // two blocks: one adds up while the other is at a barrier
using Middle = Shape<64, 64, 16, 2, 2, 4>;
using Small = Shape<32, 32, 64, 2, 2, 4>;  // few warps wait for memory: more of k at once

struct Matrices {
  const float *a, *b, *bias;
  float *c, *sums;
  std::int64_t stride_a, stride_b, stride_c, stride_bias, stride_sums;
  std::uint32_t m, n, k, count;
  bool accumulate;
  Activation activation;
};

// sum += A B over a chunk of k that begins with `step`, of what this lane takes from `a_tile` and `b_tile`
// on. The cores add to zero, for eight of k the smaller products first, and that is added to the sum by an
// addition that rounds to nearest: the cores' own are cut off, each some 2^-23 of what it has come to, six in
// a chunk (an f32 sum of 16 terms may lose 16 times 2^-24). Between two for the same numbers are all others:
// they wait for each other.
template <class S, class A, class B>
__device__ void multiply_chunk(const float* a_tile, const float* b_tile, std::uint32_t step,
                               float (&sum)[S::kRows][S::kColumns][4]) {
  float part[S::kRows][S::kColumns][4] = {};
#pragma unroll
  for (std::uint32_t of_chunk = 0; of_chunk < kChunk / kCoreDepth; ++of_chunk) {
    std::uint32_t a_big[S::kRows][4], a_small[S::kRows][4], b_big[S::kColumns][2], b_small[S::kColumns][2];
    {
      float a[S::kRows * 2][2], b[S::kColumns][2];
      A::take(a, a_tile, step + of_chunk);
      B::take(b, b_tile, step + of_chunk);
#pragma unroll
      for (int i = 0; i < S::kRows; ++i)
#pragma unroll
        for (int at = 0; at < 4; ++at) split(a[i * 2 + at % 2][at / 2], a_big[i][at], a_small[i][at]);
#pragma unroll
      for (int j = 0; j < S::kColumns; ++j)
#pragma unroll
        for (int at = 0; at < 2; ++at) split(b[j][at], b_big[j][at], b_small[j][at]);
    }
    const auto all = [&](const auto& of_a, const auto& of_b) {
#pragma unroll
      for (int i = 0; i < S::kRows; ++i)
#pragma unroll
        for (int j = 0; j < S::kColumns; ++j) multiply_add(part[i][j], of_a[i], of_b[j]);
    };
    all(a_small, b_big);
    all(a_big, b_small);
    all(a_big, b_big);
  }
#pragma unroll
  for (int i = 0; i < S::kRows; ++i)
#pragma unroll
    for (int j = 0; j < S::kColumns; ++j)
#pragma unroll
      for (int at = 0; at < 4; ++at) sum[i][j][at] += part[i][j][at];
}

template <int N>
__device__ Pack<float, N> finished(Pack<float, N> x, const Matrices& p, const float* c,
                                   const Pack<float, N>& bias) {
  if (p.accumulate) {
    const auto before = read_pack<N>(c, 0);
#pragma unroll
    for (int i = 0; i < N; ++i) x.at[i] += before.at[i];
  }
  if (p.bias) {
#pragma unroll
    for (int i = 0; i < N; ++i) x.at[i] += bias.at[i];
  }
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if (p.activation == Activation::kRelu) x.at[i] = x.at[i] < 0 ? 0.0f : x.at[i];  // NaN stays NaN
    if (p.activation == Activation::kTanh) x.at[i] = tanhf(x.at[i]);
  }
  return x;
}

// kTransposedA, kTransposedB: as Product has them. N: elements that are read and written at once, of lines
// that are made of such packs. As many blocks as find room share the tiles of all products: the first reads
// of a block's next tile are under way while it finishes one.
template <bool kTransposedA, bool kTransposedB, int N, class S>
__global__ void __launch_bounds__(S::kBlock, S::resident(kTransposedA, kTransposedB, N))
    tensor_product_kernel(const __grid_constant__ Matrices p) {
  using A = TensorTile<!kTransposedA, S::kM, S::kDepth, S::kRows * 2>;
  using B = TensorTile<kTransposedB, S::kN, S::kDepth, S::kColumns>;
  static_assert(S::kColumns <= 4 && S::kBlock >= S::kN);
  __shared__ __align__(16) float a_tiles[2][A::kSize], b_tiles[2][B::kSize];
  const std::uint32_t across = (p.n + S::kN - 1) / S::kN, tiles = (p.m + S::kM - 1) / S::kM * across,
                      rounds = (p.k + S::kDepth - 1) / S::kDepth, warp = threadIdx.x / 32,
                      g = threadIdx.x % 32 / 4, t = threadIdx.x % 4,
                      warp_row = warp / S::kAcross * (S::kM / S::kDown),
                      warp_column = warp % S::kAcross * (S::kN / S::kAcross);
  using NextA = TensorTileOnItsWay<!kTransposedA, A, S::kBlock, N>;
  using NextB = TensorTileOnItsWay<kTransposedB, B, S::kBlock, N>;
  const std::uint32_t takes_a = A::origin(warp_row, g, t), takes_b = B::origin(warp_column, g, t),
                      writes_a = NextA::origin(), writes_b = NextB::origin();
  NextA next_a;
  NextB next_b;
  std::uint32_t product = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  const auto read_next = [&] {
    next_a.read(p.m, p.k);
    next_b.read(p.n, p.k);
  };
  const auto begin = [&] {
    next_a.begin(p.a + product * p.stride_a, p.m, p.k, tile / across * S::kM);
    next_b.begin(p.b + product * p.stride_b, p.n, p.k, tile % across * S::kN);
    read_next();
  };
  begin();
  while (product < p.count) {
    const std::uint32_t row = tile / across * S::kM, column = tile % across * S::kN;
    const bool sums_columns = p.sums && row == 0 && threadIdx.x < S::kN;
    float sum[S::kRows][S::kColumns][4] = {}, column_sum = 0;
    next_a.write(a_tiles[0] + writes_a);
    next_b.write(b_tiles[0] + writes_b);
    __syncthreads();
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const bool more = round + 1 < rounds;
      if (more) read_next();
      const float *a_tile = a_tiles[round % 2], *b_tile = b_tiles[round % 2];
#pragma unroll
      for (std::uint32_t k = 0; k < S::kDepth; k += kChunk)
        multiply_chunk<S, A, B>(a_tile + takes_a, b_tile + takes_b, k / kCoreDepth, sum);
      if (sums_columns) {
#pragma unroll 1
        for (std::uint32_t chunk = 0; chunk < S::kDepth; chunk += kChunk) {
          const float* from = b_tile + B::place(threadIdx.x, chunk);
          float of_chunk = 0;
#pragma unroll
          for (std::uint32_t k = 0; k < kChunk; ++k) of_chunk += from[B::place(0, k)];
          column_sum += of_chunk;
        }
      }
      if (more) {
        next_a.write(a_tiles[(round + 1) % 2] + writes_a);
        next_b.write(b_tiles[(round + 1) % 2] + writes_b);
      }
      __syncthreads();
    }
    float* c = p.c + product * p.stride_c;
    const float* bias = p.bias + product * p.stride_bias;
    if (sums_columns && column + threadIdx.x < p.n)
      p.sums[product * p.stride_sums + column + threadIdx.x] = column_sum;
    tile += gridDim.x % tiles;
    product += gridDim.x / tiles + tile / tiles;
    tile %= tiles;
    if (product < p.count) begin();

    // A lane has two of the cores' columns, and of all of their pieces: side by side.
    const std::uint32_t x = column + B::line(warp_column, 2 * t, 0);
#pragma unroll
    for (int u = 0; u < S::kColumns * 2; u += N) {
      if (x + u >= p.n) continue;
      Pack<float, N> of_bias = {};
#pragma unroll
      for (int v = 0; v < N; ++v)
        if (p.bias) of_bias.at[v] = bias[x + u + v];
#pragma unroll
      for (int i = 0; i < S::kRows * 2; ++i) {
        const std::uint32_t y = row + A::line(warp_row, g, static_cast<std::uint32_t>(i));
        if (y >= p.m) continue;
        Pack<float, N> some;
#pragma unroll
        for (int v = 0; v < N; ++v)
          some.at[v] = sum[i / 2][(u + v) % S::kColumns][i % 2 * 2 + (u + v) / S::kColumns];
        float* at = c + (y * p.n + x + u);
        write_pack(at, 0, finished(some, p, at, of_bias));
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

std::int64_t multiprocessors() {
  int device = 0, count = 0;
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "asking for a device's size");
  return count;
}

std::int64_t tiles_of(const Product& p, std::int64_t m, std::int64_t n) {
  return (p.m + m - 1) / m * ((p.n + n - 1) / n) * p.count;
}

template <class S>
void put_tiles(const Matrices& matrices, const Product& p, device::Stream& stream) {
  const bool wide_lines = has_wide_lines(p);
  const std::int64_t resident = S::resident(p.transpose_a, p.transpose_b, wide_lines ? 4 : 1);
  const auto grid = static_cast<unsigned>(std::min(tiles_of(p, S::kM, S::kN), multiprocessors() * resident));
  const auto put = [&](auto wide, auto narrow) {
    launch("product on tensor cores", wide_lines ? wide : narrow, grid, S::kBlock, stream, matrices);
  };
  if (p.transpose_a && p.transpose_b)
    put(tensor_product_kernel<true, true, 4, S>, tensor_product_kernel<true, true, 1, S>);
  else if (p.transpose_a)
    put(tensor_product_kernel<true, false, 4, S>, tensor_product_kernel<true, false, 1, S>);
  else if (p.transpose_b)
    put(tensor_product_kernel<false, true, 4, S>, tensor_product_kernel<false, true, 1, S>);
  else
    put(tensor_product_kernel<false, false, 4, S>, tensor_product_kernel<false, false, 1, S>);
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
  check(cudaFuncGetAttributes(&code, tensor_product_kernel<false, false, 1, Small>),
        "loading products on tensor cores");
  if (code.ptxVersion < kTensorCoresSince)
    return Error("needs code for " + since + ", and " + name + " runs this build's for " +
                     capability_text(code.ptxVersion),
                 "--tf32x3", "leave it out, or build with -DHARDY_CUDA_ARCHITECTURES=native");
  return std::nullopt;
}

bool suits_tensor_cores(const Product& p) {
  constexpr std::int64_t kLeast = 32, kMost = std::int64_t{1} << 31;
  return p.type == DType::kF32 && std::min({p.m, p.n, p.k}) >= kLeast &&
         std::max({p.m * p.k, p.k * p.n, p.m * p.n, p.count}) < kMost;
}

TileSize tile_size(const Product& p, std::int64_t multiprocessors) {
  // None that would be empty by half, and so many for each multiprocessor (in halves) that few of them wait
  // for those which have one more.
  const auto are_enough = [&]<class S>(S, std::int64_t halves) {
    return p.m > S::kM / 2 && p.n > S::kN / 2 && 2 * tiles_of(p, S::kM, S::kN) >= halves * multiprocessors;
  };
  if (are_enough(Large{}, 6)) return TileSize::kLarge;
  return are_enough(Middle{}, 3) ? TileSize::kMiddle : TileSize::kSmall;
}

void multiply_on_tensor_cores(const Product& p, device::Stream& stream) {
  as_cuda(stream).handle();  // its device
  multiply_in_tiles(tile_size(p, multiprocessors()), p, stream);
}

void multiply_in_tiles(TileSize size, const Product& p, device::Stream& stream) {
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
  if (size == TileSize::kLarge)
    put_tiles<Large>(matrices, p, stream);
  else if (size == TileSize::kMiddle)
    put_tiles<Middle>(matrices, p, stream);
  else
    put_tiles<Small>(matrices, p, stream);
}

}  // namespace hardy::cuda
