// The entry points that the compiler calls at every load and store of code built with -fsanitize=thread.
// Linked without ThreadSanitizer's own library, they are ours: so a plain build checks device code.
// Host code of the same file calls them too; the checker looks only while a kernel runs.
#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/run/fibers.h"
#include "cuda/emulation/run/sanitizers.h"

#if !defined(HARDY_EMULATION_TSAN)

namespace {

using hardy::emulation::Access;
using hardy::emulation::checker;
using hardy::emulation::is_local;

}  // namespace

// Most accesses are to the thread's own stack, and nothing is to be said of those.
#define HARDY_HOOK(name, bytes, kind)                                            \
  void __tsan_##name(void* address) {                                            \
    if (is_local(address, __builtin_frame_address(0))) return;                   \
    checker().access(address, bytes, Access::kind, __builtin_return_address(0)); \
  }
#define HARDY_HOOKS(bytes)                          \
  HARDY_HOOK(read##bytes, bytes, kRead)             \
  HARDY_HOOK(write##bytes, bytes, kWrite)           \
  HARDY_HOOK(unaligned_read##bytes, bytes, kRead)   \
  HARDY_HOOK(unaligned_write##bytes, bytes, kWrite) \
  HARDY_HOOK(volatile_read##bytes, bytes, kRead)    \
  HARDY_HOOK(volatile_write##bytes, bytes, kWrite)

// An atomic operation: seen by the checker, then done for real.
// NOLINTBEGIN(bugprone-macro-parentheses): T is a type.
#define HARDY_ATOMIC_UPDATE(bits, T, name)                                                              \
  T __tsan_atomic##bits##_##name(volatile T* address, T value, int) {                                   \
    checker().access(const_cast<T*>(address), sizeof(T), Access::kAtomic, __builtin_return_address(0)); \
    return __atomic_##name(address, value, __ATOMIC_SEQ_CST);                                           \
  }
#define HARDY_ATOMIC_EXCHANGE(bits, T, strength)                                                          \
  int __tsan_atomic##bits##_compare_exchange_##strength(volatile T* address, T* expected, T desired, int, \
                                                        int) {                                            \
    checker().access(const_cast<T*>(address), sizeof(T), Access::kAtomic, __builtin_return_address(0));   \
    return __atomic_compare_exchange_n(address, expected, desired, false, __ATOMIC_SEQ_CST,               \
                                       __ATOMIC_SEQ_CST);                                                 \
  }
#define HARDY_ATOMICS(bits, T)                                                                          \
  T __tsan_atomic##bits##_load(const volatile T* address, int) {                                        \
    checker().access(const_cast<const T*>(address), sizeof(T), Access::kAtomic,                         \
                     __builtin_return_address(0));                                                      \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                                  \
  }                                                                                                     \
  void __tsan_atomic##bits##_store(volatile T* address, T value, int) {                                 \
    checker().access(const_cast<T*>(address), sizeof(T), Access::kAtomic, __builtin_return_address(0)); \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                                     \
  T __tsan_atomic##bits##_exchange(volatile T* address, T value, int) {                                 \
    checker().access(const_cast<T*>(address), sizeof(T), Access::kAtomic, __builtin_return_address(0)); \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                                       \
  }                                                                                                     \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_add)                                                               \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_sub)                                                               \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_and)                                                               \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_or)                                                                \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_xor)                                                               \
  HARDY_ATOMIC_UPDATE(bits, T, fetch_nand)                                                              \
  HARDY_ATOMIC_EXCHANGE(bits, T, strong)                                                                \
  HARDY_ATOMIC_EXCHANGE(bits, T, weak)
// NOLINTEND(bugprone-macro-parentheses)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_atomic_thread_fence(int) { checker().fence(); }
void __tsan_atomic_signal_fence(int) {}

HARDY_HOOK(read1, 1, kRead)
HARDY_HOOK(write1, 1, kWrite)
HARDY_HOOK(volatile_read1, 1, kRead)
HARDY_HOOK(volatile_write1, 1, kWrite)
HARDY_HOOKS(2)
HARDY_HOOKS(4)
HARDY_HOOKS(8)
HARDY_HOOKS(16)

void __tsan_read_range(void* address, unsigned long bytes) {
  checker().access(address, bytes, Access::kRead, __builtin_return_address(0));
}
void __tsan_write_range(void* address, unsigned long bytes) {
  checker().access(address, bytes, Access::kWrite, __builtin_return_address(0));
}

HARDY_ATOMICS(8, unsigned char)
HARDY_ATOMICS(16, unsigned short)
HARDY_ATOMICS(32, unsigned)
HARDY_ATOMICS(64, unsigned long long)
}

#endif

namespace hardy::emulation {

void fence() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  checker().fence();
}

}  // namespace hardy::emulation
