// Launching from emulated host code: what kernel<<<...>>>() becomes, and the runtime's templates.
#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cuda/emulation/device/execution.h"
#include "cuda/emulation/include/cuda_runtime_api.h"

namespace hardy::emulation {

struct KernelLaunch {
  const void* kernel = nullptr;
  dim3 grid, block;
  std::size_t dynamic_bytes = 0;
  std::function<void()> body;          // one thread's run
  std::vector<std::string> arguments;  // their bytes, for the interpreter of PTX
};
cudaError_t enqueue_kernel(KernelLaunch launch, cudaStream_t stream);
// Queues host code that works on device memory (library shims): runs in stream order, is captured too.
cudaError_t enqueue_library_call(cudaStream_t stream, const char* name, std::function<void()> work);
// Such code says what device memory it reads (in bounds, and initialised, or a report) and writes.
void library_reads(const void* from, std::size_t bytes, const char* who);
void library_writes(const void* to, std::size_t bytes);
// A pointer given to a kernel must be one that a device can follow.
void check_pointer_argument(const void* kernel, int index, const void* pointer);
cudaError_t set_function_attribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError_t get_function_attributes(cudaFuncAttributes* attributes, const void* kernel);
cudaError_t occupancy(int* blocks, const void* kernel, int block_size, std::size_t dynamic_bytes);

template <class... P, class... A>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t dynamic_bytes,
                   cudaStream_t stream, A&&... arguments) {
  const void* address = reinterpret_cast<const void*>(kernel);
  std::tuple<std::remove_cv_t<P>...> values(std::forward<A>(arguments)...);
  KernelLaunch work{address, grid, block, dynamic_bytes, {}, {}};
  std::apply(
      [&](const auto&... value) {
        int index = 0;
        const auto add = [&]<class T>(const T& v) {
          if constexpr (std::is_pointer_v<T>) check_pointer_argument(address, index, v);
          if constexpr (std::is_trivially_copyable_v<T>)
            work.arguments.emplace_back(reinterpret_cast<const char*>(&v), sizeof v);
          ++index;
        };
        (add(value), ...);
      },
      values);
  work.body = [kernel, values] { std::apply(kernel, values); };
  return enqueue_kernel(std::move(work), stream);
}

}  // namespace hardy::emulation

template <class... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute attribute, int value) {
  return hardy::emulation::set_function_attribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class... P>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(P...)) {
  return hardy::emulation::get_function_attributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class... P>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void (*kernel)(P...), int block_size,
                                                          std::size_t dynamic_bytes) {
  return hardy::emulation::occupancy(blocks, reinterpret_cast<const void*>(kernel), block_size,
                                     dynamic_bytes);
}
template <class T>
cudaError_t cudaMemcpyToSymbolAsync(T& symbol, const void* from, std::size_t bytes, std::size_t offset,
                                    cudaMemcpyKind kind, cudaStream_t stream) {
  if (offset + bytes > sizeof(T) || kind == cudaMemcpyDeviceToHost) return cudaErrorInvalidValue;
  const auto* begin = static_cast<const char*>(from);
  std::vector<char> staged(begin, begin + bytes);
  char* to = reinterpret_cast<char*>(&symbol) + offset;
  return hardy::emulation::enqueue_library_call(
      stream, "cudaMemcpyToSymbol",
      [to, staged = std::move(staged)] { std::memcpy(to, staged.data(), staged.size()); });
}
template <class T>
cudaError_t cudaMemcpyToSymbol(T& symbol, const void* from, std::size_t bytes, std::size_t offset = 0,
                               cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
  const cudaError_t error = cudaMemcpyToSymbolAsync(symbol, from, bytes, offset, kind, nullptr);
  return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}
