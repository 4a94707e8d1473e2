// Sums over the rows of a matrix, one a column, where rows are many and columns few: a block to 32 columns,
// whose threads share the rows.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace hardy::cuda {

inline constexpr int kColumns = 32, kColumnSlices = 16;
inline constexpr int kColumnThreads = kColumns * kColumnSlices;  // of a block
inline __host__ __device__ std::int64_t column_tiles(std::int64_t columns) {
  return (columns + kColumns - 1) / kColumns;
}

// N sums at once, of what add(row, sum) adds to them for this thread's column, threadIdx.x % kColumns of the
// block's, where it has one (`mine`). All threads of the block call it; those of slice 0 (threadIdx.x <
// kColumns) get the sums. The order depends on the number of rows alone: slice s takes rows s, s + 16, ...,
// then halves are added.
template <int N, class T, class F>
__device__ void sum_rows(std::int64_t rows, bool mine, const F& add, T (&sum)[N]) {
  __shared__ T parts[N][kColumnSlices][kColumns];
  const int column = static_cast<int>(threadIdx.x) % kColumns,
            slice = static_cast<int>(threadIdx.x) / kColumns;
  for (int k = 0; k < N; ++k) sum[k] = 0;
  if (mine)
    for (std::int64_t row = slice; row < rows; row += kColumnSlices) add(row, sum);
  for (int k = 0; k < N; ++k) parts[k][slice][column] = sum[k];
  for (int half = kColumnSlices / 2; half > 0; half /= 2) {
    __syncthreads();
    if (slice < half)
      for (int k = 0; k < N; ++k) parts[k][slice][column] += parts[k][slice + half][column];
  }
  for (int k = 0; k < N; ++k) sum[k] = parts[k][slice][column];
}

}  // namespace hardy::cuda
