// Zeroed doubles on cache lines: what tables and scratch are made of.
#pragma once

#include <cstdint>

#include "engine/base/aligned.h"

namespace hardy::algorithms {

class Numbers {
 public:
  Numbers() = default;
  explicit Numbers(std::int64_t size)
      : memory_(static_cast<double*>(allocate_zeroed(8 * static_cast<std::size_t>(size)))), size_(size) {}
  double* at(std::int64_t i) { return memory_.get() + i; }
  const double* at(std::int64_t i) const { return memory_.get() + i; }
  double& operator[](std::int64_t i) { return memory_.get()[i]; }
  double operator[](std::int64_t i) const { return memory_.get()[i]; }
  std::int64_t size() const { return size_; }

 private:
  AlignedMemory<double> memory_;
  std::int64_t size_ = 0;
};

}  // namespace hardy::algorithms
