// Episodes of a batch that broke off, counted, and how the first did. Any thread may add.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace hardy::envs {

class Breaks {
 public:
  // why: "the reward is not finite". step: of the episode, from 1 on.
  void add(int instance, int step, const std::string& why) {
    ++count_;
    const std::lock_guard lock(mutex_);
    if (first_.empty())
      first_ =
          why + " in step " + std::to_string(step) + " of an episode of instance " + std::to_string(instance);
  }
  std::int64_t count() const { return count_.load(); }
  std::string first() const {  // "" where there is none
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  std::atomic<std::int64_t> count_{0};
  mutable std::mutex mutex_;
  std::string first_;
};

}  // namespace hardy::envs
