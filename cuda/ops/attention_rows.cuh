// What both attention kernels do with a row's scores, so that a row has the same bits in both: kPanel keys at
// a time, whose weights a few neighbouring threads add up.
#pragma once

#include <cmath>

#include "cuda/block.cuh"
#include "cuda/elements.cuh"
#include "cuda/rounded.cuh"

namespace hardy::cuda {

inline constexpr int kPanel = kRowThreads;  // keys
template <class T>
inline constexpr int kParts = 16 / kWidest<T>;  // threads of one warp that add up a row's weights

// `mine` of the kParts<T> neighbours, combined; all of them get the result. All lanes of the warp call it.
template <class T, class Combine>
__device__ T over_parts(T mine, Combine combine) {
#pragma unroll
  for (int step = 1; step < kParts<T>; step *= 2)
    mine = combine(mine, __shfl_xor_sync(0xffffffffu, mine, step));
  return mine;
}

// A softmax over scores that come in panels: exponentials go by the largest score so far, and what was summed
// by a smaller one is shrunk.
template <class T>
struct RunningSoftmax {
  T top = -T(INFINITY), total = 0;

  // A panel whose largest score this is comes next. Returns the factor by which sums over earlier ones
  // shrink, as rounded products.
  __device__ T raise(T largest) {
    largest = LargerOf()(top, largest);
    const T shrink = exp(top - largest);
    top = largest;
    total = rounded_product(total, shrink);
    return shrink;
  }
  // Its `count` weights, exp(score - top), `step` apart.
  __device__ void add(const T* weights, int step, int count) {
    T sum = 0;
    for (int c = static_cast<int>(threadIdx.x) % kParts<T>; c < count; c += kParts<T>)
      sum += weights[c * step];
    total += over_parts(sum, Add());
  }
};

}  // namespace hardy::cuda
