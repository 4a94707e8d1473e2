#include "engine/base/caches.h"

#include <fstream>
#include <string>

namespace hardy {
namespace {

constexpr CacheSizes kUnknown{32 << 10, 256 << 10, 0, false};

// The system's list of the first core's caches: "48K" or "2M", of a level, for "Data" or for "Unified" use.
CacheSizes read() {
  CacheSizes sizes{0, 0, 0, true};
  for (int index = 0;; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    int level = 0;
    std::string type;
    std::int64_t size = 0;
    char unit = ' ';
    if (!(std::ifstream(folder + "/level") >> level)) break;
    std::ifstream(folder + "/type") >> type;
    std::ifstream(folder + "/size") >> size >> unit;
    if (type == "Instruction") continue;
    if (unit == 'K') size <<= 10;
    if (unit == 'M') size <<= 20;
    (level == 1 ? sizes.l1 : level == 2 ? sizes.l2 : sizes.l3) = size;
  }
  return sizes.l1 > 0 && sizes.l2 > 0 ? sizes : kUnknown;
}

}  // namespace

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes = read();
  return sizes;
}

}  // namespace hardy
