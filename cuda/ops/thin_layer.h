// A layer of all agents and members with few inputs (shallow.h) or few outputs (narrow.h): its product is so
// thin that memory alone counts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/base/shape.h"

namespace hardy::cuda {

struct ThinLayer {
  DType type = DType::kF32;
  std::int64_t groups = 1, rows = 0, in = 0, out = 0;  // groups: of all agents and members
  std::int64_t sharing = 1;                            // groups in a row that read one x
  const void* x = nullptr;                             // [groups / sharing, rows, in]
};
// Of a grid's y, over which kernels of such layers stride.
inline unsigned groups_of(const ThinLayer& layer) {
  return static_cast<unsigned>(std::min<std::int64_t>(layer.groups, 65535));
}

}  // namespace hardy::cuda
