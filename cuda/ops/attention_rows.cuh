// What both attention kernels do with a row's scores, kRowThreads of its keys at a time.
#pragma once

#include "cuda/block.cuh"

namespace hardy::cuda {

// A softmax over scores that come in blocks: exponentials go by the largest score so far, and what was summed
// by a smaller one is shrunk.
template <class T>
struct RunningSoftmax {
  T top = 0, total = 0;

  // Called by all threads with a score each; `mine`: the thread has one of its own, else it repeats
  // another's. Leaves each its weight in weight[threadIdx.x], for all to read, and returns the factor by
  // which sums over the blocks before shrink, 0 for the first one.
  __device__ T take(T score, bool mine, bool first, T* weight) {
    T largest = over_block(score, LargerOf());
    if (!first) largest = LargerOf()(top, largest);
    const T shrink = first ? T(0) : exp(top - largest), e = mine ? exp(score - largest) : T(0);
    top = largest;
    weight[threadIdx.x] = e;
    total = total * shrink + over_block(e, Add());  // which waits for all weights
    return shrink;
  }
};

}  // namespace hardy::cuda
