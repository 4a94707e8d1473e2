#include "engine/base/threads.h"

#include <system_error>

#include "engine/base/error.h"

namespace hardy {
namespace {

// A training step's ops follow one another within microseconds, so a waiter first spins; where there are
// fewer cores than threads the one it waits for needs this core, so it then offers it; an idle team
// must not burn a core, so at last it sleeps on the futex.
constexpr int kSpins = 1000, kYields = 200;
constexpr int kTaskBits = 36;  // of a slot's word; the rest is the generation
constexpr std::uint64_t kTasks = (std::uint64_t{1} << kTaskBits) - 1;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::uint64_t await_change(const std::atomic<std::uint64_t>& value, std::uint64_t old) {
  for (int i = 0; i < kSpins + kYields; ++i) {
    const std::uint64_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    if (i < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) : size_(threads) {
  if (threads < 1)
    throw Error("a thread team needs at least one thread", "threads = " + std::to_string(threads));
  slots_ = std::make_unique<Slot[]>(static_cast<std::size_t>(threads));
  threads_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) {
    try {
      threads_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {  // no more can be had here: fewer give the same results
      size_ = i;
      break;
    }
  }
  // A thread that is still starting may hold locks of the C library's or a sanitizer's allocator, which a
  // process that is forked meanwhile would wait for in vain.
  const auto others = static_cast<std::uint64_t>(size_ - 1);
  for (std::uint64_t started = started_.load(std::memory_order_acquire); started != others;)
    started = await_change(started_, started);
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& t : threads_) t.join();
}

void ThreadTeam::take_tasks(int index, std::uint64_t generation) {
  std::uint64_t taken = 0;
  for (int i = 0; i < size_; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>((index + i) % size_)];
    std::uint64_t next = slot.next.load(std::memory_order_acquire);
    while (next >> kTaskBits == (generation & (~std::uint64_t{0} >> kTaskBits))) {
      if ((next & kTasks) >= slot.end.load(std::memory_order_acquire)) break;
      // Fails where another thread took it, or where all are done and the next generation has begun.
      if (!slot.next.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel,
                                           std::memory_order_acquire))
        continue;
      call_(body_, static_cast<std::int64_t>(next & kTasks));
      ++taken;
      next = slot.next.load(std::memory_order_acquire);
    }
  }
  if (taken == 0) return;
  done_.fetch_add(taken, std::memory_order_acq_rel);
  if (index != 0) done_.notify_one();
}

void ThreadTeam::dispatch(Call call, void* body, std::int64_t tasks) {
  call_ = call;
  body_ = body;
  done_.store(0, std::memory_order_relaxed);
  const std::uint64_t generation = generation_.load(std::memory_order_relaxed) + 1;
  for (int i = 0; i < size_; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    // Closed before its end moves: a thread that comes from the generation before must find no task in
    // between.
    slot.next.store(generation << kTaskBits | kTasks, std::memory_order_relaxed);
    slot.end.store(static_cast<std::uint64_t>(tasks * (i + 1) / size_), std::memory_order_release);
    slot.next.store(generation << kTaskBits | static_cast<std::uint64_t>(tasks * i / size_),
                    std::memory_order_release);
  }
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  take_tasks(0, generation);
  const auto all = static_cast<std::uint64_t>(tasks);
  for (std::uint64_t done = done_.load(std::memory_order_acquire); done != all;)
    done = await_change(done_, done);
}

void ThreadTeam::work(int index) {
  started_.fetch_add(1, std::memory_order_release);
  started_.notify_one();
  std::uint64_t seen = 0;
  for (;;) {
    seen = await_change(generation_, seen);
    if (stop_.load(std::memory_order_acquire)) return;
    take_tasks(index, seen);
  }
}

}  // namespace hardy
