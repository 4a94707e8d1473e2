// Returns and lengths of the episodes of arrays in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/formats/hdf5_file.h"

namespace hardy::datasets {

// Returns and lengths of the file's episodes: cut at terminals, timeouts, and the end of the file.
struct Episodes {
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
  std::int64_t terminated = 0, timed_out = 0;
};
Episodes episodes_of(const Arrays& arrays);

}  // namespace hardy::datasets
