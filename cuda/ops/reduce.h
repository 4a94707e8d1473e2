// Sums over the middle axis, for kernels that end in one.
#pragma once

#include <cstdint>

#include "engine/graph/device_kernels.h"

namespace hardy::cuda {

// x [outer, n, inner] -> y [outer, inner], f32 or f64, in an order that depends on n and inner alone.
void sum_middle(DType type, std::int64_t outer, std::int64_t n, std::int64_t inner, const void* x, void* y,
                device::Stream& stream);

}  // namespace hardy::cuda
