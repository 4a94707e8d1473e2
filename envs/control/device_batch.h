// A batch of a task's instances on a device: memory, resets and steps stay there, a step is one launch.
#pragma once

#include "engine/device/launch.h"
#include "envs/control/task.h"

namespace hardy::envs {

// What a backend brings for a task.
template <class Task>
inline constexpr device::LaunchName<const TaskBatch<Task>&> kResetTask{"reset", Task::kName};
template <class Task>
inline constexpr device::LaunchName<const TaskBatch<Task>&> kStepTask{"step", Task::kName};

template <class Task>
class DeviceBatch {
 public:
  DeviceBatch(device::Device& device, std::int64_t instances, const Task& task = {})
      : reset_(device::find_launch(device, kResetTask<Task>)),
        step_(device::find_launch(device, kStepTask<Task>)) {
    const auto n = static_cast<std::size_t>(instances);
    const std::size_t doubles = n * (kWholeState<Task> + Task::kObservation + 1);
    memory_ = device::allocate(
        device, doubles * 8 + n * 8 + n * Task::kAction * sizeof(typename Task::Action) + 2 * n);
    batch_.task = task;
    batch_.n = instances;
    batch_.states = static_cast<double*>(memory_.get());
    batch_.observations = batch_.states + n * kWholeState<Task>;
    batch_.rewards = batch_.observations + n * Task::kObservation;
    seeds_ = reinterpret_cast<std::uint64_t*>(batch_.rewards + n);
    batch_.seeds = seeds_;
    actions_ = reinterpret_cast<typename Task::Action*>(seeds_ + n);
    batch_.actions = actions_;
    batch_.terminated = reinterpret_cast<std::uint8_t*>(actions_ + n * Task::kAction);
    batch_.truncated = batch_.terminated + n;
  }

  // Device memory, with the shapes of envs/environment.h: seeds and actions are written by the caller.
  const TaskBatch<Task>& memory() const { return batch_; }
  std::uint64_t* seeds() const { return seeds_; }
  typename Task::Action* actions() const { return actions_; }

  void reset(device::Stream& stream) const { reset_(stream, batch_); }
  void step(device::Stream& stream) const { step_(stream, batch_); }

 private:
  device::Memory memory_;
  TaskBatch<Task> batch_;
  std::uint64_t* seeds_ = nullptr;
  typename Task::Action* actions_ = nullptr;
  device::Launch<const TaskBatch<Task>&> reset_, step_;
};

}  // namespace hardy::envs
