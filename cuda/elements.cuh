// How kernels walk over elements.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace hardy::cuda {

// for (const std::int64_t i : every(n)): this thread's share of [0, n), the grid striding over it.
struct Every {
  struct Iterator {
    std::int64_t at, stride;
    __device__ std::int64_t operator*() const { return at; }
    __device__ void operator++() { at += stride; }
    __device__ bool operator!=(std::int64_t end) const { return at < end; }
  };
  std::int64_t n;
  __device__ Iterator begin() const {
    return {static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x,
            static_cast<std::int64_t>(gridDim.x) * blockDim.x};
  }
  __device__ std::int64_t end() const { return n; }
};
inline __device__ Every every(std::int64_t n) { return {n}; }

}  // namespace hardy::cuda
