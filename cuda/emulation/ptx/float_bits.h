// Floats as registers hold them, and the modifiers that instructions on floats share.
#pragma once

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>

#include "cuda/emulation/ptx/module.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation::ptx {

[[noreturn]] inline void uncovered(const Instruction& i) {
  fail("PTX line %d: not covered by the interpreter: %s", i.line, i.text.c_str());
}

// Directed rounding for the time of one operation.
class Rounding {
 public:
  explicit Rounding(int mode) : changed_(mode != FE_TONEAREST) {
    if (changed_) std::fesetround(mode);
  }
  ~Rounding() {
    if (changed_) std::fesetround(FE_TONEAREST);
  }
  Rounding(const Rounding&) = delete;
  Rounding& operator=(const Rounding&) = delete;

 private:
  bool changed_;
};

template <class T>
T as(std::uint64_t bits) {
  if constexpr (sizeof(T) == 4)
    return std::bit_cast<T>(static_cast<std::uint32_t>(bits));
  else
    return std::bit_cast<T>(bits);
}
template <class T>
std::uint64_t bits_of(T value) {
  if constexpr (sizeof(T) == 4)
    return std::bit_cast<std::uint32_t>(value);
  else
    return std::bit_cast<std::uint64_t>(value);
}

template <class T>
T flushed(T x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(T(0), x) : x;
}

}  // namespace hardy::emulation::ptx
