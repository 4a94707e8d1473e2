// What a CUDA thread sees of the machine: qualifiers, its indices, block barriers and fences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cuda/emulation/include/vector_types.h"

// Blocks run one after the other on one thread of the host, so that a plain static is a block's shared
// memory. Protected visibility marks a kernel in the symbol table (check/symbols.h).
#define __global__ __attribute__((visibility("protected"), noinline))
#define __device__
#define __host__
#define __constant__
#define __shared__ static
#define __managed__
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__

// Constant to each CUDA thread; the scheduler sets them when it switches (run/block.cc).
extern const uint3 threadIdx, blockIdx;
extern const dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace hardy::emulation {

// Where device code calls from: a default argument takes the caller's place in the source.
struct Site {
  const char* file;
  int line;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

enum class BarrierKind { kPlain, kCount, kAnd, kOr };
// All threads of the block that have not exited meet; returns the reduction of `predicate`.
int block_barrier(BarrierKind kind, bool predicate, Site site);
void fence();  // __threadfence: orders this thread's writes before its later atomics
void yield();  // lets the block's other threads go on
[[noreturn]] void trap(Site site, const char* message);  // the launch fails, as __trap() makes it on a GPU
[[noreturn]] void report_block_size(int wanted, Site site);  // a block primitive made for another size
void* dynamic_shared();                                      // the running block's dynamic shared memory
unsigned thread_rank();  // x + y * blockDim.x + z * blockDim.x * blockDim.y
inline unsigned lane() { return thread_rank() % 32; }

template <class T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace hardy::emulation

inline void __syncthreads(hardy::emulation::Site site = hardy::emulation::Site::here()) {
  hardy::emulation::block_barrier(hardy::emulation::BarrierKind::kPlain, false, site);
}
inline int __syncthreads_count(int predicate, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::block_barrier(hardy::emulation::BarrierKind::kCount, predicate != 0, site);
}
inline int __syncthreads_and(int predicate, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::block_barrier(hardy::emulation::BarrierKind::kAnd, predicate != 0, site);
}
inline int __syncthreads_or(int predicate, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::block_barrier(hardy::emulation::BarrierKind::kOr, predicate != 0, site);
}
inline void __threadfence() { hardy::emulation::fence(); }
inline void __threadfence_block() { hardy::emulation::fence(); }
inline void __threadfence_system() { hardy::emulation::fence(); }
inline void __nanosleep(unsigned) { hardy::emulation::yield(); }
[[noreturn]] inline void __trap(hardy::emulation::Site site = hardy::emulation::Site::here()) {
  hardy::emulation::trap(site, "__trap()");
}
