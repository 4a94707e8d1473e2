// Layers with few outputs, as heads have: so thin that cuBLASLt has no epilogue for them, and that memory
// alone counts. Each is one launch, with its bias and activation, or with its bias gradient.
#pragma once

#include <cstdint>

#include "engine/graph/device_kernels.h"
#include "engine/ops/gemm.h"

namespace hardy::cuda {

inline constexpr std::int64_t kNarrowest = 8;  // outputs, at most

struct NarrowLayer {
  DType type = DType::kF32;
  std::int64_t groups = 1, rows = 0, in = 0, out = 0;  // groups: of all agents and members
  std::int64_t sharing = 1;                            // groups in a row that read one x
  const void* x = nullptr;                             // [groups / sharing, rows, in]
};

// y = activation(x w + b); w [groups, in, out], b [groups, out], y [groups, rows, out].
void narrow_forward(const NarrowLayer& layer, const void* w, const void* b, Activation activation, void* y,
                    device::Stream& stream);
// dw = x^T dy and db, the sums of dy over its rows. A block goes through all rows: they are few.
inline constexpr std::int64_t kNarrowRows = 1024;
void narrow_gradients(const NarrowLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream);

}  // namespace hardy::cuda
