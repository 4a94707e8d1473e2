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

// N elements that are read and written at once: 16 bytes are the most that one instruction moves.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};
template <class T>
inline constexpr int kWidest = 16 / static_cast<int>(sizeof(T));
// The i-th pack of what begins at p, on a multiple of the pack's size.
template <int N, class T>
__device__ Pack<T, N> read_pack(const T* p, std::int64_t i) {
  return reinterpret_cast<const Pack<T, N>*>(p)[i];
}
template <int N, class T>
__device__ void write_pack(T* p, std::int64_t i, const Pack<T, N>& pack) {
  reinterpret_cast<Pack<T, N>*>(p)[i] = pack;
}
// All begin on multiples of 16 bytes; null does.
template <class... P>
__host__ __device__ bool are_wide(const P*... p) {
  return ((reinterpret_cast<std::uintptr_t>(p) | ...) % 16) == 0;
}

}  // namespace hardy::cuda
