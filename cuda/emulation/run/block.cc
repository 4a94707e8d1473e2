#include "cuda/emulation/run/block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/control.h"
#include "cuda/emulation/run/launch.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"
#include "cuda/emulation/run/statistics.h"

// The storage behind the constants of device/execution.h.
uint3 thread_index_storage asm("threadIdx"), block_index_storage asm("blockIdx");
dim3 block_dim_storage asm("blockDim"), grid_dim_storage asm("gridDim");

namespace hardy::emulation {
namespace {

Block the_block;
constexpr std::uint64_t kMaxSpins = 20'000'000;
std::uint64_t spins = 0;

void make_current(int thread) {
  the_block.current = thread;
  thread_index_storage = thread_index(static_cast<unsigned>(thread));
}

Thread& current() { return the_block.threads[static_cast<std::size_t>(the_block.current)]; }

void report_deadlock() {
  std::map<std::string, int> waiting;
  for (const Thread& t : the_block.threads)
    if (t.state == ThreadState::kWaiting)
      ++waiting[(t.at_barrier ? "__syncthreads at " : "a warp collective at ") + place(t.site)];
  std::string text = "divergent barrier: of " + std::to_string(the_block.live) +
                     " threads that have not exited none can go on";
  for (const auto& [where, n] : waiting) text += "\n  " + std::to_string(n) + " wait in " + where;
  for (std::size_t i = 0; i < the_block.threads.size(); ++i)
    if (the_block.threads[i].state == ThreadState::kWaiting) {
      make_current(static_cast<int>(i));  // the first of them stands for all in the report
      break;
    }
  print_report(text);
}

void prepare(std::size_t n, std::mt19937& random) {
  Block& b = the_block;
  b.threads.assign(n, Thread());
  b.warps.resize((n + 31) / 32);
  for (Warp& w : b.warps) w.exited = w.used = 0;
  if (n % 32 != 0) b.warps.back().exited = ~0u << n % 32;
  b.live = static_cast<int>(n);
  b.barrier = Barrier();
  b.failed = cudaSuccess;
  b.order.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    b.order[i] = static_cast<int>(options().schedule == Schedule::kReverse ? n - 1 - i : i);
  if (options().schedule == Schedule::kRandom) std::shuffle(b.order.begin(), b.order.end(), random);
  b.next_unstarted = 0;
}

// Gives every ready thread of `live` one turn and drops those that are done.
void one_turn_each(std::vector<int>& live) {
  Block& b = the_block;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < live.size() && b.failed == cudaSuccess; ++i) {
    Thread& t = b.threads[static_cast<std::size_t>(live[i])];
    if (t.state == ThreadState::kUnstarted) {
      t.fiber = fibers().take(b.threads.size());
      t.fiber->thread = live[i];
      t.state = ThreadState::kReady;
    }
    if (t.state == ThreadState::kReady) {
      b.progress = true;
      make_current(live[i]);
      Fiber* fiber = t.fiber;
      Fibers::enter(*fiber);
      if (fiber->thread < 0) fibers().give(fiber);
    }
    if (t.state != ThreadState::kDone) live[kept++] = live[i];
  }
  live.resize(kept);
}

}  // namespace

Block& block() { return the_block; }

uint3 thread_index(unsigned rank) {
  return {rank % blockDim.x, rank / blockDim.x % blockDim.y, rank / blockDim.x / blockDim.y};
}

unsigned thread_rank() { return static_cast<unsigned>(the_block.current); }

cudaError_t run_block(const std::function<void()>& body) {
  Block& b = the_block;
  static std::mt19937 random;
  random.seed(options().seed + static_cast<unsigned>(running_launch()->block_number));
  prepare(static_cast<std::size_t>(blockDim.x) * blockDim.y * blockDim.z, random);
  b.body = &body;
  // Blocks are ordered for ThreadSanitizer: it shows races inside of a block. (Static shared memory is
  // used again by the next block, which would look like a race.)
  race_acquire(&b.end_token);
  checker().begin_block();
  race_release(&b.start_token);
  ++counters().blocks;

  std::vector<int> live(b.order);
  while (b.live > 0 && b.failed == cudaSuccess) {
    b.progress = false;
    one_turn_each(live);
    b.next_unstarted = b.order.size();  // after the first round none is unstarted
    if (b.failed == cudaSuccess && !b.progress) {
      report_deadlock();
      if (options().abort_on_error) std::abort();
      b.failed = cudaErrorLaunchFailure;
    }
    if (options().schedule == Schedule::kRandom && live.size() > 1 && random() % 4 == 0)
      std::shuffle(live.begin(), live.end(), random);
  }
  if (b.failed != cudaSuccess)
    for (Thread& t : b.threads)
      if (t.state == ThreadState::kReady || t.state == ThreadState::kWaiting) fibers().discard(t.fiber);
  b.current = -1;
  race_acquire(&b.end_token);
  return b.failed;
}

// A thread that ends without having waited leaves its stack to the next one that has not begun: most
// kernels then need one fiber only. (Not under ThreadSanitizer, where a fiber is a thread.)
void run_threads(Fiber& fiber) {
  Block& b = the_block;
  for (;;) {
    race_acquire(&b.start_token);
    (*b.body)();
    race_release(&b.end_token);
    current().state = ThreadState::kDone;
    b.progress = true;
    --b.live;
    leave_collectives();
    fiber.thread = -1;
#ifndef HARDY_EMULATION_TSAN
    while (b.next_unstarted < b.order.size()) {
      const int next = b.order[b.next_unstarted++];
      Thread& t = b.threads[static_cast<std::size_t>(next)];
      if (t.state != ThreadState::kUnstarted) continue;
      t.state = ThreadState::kReady;
      t.fiber = &fiber;
      fiber.thread = next;
      break;
    }
#endif
    if (fiber.thread < 0) return;
    make_current(fiber.thread);
  }
}

void wait(Site site, bool at_barrier) {
  const int me = the_block.current;
  Thread& t = current();
  t.state = ThreadState::kWaiting;
  t.site = site;
  t.at_barrier = at_barrier;
  Fibers::leave(*t.fiber);
  make_current(me);
}

void yield() {
  const int me = the_block.current;
  if (++spins > kMaxSpins)
    fail(
        "livelock: 20 million turns of waiting; blocks run one after the other, so that none can wait for "
        "another");
  Fibers::leave(*current().fiber);
  make_current(me);
}

void spin_hint() {
  static unsigned calls = 0;
  if (running_launch() != nullptr && the_block.current >= 0 && (++calls & 31) == 0) yield();
}

void abandon_block(cudaError_t error) {
  the_block.failed = error;
  Fibers::leave(*current().fiber);
  std::abort();  // never entered again
}

void trap(Site site, const char* message) {
  std::fprintf(stderr, "hardy emulation: %s at %s\n  in %s\n", message, place(site).c_str(),
               position().c_str());
  abandon_block(cudaErrorLaunchFailure);
}

}  // namespace hardy::emulation
