// Allocation, copies and fills.
#include "cuda/emulation/run/memory.h"

#include <cstring>
#include <memory>
#include <string>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

// Whether the addresses suit `kind`; pinned memory passes for either side.
bool directions_fit(const void* to, const void* from, cudaMemcpyKind kind) {
  const DeviceMemory& m = device_memory();
  const bool to_device = m.contains(to), from_device = m.contains(from);
  const bool to_pinned = m.is_pinned(to), from_pinned = m.is_pinned(from);
  switch (kind) {
    case cudaMemcpyDefault:
      return true;
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return (to_device || to_pinned) && !from_device;
    case cudaMemcpyDeviceToHost:
      return !to_device && (from_device || from_pinned);
    case cudaMemcpyDeviceToDevice:
      return (to_device || to_pinned) && (from_device || from_pinned);
  }
  return false;
}

cudaError_t check_copy(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const DeviceMemory& m = device_memory();
  const bool fits = m.in_bounds(to, bytes) && m.in_bounds(from, bytes) && directions_fit(to, from, kind);
  return fits ? cudaSuccess : remember(cudaErrorInvalidValue);
}

void copy(void* to, const void* from, std::size_t bytes) {
  const DeviceMemory& m = device_memory();
  if (!m.in_bounds(to, bytes) || !m.in_bounds(from, bytes))  // freed between the call and its turn
    fail("a copy of %zu bytes reaches device memory that was freed meanwhile", bytes);
  if (m.contains(to) != m.contains(from)) ++counters().host_copies;
  std::memmove(to, from, bytes);
  checker().copied(to, from, bytes);
}

bool is_pageable(const void* pointer) {
  return !device_memory().contains(pointer) && !device_memory().is_pinned(pointer);
}
// From pageable memory: its bytes are staged before the call returns, they arrive in the stream's order.
cudaError_t enqueue_staged_copy(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  auto staged = std::make_shared<const std::string>(static_cast<const char*>(from), bytes);
  return enqueue(stream, {WorkKind::kCopy, [=] { copy(to, staged->data(), bytes); }});
}

cudaError_t enqueue_copy(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  return enqueue(stream, {WorkKind::kCopy, [=] { copy(to, from, bytes); }});
}

cudaError_t enqueue_set(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  const ApiCall api;
  if (!device_memory().in_bounds(pointer, bytes)) return remember(cudaErrorInvalidValue);
  return enqueue(stream, {WorkKind::kSet, [=] {
                            std::memset(pointer, value, bytes);
                            checker().written(pointer, bytes);
                          }});
}

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  const ApiCall api;
  if (pointer == nullptr) return remember(cudaErrorInvalidValue);
  if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
  if (const cudaError_t error = sticky_error(current_device()); error != cudaSuccess) return error;
  *pointer = bytes == 0 ? nullptr : device_memory().allocate(bytes, current_device());
  return bytes != 0 && *pointer == nullptr ? remember(cudaErrorMemoryAllocation) : cudaSuccess;
}
cudaError_t cudaFree(void* pointer) {
  const ApiCall api;
  if (pointer == nullptr) return cudaSuccess;
  if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
  run_all();
  return device_memory().release(pointer) ? cudaSuccess : remember(cudaErrorInvalidValue);
}
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t) {
  return cudaMalloc(pointer, bytes);
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  const ApiCall api;
  return enqueue(stream, {WorkKind::kHost, [pointer] {
                            if (!device_memory().release(pointer))
                              fail("cudaFreeAsync of %p, which is no live allocation", pointer);
                          }});
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  const ApiCall api;
  *pointer = device_memory().allocate_pinned(bytes);
  return *pointer == nullptr ? remember(cudaErrorMemoryAllocation) : cudaSuccess;
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaMallocManaged(void** pointer, std::size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) {
  const ApiCall api;
  if (pointer == nullptr) return cudaSuccess;
  run_all();
  return device_memory().release_pinned(pointer) ? cudaSuccess : remember(cudaErrorInvalidValue);
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const ApiCall api;
  void* p = const_cast<void*>(pointer);
  *attributes = {cudaMemoryTypeUnregistered, -1, nullptr, p};
  if (device_memory().contains(pointer)) *attributes = {cudaMemoryTypeDevice, 0, p, nullptr};
  if (device_memory().is_pinned(pointer)) *attributes = {cudaMemoryTypeHost, 0, p, p};
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const ApiCall api;
  if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
  if (const cudaError_t error = check_copy(to, from, bytes, kind); error != cudaSuccess) return error;
  if (device_memory().contains(to) && is_pageable(from)) {
    // What was in the default stream is waited for, the transfer of the staged bytes is not.
    if (const cudaError_t error = cudaStreamSynchronize(nullptr); error != cudaSuccess) return error;
    return enqueue_staged_copy(to, from, bytes, nullptr);
  }
  if (const cudaError_t error = enqueue_copy(to, from, bytes, nullptr); error != cudaSuccess) return error;
  return cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const ApiCall api;
  if (const cudaError_t error = check_copy(to, from, bytes, kind); error != cudaSuccess) return error;
  const bool capturing = resolve(stream)->capture != nullptr;
  if (!capturing && is_pageable(from)) return enqueue_staged_copy(to, from, bytes, stream);
  const cudaError_t error = enqueue_copy(to, from, bytes, stream);
  if (error == cudaSuccess && !capturing && is_pageable(to))
    return cudaStreamSynchronize(stream);  // to pageable memory: as if synchronous
  return error;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  for (std::size_t row = 0; row < height; ++row)
    if (const cudaError_t error =
            cudaMemcpyAsync(static_cast<char*>(to) + row * to_pitch,
                            static_cast<const char*>(from) + row * from_pitch, width, kind, stream);
        error != cudaSuccess)
      return error;
  return cudaSuccess;
}
cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  return enqueue_set(pointer, value, bytes, nullptr);
}
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  return enqueue_set(pointer, value, bytes, stream);
}
}
