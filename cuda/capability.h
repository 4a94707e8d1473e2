// A GPU's compute capability: what its multiprocessors can do, and which code runs on them.
#pragma once

#include <string>

#include "cuda/stream.h"

namespace hardy::cuda {

// 75 for 7.5, as CUDA counts it for a kernel's code.
inline int capability_of(int device) {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
        "asking for the device's compute capability");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
        "asking for the device's compute capability");
  return 10 * major + minor;
}

inline std::string capability_text(int capability) {
  return std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

}  // namespace hardy::cuda
