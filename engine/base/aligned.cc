#include "engine/base/aligned.h"

#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hardy {

void* allocate_zeroed(std::size_t bytes) {
  constexpr std::size_t huge = std::size_t{2} << 20;
  const std::size_t align = bytes >= huge / 2 ? huge : kCacheLine;
  const std::size_t size = bytes == 0 ? align : (bytes + align - 1) / align * align;
  void* p = std::aligned_alloc(align, size);
  if (!p) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A hint, before the first touch: a kernel without it, or set against it, gives small pages.
  if (align == huge) ::madvise(p, size, MADV_HUGEPAGE);
#endif
  std::memset(p, 0, size);
  return p;
}

}  // namespace hardy
