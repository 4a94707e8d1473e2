// A batch of a task's instances on a device: memory, resets and steps stay there, a step is one launch.
#pragma once

#include <string>

#include "engine/base/error.h"
#include "engine/graph/device.h"
#include "envs/control/task.h"

namespace hardy::envs {

template <class Task>
class DeviceBatch {
 public:
  DeviceBatch(graph::Device& device, std::int64_t instances, const Task& task = {}) {
    const auto n = static_cast<std::size_t>(instances);
    const std::size_t doubles = n * (kWholeState<Task> + Task::kObservation + 1);
    memory_ = graph::allocate(device, doubles * 8 + n * 8 + n * Task::kAction * 4 + 2 * n);
    batch_.task = task;
    batch_.n = instances;
    batch_.states = static_cast<double*>(memory_.get());
    batch_.observations = batch_.states + n * kWholeState<Task>;
    batch_.rewards = batch_.observations + n * Task::kObservation;
    seeds_ = reinterpret_cast<std::uint64_t*>(batch_.rewards + n);
    batch_.seeds = seeds_;
    actions_ = reinterpret_cast<float*>(seeds_ + n);
    batch_.actions = actions_;
    batch_.terminated = reinterpret_cast<std::uint8_t*>(actions_ + n * Task::kAction);
    batch_.truncated = batch_.terminated + n;
    for (auto [kernel, name] : {std::pair{&reset_, "/reset"}, std::pair{&step_, "/step"}})
      if (!(*kernel = graph::find_kernel(device.backend(), std::string("env/") + Task::kName + name)))
        throw Error("has no kernel for this environment", device.info().name, Task::kName);
  }

  // Device memory, with the shapes of envs/environment.h: seeds and actions are written by the caller.
  const TaskBatch<Task>& memory() const { return batch_; }
  std::uint64_t* seeds() const { return seeds_; }
  float* actions() const { return actions_; }

  void reset(graph::Stream& stream) const { run(reset_, stream); }
  void step(graph::Stream& stream) const { run(step_, stream); }

 private:
  void run(graph::DeviceKernel kernel, graph::Stream& stream) const {
    kernel({{}, {}, reinterpret_cast<const std::byte*>(&batch_)}, stream);
  }

  graph::DeviceMemory memory_;
  TaskBatch<Task> batch_;
  std::uint64_t* seeds_ = nullptr;
  float* actions_ = nullptr;
  graph::DeviceKernel reset_ = nullptr, step_ = nullptr;
};

}  // namespace hardy::envs
