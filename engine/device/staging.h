// Arrays of floats that go to a device, or come from it, as one copy: on both sides they lie one behind the
// other, the host's side in pinned memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "engine/device/device.h"

namespace hardy::device {

class Staging {
 public:
  // counts: numbers of each array. Zeroed on both sides.
  Staging(Device& device, std::initializer_list<std::size_t> counts) {
    for (const std::size_t count : counts) {
      begins_.push_back(floats_);
      floats_ += (count + kBegin - 1) / kBegin * kBegin;
    }
    there_ = allocate(device, bytes());
    here_ = allocate_pinned(device, bytes());
    std::fill_n(static_cast<float*>(here_.get()), floats_, 0.0f);
  }

  float* here(std::size_t array) const { return static_cast<float*>(here_.get()) + begins_[array]; }
  float* there(std::size_t array) const { return static_cast<float*>(there_.get()) + begins_[array]; }
  // All arrays, in the stream's order; until then the host leaves its side alone.
  void copy_in(Stream& stream) const { stream.copy_in(there_.get(), here_.get(), bytes()); }
  void copy_out(Stream& stream) const { stream.copy_out(here_.get(), there_.get(), bytes()); }

 private:
  static constexpr std::size_t kBegin = 64;  // arrays begin where an allocation might: on 256 bytes

  std::size_t bytes() const { return floats_ * sizeof(float); }

  std::vector<std::size_t> begins_;
  std::size_t floats_ = 0;
  Memory there_;
  PinnedMemory here_;
};

}  // namespace hardy::device
