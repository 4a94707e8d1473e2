// How long work is told to end from outside: who may stop it keeps a StopSource, the work polls a StopToken.
//
//   StopSource source;                     // a window's button, a signal handler, another thread
//   train(..., {.stop = source.token()});
//   source.request_stop();                 // the work ends at its next step, whole
//
// Beside std::stop_token because of signal handlers: request_stop() here is one store into a lock-free flag,
// the standard's may lock and call back.
#pragma once

#include <atomic>
#include <stdexcept>

namespace hardy {

// Asks nothing of whoever polls it: one relaxed load. One that is made from nothing never stops. The source
// outlives it.
class StopToken {
 public:
  StopToken() = default;
  bool stop_requested() const { return flag_ && flag_->load(std::memory_order_relaxed); }

 private:
  friend class StopSource;
  explicit StopToken(const std::atomic<bool>* flag) : flag_(flag) {}
  const std::atomic<bool>* flag_ = nullptr;
};

class StopSource {
 public:
  StopSource() = default;
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  void request_stop() noexcept { flag_.store(true, std::memory_order_relaxed); }  // any thread, any handler
  void clear() noexcept { flag_.store(false, std::memory_order_relaxed); }  // for the next piece of work
  bool stop_requested() const { return flag_.load(std::memory_order_relaxed); }
  StopToken token() const { return StopToken(&flag_); }

 private:
  std::atomic<bool> flag_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");
};

// Thrown by work that was stopped and has no part of a result to give. No fault: nobody did anything wrong.
class Stopped : public std::runtime_error {
 public:
  Stopped() : std::runtime_error("stopped before its end") {}
};

// For such work, between two of its steps.
inline void throw_if_stopped(const StopToken& token) {
  if (token.stop_requested()) throw Stopped();
}

}  // namespace hardy
