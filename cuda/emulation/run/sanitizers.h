// Which sanitizer the program is built with. The emulation itself is never instrumented for races (the
// scheduler's own data is no concern of the kernels'); HARDY_EMULATION_TSAN says that the kernels are.
#pragma once

#ifdef __SANITIZE_ADDRESS__
#define HARDY_EMULATION_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef HARDY_EMULATION_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace hardy::emulation {

// Under a sanitizer kernels are the sanitizer's: what they wrote is not known to the checker.
#if defined(HARDY_EMULATION_ASAN) || defined(HARDY_EMULATION_TSAN)
inline constexpr bool kSeesKernels = false;
#else
inline constexpr bool kSeesKernels = true;
#endif

// Edges of happens-before for ThreadSanitizer; nothing elsewhere.
inline void race_release([[maybe_unused]] void* token) {
#ifdef HARDY_EMULATION_TSAN
  __tsan_release(token);
#endif
}
inline void race_acquire([[maybe_unused]] void* token) {
#ifdef HARDY_EMULATION_TSAN
  __tsan_acquire(token);
#endif
}

}  // namespace hardy::emulation
