// An activation behind a product, in the kernel that makes the product.
#pragma once

#include <cuda_runtime.h>

#include "engine/ops/gemm.h"

namespace hardy::cuda {

template <class T>
__device__ T activated(T x, Activation activation) {
  if (activation == Activation::kRelu) return x < T(0) ? T(0) : x;  // NaN stays NaN
  return activation == Activation::kTanh ? tanh(x) : x;
}

}  // namespace hardy::cuda
