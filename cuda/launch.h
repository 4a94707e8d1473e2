// The launch layer: all that a kernel source must not spell the plain CUDA way, so that nvcc compiles it
// for a GPU and the host's compiler for the emulation.
//   hardy::cuda::launch(kernel, grid, block, bytes, stream, a, b)
//       for kernel<<<grid, block, bytes, stream>>>(a, b)
//   HARDY_DYNAMIC_SHARED(T, name);
//       for extern __shared__ T name[];
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#ifdef HARDY_CUDA_EMULATION
#define HARDY_DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(::hardy::emulation::dynamic_shared())
#else
#define HARDY_DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char hardy_dynamic_shared_bytes[]; \
  T* name = reinterpret_cast<T*>(hardy_dynamic_shared_bytes)
#endif

namespace hardy::cuda {

// Queues kernel(arguments...) on `stream`; `dynamic_bytes` of dynamic shared memory for each block. Returns
// what cudaGetLastError() says of the launch itself.
template <class... P, class... A>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t dynamic_bytes,
                   cudaStream_t stream, A&&... arguments) {
#ifdef HARDY_CUDA_EMULATION
  return ::hardy::emulation::launch(kernel, grid, block, dynamic_bytes, stream,
                                    std::forward<A>(arguments)...);
#else
  // It would take >>> for the end of templates.
  // clang-format off
  kernel<<<grid, block, dynamic_bytes, stream>>>(std::forward<A>(arguments)...);
  // clang-format on
  return cudaGetLastError();
#endif
}

}  // namespace hardy::cuda
