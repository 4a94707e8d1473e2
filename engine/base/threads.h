// A fixed team of threads for the inside of a training step: no allocation, no lock on the fast path.
// Work is cut at places that depend on the problem alone, never on the team's size, so that results
// have the same bits for any thread count.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/aligned.h"

namespace hardy {

class ThreadTeam {
 public:
  // threads >= 1; the caller is thread 0 of the team, so a team of 1 starts no thread. Where the system gives
  // fewer, the team is smaller.
  explicit ThreadTeam(int threads = 1);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  // Calls body(task) once for every task in [0, tasks) and returns when all are done. Every thread has a
  // contiguous run of tasks; one that is through with its own goes on with what is left of the others'. A
  // thread that has no core at the moment is not waited for: it finds nothing left to do when it comes.
  // body must not throw and must not call run() itself. tasks < 2^36.
  template <class Body>
  void run(std::int64_t tasks, Body&& body) {
    if (size_ == 1 || tasks <= 1) {
      for (std::int64_t i = 0; i < tasks; ++i) body(i);
      return;
    }
    auto call = [](void* b, std::int64_t task) { (*static_cast<std::remove_reference_t<Body>*>(b))(task); };
    dispatch(call, const_cast<void*>(static_cast<const void*>(&body)), tasks);
  }

  // body(begin, end) over [0, n) in pieces of `grain` elements (the last one shorter).
  template <class Body>
  void for_range(std::int64_t n, std::int64_t grain, Body&& body) {
    run((n + grain - 1) / grain,
        [&](std::int64_t piece) { body(piece * grain, std::min(n, (piece + 1) * grain)); });
  }

 private:
  using Call = void (*)(void*, std::int64_t);
  void dispatch(Call call, void* body, std::int64_t tasks);
  void work(int index);
  void take_tasks(int index, std::uint64_t generation);

  struct alignas(kCacheLine) Slot {
    // Of this thread's run: the generation, and the first task that nobody has taken.
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> end{0};
  };

  int size_;
  // Of the present generation. They change only when all its tasks are done, so that whoever has taken one
  // may read them.
  Call call_ = nullptr;
  void* body_ = nullptr;
  alignas(kCacheLine) std::atomic<std::uint64_t> generation_{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> done_{0};  // tasks of the present generation
  std::atomic<std::uint64_t> started_{0};                   // threads
  std::atomic<bool> stop_{false};
  std::unique_ptr<Slot[]> slots_;
  std::vector<std::thread> threads_;
};

}  // namespace hardy
