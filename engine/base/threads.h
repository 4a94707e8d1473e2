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

namespace hardy {

class ThreadTeam {
 public:
  // threads >= 1; the caller is thread 0 of the team, so a team of 1 starts no thread.
  explicit ThreadTeam(int threads = 1);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  // Calls body(task) once for every task in [0, tasks), the tasks dealt to the threads in contiguous
  // runs, and returns when all are done. body must not throw and must not call run() itself.
  template <class Body>
  void run(std::int64_t tasks, Body&& body) {
    if (size_ == 1 || tasks <= 1) {
      for (std::int64_t i = 0; i < tasks; ++i) body(i);
      return;
    }
    auto call = [](void* b, std::int64_t begin, std::int64_t end) {
      auto& f = *static_cast<std::remove_reference_t<Body>*>(b);
      for (std::int64_t i = begin; i < end; ++i) f(i);
    };
    dispatch(call, const_cast<void*>(static_cast<const void*>(&body)), tasks);
  }

  // body(begin, end) over [0, n) in pieces of `grain` elements (the last one shorter).
  template <class Body>
  void for_range(std::int64_t n, std::int64_t grain, Body&& body) {
    run((n + grain - 1) / grain,
        [&](std::int64_t piece) { body(piece * grain, std::min(n, (piece + 1) * grain)); });
  }

 private:
  using Call = void (*)(void*, std::int64_t, std::int64_t);
  void dispatch(Call call, void* body, std::int64_t tasks);
  void work(int index);

  struct alignas(64) Slot {
    std::atomic<std::uint64_t> done{0};
  };

  int size_;
  Call call_ = nullptr;
  void* body_ = nullptr;
  std::int64_t tasks_ = 0;
  alignas(64) std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> stop_{false};
  std::unique_ptr<Slot[]> slots_;
  std::vector<std::thread> threads_;
};

}  // namespace hardy
