// What the device-wide algorithms share: the call for the size of temporary storage, and checked access.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

namespace cub::detail {

inline constexpr std::size_t kTemporaryBytes = 256;

// CUB's protocol: without storage only its size is given; with it `work` is queued.
template <class Work>
cudaError_t device_call(const char* name, void* storage, std::size_t& bytes, cudaStream_t stream, Work work) {
  if (storage == nullptr) {
    bytes = kTemporaryBytes;
    return cudaSuccess;
  }
  if (bytes < kTemporaryBytes) return cudaErrorInvalidValue;
  return hardy::emulation::enqueue_library_call(stream, name, std::move(work));
}

template <class Iterator>
using value_of = std::decay_t<decltype(*std::declval<Iterator>())>;

// Pointers are checked; what other iterators read is their own matter.
template <class Iterator, class N>
void reads(Iterator from, N n, const char* name) {
  if constexpr (std::is_pointer_v<Iterator>)
    hardy::emulation::library_reads(from, static_cast<std::size_t>(n) * sizeof(*from), name);
}
template <class Iterator, class N>
void writes(Iterator to, N n) {
  if constexpr (std::is_pointer_v<Iterator>)
    hardy::emulation::library_writes(to, static_cast<std::size_t>(n) * sizeof(*to));
}

}  // namespace cub::detail
