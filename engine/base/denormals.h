// While one of these lives, its thread takes denormal numbers as 0 and makes none: values that shrink by
// a factor every step end at 0 instead of among numbers that many processors handle many times more slowly.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace hardy {

class DenormalsAreZero {
 public:
  DenormalsAreZero() : before_(mode()) { set(before_ | kFlush); }
  ~DenormalsAreZero() { set(before_); }
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
#if defined(__SSE2__)
  using Mode = unsigned int;
  static constexpr Mode kFlush = 0x8040;  // results (FTZ) and operands (DAZ)
  static Mode mode() { return _mm_getcsr(); }
  static void set(Mode m) { _mm_setcsr(m); }
#elif defined(__aarch64__)
  using Mode = std::uint64_t;
  static constexpr Mode kFlush = Mode{1} << 24;  // FPCR.FZ
  static Mode mode() {
    Mode m;
    asm volatile("mrs %0, fpcr" : "=r"(m));
    return m;
  }
  static void set(Mode m) { asm volatile("msr fpcr, %0" ::"r"(m)); }
#else
  using Mode = int;
  static constexpr Mode kFlush = 0;
  static Mode mode() { return 0; }
  static void set(Mode) {}
#endif
  Mode before_;
};

}  // namespace hardy
