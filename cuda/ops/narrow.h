// Layers with few outputs, as heads have: so thin that cuBLASLt has no epilogue for them, and that memory
// alone counts. Each is one launch, with its bias and activation, or with its bias gradient.
#pragma once

#include "cuda/ops/thin_layer.h"
#include "engine/graph/device_kernels.h"
#include "engine/ops/gemm.h"

namespace hardy::cuda {

inline constexpr std::int64_t kNarrowest = 8;  // outputs, at most

// y = activation(x w + b); w [groups, in, out], b [groups, out], y [groups, rows, out].
void narrow_forward(const ThinLayer& layer, const void* w, const void* b, Activation activation, void* y,
                    device::Stream& stream);
// dw = x^T dy and db, the sums of dy over its rows. A block goes through all rows: they are few.
inline constexpr std::int64_t kNarrowRows = 1024;
void narrow_gradients(const ThinLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream);

}  // namespace hardy::cuda
