// Products that are rounded before anything is added to them: nvcc would fuse the two.
#pragma once

#include <cuda_runtime.h>

namespace hardy::cuda {

inline __device__ float rounded_product(float a, float b) { return __fmul_rn(a, b); }
inline __device__ double rounded_product(double a, double b) { return __dmul_rn(a, b); }

}  // namespace hardy::cuda
