// Kernels that are run twice: as the host's compiler builds them, and from the PTX that nvcc makes of them.
#pragma once

#include <cub/cub.cuh>

#include "cuda/launch.h"
#include "engine/base/random.h"

namespace hardy::samples {

__global__ void axpy(float a, const float* x, float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] = fmaf(a, x[i], y[i]);
}

// C[m, n] = A[m, k] B[k, n], row-major; tiles of 16 in shared memory, sums in ascending k.
__global__ void product(int m, int n, int k, const float* a, const float* b, float* c) {
  constexpr int kTile = 16;
  __shared__ float of_a[kTile][kTile], of_b[kTile][kTile];
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * kTile + ty,
            column = static_cast<int>(blockIdx.x) * kTile + tx;
  float sum = 0.0f;
  for (int first = 0; first < k; first += kTile) {
    of_a[ty][tx] = row < m && first + tx < k ? a[row * k + first + tx] : 0.0f;
    of_b[ty][tx] = column < n && first + ty < k ? b[(first + ty) * n + column] : 0.0f;
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum = fmaf(of_a[ty][i], of_b[i][tx], sum);
    __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

// A row's softmax, a warp to a row.
__global__ void softmax(const float* x, float* y, int rows, int columns) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) / 32,
            lane = static_cast<int>(threadIdx.x) % 32;
  if (row >= rows) return;
  float most = -INFINITY, sum = 0.0f;
  for (int j = lane; j < columns; j += 32) most = fmaxf(most, x[row * columns + j]);
  for (int d = 16; d > 0; d /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, d));
  for (int j = lane; j < columns; j += 32) sum += expf(x[row * columns + j] - most);
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
  for (int j = lane; j < columns; j += 32) y[row * columns + j] = expf(x[row * columns + j] - most) / sum;
}

// The sum of whole numbers by CUB: exact in any order.
template <int kThreads>
__global__ void sum_by_cub(const int* x, int n, int* out) {
  using Reduce = cub::BlockReduce<int, kThreads>;
  __shared__ typename Reduce::TempStorage storage;
  int mine = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kThreads) mine += x[i];
  const int sum = Reduce(storage).Sum(mine);
  if (threadIdx.x == 0) *out = sum;
}

__global__ void histogram(const int* bin, int n, int* counts) {
  HARDY_DYNAMIC_SHARED(int, mine);
  if (threadIdx.x < 8) mine[threadIdx.x] = 0;
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x))
    atomicAdd(&mine[bin[i] & 7], 1);
  __syncthreads();
  if (threadIdx.x < 8) atomicAdd(&counts[threadIdx.x], mine[threadIdx.x]);
}

// The engine's own generator.
__global__ void draw(unsigned long long seed, unsigned long long step, unsigned* bits, float* uniform,
                     int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  const Random random(seed, RandomStream::kNoise, step);
  bits[i] = random.bits(static_cast<unsigned>(i));
  uniform[i] = random.uniform(static_cast<unsigned>(i));
}

// Double precision, with a division, a root and a branch.
__global__ void roots(const double* x, double* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] = x[i] < 0 ? -sqrt(-x[i]) / 3 : sqrt(x[i]) / 3;
}

}  // namespace hardy::samples
