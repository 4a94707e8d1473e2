// The running block's dynamic shared memory: fresh for each block, every byte 0xff (floats read as NaN).
#pragma once

#include <cstddef>
#include <cstdint>

namespace hardy::emulation {

class SharedMemory {
 public:
  void begin_launch(std::size_t bytes);
  void begin_block();
  void end_launch();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // An address at or near dynamic shared memory: such an access means it, right or wrong.
  bool near(const void* address) const {
    const auto a = reinterpret_cast<std::uintptr_t>(address), d = reinterpret_cast<std::uintptr_t>(data_);
    return data_ != nullptr && a >= d - kMargin && a < d + bytes_ + kMargin;
  }
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::size_t kMargin = 0;  // its own allocation: whatever is near is something else
#else
  static constexpr std::size_t kMargin = 64 * 1024;
#endif

 private:
  char* data_ = nullptr;
  char* region_ = nullptr;  // margin, data, margin; kept from launch to launch
  std::size_t bytes_ = 0;
};
SharedMemory& shared_memory();

}  // namespace hardy::emulation
