// For kernels that are as long as the rounds to memory that wait for one another: all that a thread needs of
// a few rows is asked for first, then all_asked(), then it is used.
#pragma once

#include <cuda_runtime.h>

namespace hardy::cuda {

// A warp comes here as one. The compiler, which saves registers, would else wait for one number before it
// asks for the next.
inline __device__ void all_asked() { __syncwarp(); }

}  // namespace hardy::cuda
