// Memory that a training step walks over: parameters, their moments, a plan's arena.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace hardy {

inline constexpr std::size_t kCacheLine = 64;

struct FreeAligned {
  void operator()(void* p) const { std::free(p); }
};
template <class T>
using AlignedMemory = std::unique_ptr<T, FreeAligned>;

// Zeroed bytes, at least one cache line and aligned to one. From 1 MiB on they lie on 2 MiB pages where the
// system offers them: a matrix of 256 x 256 floats spans 64 small pages, as many as a core's first-level
// table holds, and walks along its columns would miss it at every step. Throws std::bad_alloc.
void* allocate_zeroed(std::size_t bytes);

// The same memory for a std::vector.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_zeroed(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { std::free(p); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

}  // namespace hardy
