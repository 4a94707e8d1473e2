#include "datasets/formats/hdf5_library.h"

#include <hdf5.h>

namespace hardy::datasets {

std::string hdf5_library() {
  unsigned major = 0, minor = 0, patch = 0;
  H5get_libversion(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace hardy::datasets
