// Fibers: a stack for each CUDA thread that has begun, and the switch between them and the host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hardy::emulation {

// Bytes of a fiber's stack, and what it begins on a multiple of: virtual, only touched pages cost memory.
inline constexpr std::uintptr_t kStack = 256 * 1024;
// Whether `address` is on the stack whose frame this is.
inline bool is_local(const void* address, const void* frame) {
  return (reinterpret_cast<std::uintptr_t>(address) ^ reinterpret_cast<std::uintptr_t>(frame)) < kStack;
}

struct Fiber {
  char* stack = nullptr;
  void* stack_pointer = nullptr;
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* race_fiber = nullptr;  // ThreadSanitizer's
  int thread = -1;             // index in its block of the thread it runs; -1: none
};

// What a fiber does when it has been given a thread: returns when it has no thread left.
void run_threads(Fiber& fiber);

class Fibers {
 public:
  // A fiber without a thread. Under ThreadSanitizer there are always more than `block_size`, handed out in
  // turn, so that no two threads of a block, nor one index of two blocks, share a fiber.
  Fiber* take(std::size_t block_size);
  void give(Fiber* fiber);
  void discard(Fiber* fiber);  // its thread will never go on; the stack is unmapped, nothing is unwound

  static void enter(Fiber& fiber);  // host -> fiber; returns when the fiber leaves
  static void leave(Fiber& fiber);  // fiber -> host; returns when the fiber is entered again
};
Fibers& fibers();

}  // namespace hardy::emulation
