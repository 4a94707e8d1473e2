// The part of a learner that lives on a device: twins of its memory, one training step captured as one graph,
// and what comes back from it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/learning/executor.h"
#include "engine/base/error.h"
#include "engine/device/mirror.h"
#include "engine/nn/device_descent.h"

namespace hardy::algorithms {

// Runs `work` on one of several devices: what fails in it names that one.
template <class Work>
auto on_device(const std::string& name, const Work& work) {
  try {
    return work();
  } catch (const Error& e) {
    if (e.exit_code() != static_cast<int>(Error::Kind::kFailedRun)) throw;
    throw Error::failed_run(e.message(), name);
  }
}

class LearnerDevice {
 public:
  // several: it is one of some, and what fails says which.
  LearnerDevice(device::Device& device, std::int64_t agents, bool several = false);

  device::Mirror& mirror() { return mirror_; }
  const nn::StepMemory& memory() const { return memory_; }

  // One launch a device: what `body` puts into their streams at the first step of a kind is captured, and
  // replayed at the others of that kind: a step's kind is which of the updates run at it. All streams are
  // captured at once, so that what goes between the devices is part of it.
  static void step(std::span<LearnerDevice* const> all, std::int64_t number, std::uint64_t kind,
                   const std::function<void()>& warm_up, const std::function<void()>& body);
  std::size_t nodes() const;  // of the largest step that was captured; 0: none yet
  void forget_captured() { captured_.clear(); }
  // Runs `work`; what fails in it is of the steps that were not yet seen to be good.
  template <class Work>
  void naming(const Work& work) {
    if (!several_) return naming_steps(work);
    on_device(name_, [&] { naming_steps(work); });
  }
  // What is in the stream by now, and whether it has run.
  void mark();
  bool passed();

  // --- what comes back, in a stream of its own beside the training
  struct Source {
    std::string name;
    const void* place;  // [agents] f32
  };
  void set_sources(std::vector<Source> sources) { sources_ = std::move(sources); }
  void ask(std::int64_t step);
  struct Answer {
    StepReports reports;
    std::vector<std::int32_t> active;
    std::vector<std::int32_t> stopped;  // as nn::StepMemory has it
  };
  // Answers that have come, oldest first; all that were asked for if `wait`.
  std::vector<Answer> answers(bool wait);

  // Brings a range of the mirror to the host.
  void download(void* host, std::size_t bytes);

  // --- the counters and flags, at once
  void upload(std::int64_t step, const std::vector<std::uint8_t>& active);

 private:
  // Runs `work`. What fails in it is of the steps that were not yet seen to be good: a device tells later.
  template <class Work>
  void naming_steps(Work&& work) {
    try {
      work();
    } catch (const Error& e) {
      if (e.exit_code() != static_cast<int>(Error::Kind::kFailedRun)) throw;
      const std::string last = std::to_string(steps_);
      throw Error::failed_run(e.message(), steps_ - good_ > 1 && !mirror_.device().options().check
                                               ? "a step from " + std::to_string(good_ + 1) + " to " + last
                                               : "step " + last);
    }
  }
  struct Slot {
    device::Memory staging;
    device::PinnedMemory pinned;
    std::unique_ptr<device::Event> taken, copied;
    std::int64_t step = -1;  // -1: free
  };
  std::size_t slot_bytes() const;
  Answer read(Slot& slot) const;

  static void capture(std::span<LearnerDevice* const> all, std::uint64_t kind,
                      const std::function<void()>& body);

  std::int64_t agents_;
  bool several_;
  std::string name_;  // the device's, which says nothing any more once it has failed
  device::Mirror mirror_;
  std::unique_ptr<device::Stream> side_;  // copies out
  std::unique_ptr<device::Event> marked_;
  device::Memory words_;  // step and pass, stopped, active
  nn::StepMemory memory_;
  std::map<std::uint64_t, std::unique_ptr<device::Captured>> captured_;  // by kind
  std::int64_t marked_step_ = 0;
  std::int64_t steps_ = 0, good_ = 0;  // put in the stream; of these, known to have run
  std::vector<Source> sources_;
  std::deque<Slot> pending_;
  std::vector<Slot> free_;
};

}  // namespace hardy::algorithms
