#include "cuda/emulation/run/fibers.h"

#include <sys/mman.h>

#include <deque>
#include <memory>

#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"
#include "cuda/emulation/run/statistics.h"

#ifndef __x86_64__
#error "the emulation's switch between fibers is written for x86-64; port hardy_emulation_switch"
#endif

// hardy_emulation_switch(save, to): stores the callee-saved registers on the current stack and its pointer
// at *save, then goes on with the stack `to`. A new fiber starts in hardy_emulation_start with itself in r12.
extern "C" void hardy_emulation_switch(void** save, void* to);
extern "C" void hardy_emulation_start();
asm(R"(
.text
.globl hardy_emulation_switch
.type hardy_emulation_switch,@function
hardy_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size hardy_emulation_switch,.-hardy_emulation_switch
.globl hardy_emulation_start
.type hardy_emulation_start,@function
hardy_emulation_start:
  movq %r12, %rdi
  xorl %ebp, %ebp
  callq hardy_emulation_enter
  ud2
.size hardy_emulation_start,.-hardy_emulation_start
)");

namespace hardy::emulation {
namespace {

constexpr std::size_t kGuard = 4096;  // of the stack, at its end

struct Host {  // where a fiber returns to
  void* stack_pointer = nullptr;
  [[maybe_unused]] void* fake_stack = nullptr;
  [[maybe_unused]] void* race_fiber = nullptr;
  [[maybe_unused]] const void* bottom = nullptr;
  [[maybe_unused]] std::size_t size = 0;
} host;

std::deque<Fiber*>& idle() {
  static auto* fibers = new std::deque<Fiber*>;  // for as long as the process lives
  return *fibers;
}
std::size_t existing = 0;

Fiber* create() {
  auto* map = static_cast<char*>(
      mmap(nullptr, 2 * kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (map == MAP_FAILED) fail("no memory for the stacks of a block's threads");
  char* const base = map + (kStack - reinterpret_cast<std::uintptr_t>(map) % kStack) % kStack;
  if (base > map) munmap(map, static_cast<std::size_t>(base - map));
  munmap(base + kStack, static_cast<std::size_t>(map + kStack - base));
  mprotect(base, kGuard, PROT_NONE);
  auto* fiber = new Fiber;
  fiber->stack = base;
  auto** top = reinterpret_cast<void**>(fiber->stack + kStack);
  *--top = nullptr;  // two words keep the alignment that the ABI wants at a call
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&hardy_emulation_start);  // where the first switch returns to
  *--top = nullptr;                                          // rbp
  *--top = nullptr;                                          // rbx
  *--top = fiber;                                            // r12
  for (int i = 0; i < 3; ++i) *--top = nullptr;              // r13 r14 r15
  fiber->stack_pointer = top;
#ifdef HARDY_EMULATION_TSAN
  fiber->race_fiber = __tsan_create_fiber(0);
#endif
  ++existing;
  return fiber;
}

}  // namespace

Fiber* Fibers::take([[maybe_unused]] std::size_t block_size) {
#ifdef HARDY_EMULATION_TSAN
  while (existing <= block_size) idle().push_back(create());
#endif
  if (idle().empty()) return create();
#ifdef HARDY_EMULATION_TSAN
  Fiber* fiber = idle().front();
  idle().pop_front();
#else
  Fiber* fiber = idle().back();  // the warmest stack
  idle().pop_back();
#endif
  return fiber;
}

void Fibers::give(Fiber* fiber) { idle().push_back(fiber); }

void Fibers::discard(Fiber* fiber) {
#ifdef HARDY_EMULATION_ASAN
  __asan_unpoison_memory_region(fiber->stack, kStack);
#endif
#ifdef HARDY_EMULATION_TSAN
  __tsan_destroy_fiber(fiber->race_fiber);
#endif
  munmap(fiber->stack, kStack);
  delete fiber;
  --existing;
}

void Fibers::enter(Fiber& fiber) {
  ++counters().switches;
#ifdef HARDY_EMULATION_ASAN
  __sanitizer_start_switch_fiber(&host.fake_stack, fiber.stack, kStack);
#endif
#ifdef HARDY_EMULATION_TSAN
  host.race_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(fiber.race_fiber, 1);  // 1: a switch orders nothing
#endif
  hardy_emulation_switch(&host.stack_pointer, fiber.stack_pointer);
#ifdef HARDY_EMULATION_ASAN
  __sanitizer_finish_switch_fiber(host.fake_stack, nullptr, nullptr);
#endif
}

void Fibers::leave(Fiber& fiber) {
#ifdef HARDY_EMULATION_ASAN
  __sanitizer_start_switch_fiber(&fiber.fake_stack, host.bottom, host.size);
#endif
#ifdef HARDY_EMULATION_TSAN
  __tsan_switch_to_fiber(host.race_fiber, 1);
#endif
  hardy_emulation_switch(&fiber.stack_pointer, host.stack_pointer);
#ifdef HARDY_EMULATION_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake_stack, &host.bottom, &host.size);
#endif
}

Fibers& fibers() {
  static Fibers f;
  return f;
}

extern "C" void hardy_emulation_enter(Fiber* fiber) {
#ifdef HARDY_EMULATION_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &host.bottom, &host.size);
#endif
  for (;;) {
    run_threads(*fiber);
    Fibers::leave(*fiber);
  }
}

}  // namespace hardy::emulation
