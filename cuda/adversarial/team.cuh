// A replica is played by a team of threads of one block: who computes what, where its numbers stand, and
// operations that round as the CPU's do. Each number is one thread's, its sum in the CPU's order, so that
// bits depend neither on how many threads there are nor on who else plays.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "engine/linalg/simplex_formulas.h"

namespace hardy::cuda {

// The product is rounded before it is added to anything, as the CPU's is; nvcc would fuse the two.
inline __device__ double rounded(double a, double b) { return __dmul_rn(a, b); }

// e^x with the bits of engine/base/simd.h, so that exponential weights stay the CPU's, however long they
// play: x = n ln 2 + r, e^r by its series, times 2^n; 0 below -708, x <= 709.
inline __device__ double exponential(double x) {
  constexpr double factorials[] = {6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0,
                                   40320.0,      5040.0,      720.0,      120.0,     24.0,
                                   6.0,          2.0,         1.0,        1.0};
  const double safe = x < -708.0 ? -708.0 : x;
  const double shifted = std::fma(safe, 1.4426950408889634, 0x1.8p52), n = shifted - 0x1.8p52;
  double r = std::fma(n, -0x1.62e42fefa39efp-1, safe);
  r = std::fma(n, -0x1.abc9e3b39803fp-56, r);
  double sum = 1 / factorials[0];
#pragma unroll
  for (int i = 1; i < 14; ++i) sum = std::fma(sum, r, 1 / factorials[i]);
  const double scaled =
      __longlong_as_double((__double_as_longlong(shifted) << 52) + __double_as_longlong(sum));
  return x != x ? x : x < -708.0 ? 0.0 : scaled;
}

// A table of one replica: its neighbours in the block, if it has any (not kAlone), stand between its numbers.
template <bool kAlone>
struct Table {
  using Number = double;
  double* from;
  int step;
  __device__ double& operator[](int i) const { return from[kAlone ? i : i * step]; }
  __device__ Table at(int i) const { return {from + (kAlone ? i : i * step), step}; }
  // As a view of linalg/simplex_formulas.h.
  __device__ void put(std::int64_t a, double x) const { (*this)[static_cast<int>(a)] = x; }
  static __device__ double all(double x) { return x; }
  static __device__ double fma(double a, double b, double c) { return std::fma(a, b, c); }
  static __device__ double product(double a, double b) { return rounded(a, b); }
  static __device__ double exp(double x) { return exponential(x); }
  static __device__ bool any_greater(double a, double b) { return a > b; }
};

// The same table, of which the compiler does not know where it comes from, or how far its numbers stand
// apart. So it works out addresses of its numbers where they are used, and keeps no registers for all of them
// from one step to the next.
inline __device__ Table<true> forgotten(Table<true> x) {
#ifdef __CUDA_ARCH__
  asm volatile("" : "+l"(x.from));
#endif
  return x;
}
inline __device__ Table<false> forgotten(Table<false> x) {  // that it is shared memory must be known
#ifdef __CUDA_ARCH__
  asm volatile("" : "+r"(x.step));
#endif
  return x;
}

struct Team {
  int rank, size;
  // A team of one has nobody to wait for.
  __device__ void wait() const {
    if (size > 1) __syncthreads();
  }
  // f(i) for this thread's share of [0, n).
  template <class F>
  __device__ void share(int n, F f) const {
    for (int i = rank; i < n; i += size) f(i);
  }
  // f(h, i) for its share of [0, layers) x [0, n).
  template <class F>
  __device__ void share(int layers, int n, F f) const {
    int h = 0, i = rank;
    const auto settle = [&] {
      for (; i >= n && h < layers; i -= n) ++h;
    };
    for (settle(); h < layers; settle()) {
      f(h, i);
      i += size;
    }
  }
};

// sum + weight(0) x(0) + weight(1) x(1) + ..., fused, one after the other. A long one waits for its numbers'
// way from memory unless it asks for kAhead of them before it needs them.
template <int kAhead, class Weight, class X>
__device__ double chain(int n, double sum, Weight weight, X x) {
  int i = 0;
  if constexpr (kAhead > 1)
    if (n >= kAhead) {
      double ahead[kAhead];
#pragma unroll
      for (int r = 0; r < kAhead; ++r) ahead[r] = x(r);
      for (; i + kAhead <= n; i += kAhead) {
        const int next = i + 2 * kAhead <= n ? i + kAhead : i;  // the last numbers are asked for twice
#pragma unroll
        for (int r = 0; r < kAhead; ++r) {
          const double now = ahead[r];
          ahead[r] = x(next + r);
          sum = std::fma(weight(i + r), now, sum);
        }
      }
    }
#pragma unroll 4
  for (; i < n; ++i) sum = std::fma(weight(i), x(i), sum);
  return sum;
}

}  // namespace hardy::cuda
