#include "cuda/emulation/run/shared_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "cuda/emulation/device/execution.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"

namespace hardy::emulation {

void SharedMemory::begin_launch(std::size_t bytes) {
  bytes_ = bytes;
#ifdef HARDY_EMULATION_ASAN
  data_ =
      static_cast<char*>(std::malloc(bytes == 0 ? 1 : bytes));  // its own exact size: red zones at both ends
#else
  constexpr std::size_t kRegion = 2 * kMargin + 512 * 1024;
  if (region_ == nullptr) {
    void* map =
        mmap(nullptr, kRegion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) fail("no memory for a block's shared memory");
    region_ = static_cast<char*>(map);
  }
  data_ = region_ + kMargin;
#endif
}

void SharedMemory::begin_block() { std::memset(data_, 0xff, bytes_); }

void SharedMemory::end_launch() {
#ifdef HARDY_EMULATION_ASAN
  std::free(data_);
#endif
  data_ = nullptr;
}

SharedMemory& shared_memory() {
  static SharedMemory memory;
  return memory;
}

void* dynamic_shared() { return shared_memory().data(); }

}  // namespace hardy::emulation
