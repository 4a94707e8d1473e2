// Layers with few inputs, as first layers have. cuBLASLt's tiles are deep, and it takes members that share
// their inputs one after another; here a layer is one launch, with its bias and activation, or with its bias
// gradient.
#pragma once

#include "cuda/ops/thin_layer.h"
#include "engine/graph/device_kernels.h"
#include "engine/ops/gemm.h"

namespace hardy::cuda {

// Whether a layer is these kernels': f32, few inputs, or somewhat more that several share, and outputs that
// are no head's.
inline constexpr std::int64_t kShallow = 32, kShallowShared = 64;
bool is_shallow(const ThinLayer& layer);

// y = activation(x w + b); w [groups, in, out], b [groups, out] or null, y [groups, rows, out].
void shallow_forward(const ThinLayer& layer, const void* w, const void* b, Activation activation, void* y,
                     device::Stream& stream);
// dw = x^T dy and, where it is wanted, db, the sums of dy over its rows. A block goes through all rows: they
// are few.
inline constexpr std::int64_t kShallowRows = 1024;
void shallow_gradients(const ThinLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream);

}  // namespace hardy::cuda
