// What libhardy_nccl.so gives, by this name: the only part of Hardy that is linked with NCCL. The CUDA
// backend loads it from beside itself when several devices are to exchange memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace hardy::cuda {

class Exchange {
 public:
  virtual ~Exchange() = default;
  // One array element a device, in the order in which they were named. As device::Group has it.
  virtual void gather(const cudaStream_t* streams, void* const* all, std::size_t bytes) = 0;
  virtual void abandon() noexcept = 0;
};

}  // namespace hardy::cuda

extern "C" {
// Of `count` devices by their CUDA numbers; the caller's. An Error of a failed run where NCCL cannot begin.
hardy::cuda::Exchange* hardy_nccl_exchange(int count, const int* devices);
const char* hardy_nccl_version();  // "NCCL 2.28.9"
}
