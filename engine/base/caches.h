// What a core of this machine has for caches, as the system tells it: products are cut to it
// (engine/ops/gemm.cc).
#pragma once

#include <cstdint>

namespace hardy {

// In bytes: level 1 for data and level 2 of one core, level 3 as its cores share it.
struct CacheSizes {
  std::int64_t l1 = 0, l2 = 0, l3 = 0;
  bool known = false;  // else l1 and l2 are what most cores have at least, and l3 is 0
};
// Read once, at the first call.
const CacheSizes& cache_sizes();

}  // namespace hardy
