#include "engine/base/threads.h"

#include <system_error>

#include "engine/base/error.h"

namespace hardy {
namespace {

// A training step's ops follow one another within microseconds, so a waiter first spins; where there are
// fewer cores than threads the one it waits for needs this core, so it then offers it; an idle team
// must not burn a core, so at last it sleeps on the futex.
constexpr int kSpins = 1000, kYields = 200;

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
  dispatch([](void*, std::int64_t) {}, nullptr, 0);
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& t : threads_) t.join();
}

void ThreadTeam::take_tasks(int index) {
  for (int i = 0; i < size_; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>((index + i) % size_)];
    for (;;) {
      const std::int64_t task = slot.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= slot.end) break;
      call_(body_, task);
    }
  }
}

void ThreadTeam::dispatch(Call call, void* body, std::int64_t tasks) {
  call_ = call;
  body_ = body;
  for (int i = 0; i < size_; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    slot.next.store(tasks * i / size_, std::memory_order_relaxed);
    slot.end = tasks * (i + 1) / size_;
  }
  const std::uint64_t generation = generation_.fetch_add(1, std::memory_order_release) + 1;
  generation_.notify_all();
  take_tasks(0);
  for (int i = 1; i < size_; ++i) {
    auto& done = slots_[static_cast<std::size_t>(i)].done;
    for (std::uint64_t seen = done.load(std::memory_order_acquire); seen != generation;)
      seen = await_change(done, seen);
  }
}

void ThreadTeam::work(int index) {
  std::uint64_t seen = 0;
  for (;;) {
    const std::uint64_t next = await_change(generation_, seen);
    if (next == seen) continue;
    seen = next;
    if (stop_.load(std::memory_order_relaxed)) return;
    take_tasks(index);
    auto& done = slots_[static_cast<std::size_t>(index)].done;
    done.store(seen, std::memory_order_release);
    done.notify_one();
  }
}

}  // namespace hardy
