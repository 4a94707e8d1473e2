// What kernels with a block to a row share.
#pragma once

#include <cub/cub.cuh>

namespace hardy::cuda {

inline constexpr int kRowThreads = 128;

// `mine` of every thread of a block of kRowThreads, combined in a fixed order; all threads get the result.
template <class T, class Combine>
__device__ T over_block(T mine, Combine combine) {
  using Reduce = cub::BlockReduce<T, kRowThreads>;
  __shared__ typename Reduce::TempStorage storage;
  __shared__ T all;
  const T reduced = Reduce(storage).Reduce(mine, combine);
  if (threadIdx.x == 0) all = reduced;
  __syncthreads();
  const T result = all;
  __syncthreads();  // before either is used again
  return result;
}

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct LargerOf {  // a NaN is never lost
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a >= b || a != a ? a : b;
  }
};

}  // namespace hardy::cuda
