// Rows of logits on a device (engine/ops/token_rows.h): products of a chunk of rows in the stream's scratch,
// then a block to a row.
#pragma once

#include <cub/cub.cuh>

#include "cuda/block.cuh"
#include "cuda/elements.cuh"
#include "cuda/ops/product.h"
#include "cuda/stream.h"

namespace hardy::cuda {

struct TokenSizes {
  std::int64_t A, N, d, V;
  TokenSizes(const Shape& hidden, const Shape& weight)
      : A(weight[0]), N(hidden[0] * hidden[1] / weight[0]), d(hidden[2]), V(weight[1]) {}
  // Rows of each agent whose logits are held at once.
  std::int64_t chunk() const {
    return std::min(N, std::clamp<std::int64_t>((1 << 21) / (A * V), 64, 1 << 15));
  }
};

// f(first, rows, logits) for each chunk; logits [A, rows, V] hold the products of the rows from `first` on.
template <class T, class F>
void for_chunks(const TokenSizes& n, const T* hidden, const T* weight, device::Stream& stream, F&& f) {
  const std::int64_t most = n.chunk();
  T* logits =
      static_cast<T*>(as_cuda(stream).scratch(static_cast<std::size_t>(n.A * most * n.V) * sizeof(T)));
  for (std::int64_t first = 0; first < n.N; first += most) {
    const std::int64_t rows = std::min(most, n.N - first);
    Product p;
    p.type = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
    p.m = rows, p.n = n.V, p.k = n.d, p.count = n.A;
    p.a = hidden + first * n.d, p.stride_a = n.N * n.d;
    p.b = weight, p.stride_b = n.V * n.d, p.transpose_b = true;
    p.c = logits, p.stride_c = rows * n.V;
    multiply(p, stream);
    f(first, rows, logits);
  }
}

// This block's row of a chunk: agent a's row first + i, its logits at `logits`.
struct ChunkRow {
  std::int64_t at, logits;
  __device__ ChunkRow(std::int64_t N, std::int64_t V, std::int64_t first, std::int64_t rows)
      : at(blockIdx.x / rows * N + first + blockIdx.x % rows), logits(blockIdx.x * V) {}
};

// As engine/ops/token_rows.h has it.
template <class T>
struct TokenRow {
  T top, total, log_total, entropy;
};
template <class T>
__device__ TokenRow<T> token_row(T* z, std::int64_t V, T scale) {
  TokenRow<T> row;
  T top = -T(INFINITY), total = 0, products = 0;
  for (std::int64_t j = threadIdx.x; j < V; j += kRowThreads) top = LargerOf()(top, z[j] *= scale);
  row.top = over_block(top, LargerOf());
  for (std::int64_t j = threadIdx.x; j < V; j += kRowThreads) {
    const T x = z[j] - row.top, e = exp(x);
    total += e;
    products += e > T(0) ? e * x : e;  // a NaN stays
  }
  row.total = over_block(total, Add());
  row.log_total = log(row.total);
  row.entropy = row.log_total - over_block(products, Add()) / row.total;
  return row;
}

}  // namespace hardy::cuda
