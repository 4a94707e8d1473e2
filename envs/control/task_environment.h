// A task (envs/control/task.h) as a batched environment on the CPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "envs/control/abreast.h"
#include "envs/control/task.h"
#include "envs/environment.h"

namespace hardy::envs {

template <class Task>
class TaskEnvironment final : public BatchEnvironment {
 public:
  TaskEnvironment(int instances, const Task& task, EnvSpec spec)
      : spec_(std::move(spec)),
        task_(task),
        size_(instances),
        states_(static_cast<std::size_t>(instances) * kWholeState<Task>) {}

  const EnvSpec& spec() const override { return spec_; }
  int size() const override { return size_; }
  const Task& task() const { return task_; }

  void reset(int i, std::uint64_t seed, std::span<double> observation) override {
    TaskBatch<Task> batch = one(i);
    batch.observations = observation.data();
    batch.reset(0, seed);
  }
  void observe(int i, std::span<double> observation) const override {
    task_.observe(state(i), observation.data());
  }
  void step(int begin, int end, Actions actions, std::span<double> observations, std::span<double> rewards,
            std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) override {
    check_step(*this, begin, end, actions, observations, rewards, terminated, truncated);
    TaskBatch<Task> batch;
    batch.task = task_;
    batch.states = states_.data();
    if constexpr (std::same_as<typename Task::Action, float>) {
      batch.actions = actions.numbers().data();
      require_finite(begin, end, batch.actions);
    } else {
      batch.actions = actions.choices().data();
    }
    batch.observations = observations.data();
    batch.rewards = rewards.data();
    batch.terminated = terminated.data();
    batch.truncated = truncated.data();
    if constexpr (requires { Task::kAbreast; })
      step_abreast(batch, begin, end);
    else
      for (int i = begin; i < end; ++i) batch.step(i);
  }

  std::size_t state_size() const override { return kWholeState<Task>; }
  void save_state(int i, std::span<double> to) const override {
    check_state(to.size());
    std::copy_n(state(i), kWholeState<Task>, to.begin());
  }
  void load_state(int i, std::span<const double> from) override {
    check_state(from.size());
    std::copy_n(from.begin(), kWholeState<Task>, one(i).states);
  }

 private:
  void require_finite(int begin, int end, const float* actions) const {
    for (int at = begin * Task::kAction; at < end * Task::kAction; ++at)
      if (!std::isfinite(actions[at]))
        throw Error::failed_run("action " + std::to_string(at % Task::kAction) + " of instance " +
                                    std::to_string(at / Task::kAction) + " is not finite",
                                spec_.name);
  }
  void check_state(std::size_t size) const {
    if (size == state_size()) return;
    throw Error("a state of " + std::to_string(size) + " numbers", spec_.name,
                "it holds " + std::to_string(state_size()));
  }
  const double* state(int i) const {
    if (i < 0 || i >= size_) throw Error("there is no instance " + std::to_string(i), spec_.name);
    return states_.data() + static_cast<std::size_t>(i) * kWholeState<Task>;
  }
  TaskBatch<Task> one(int i) {
    TaskBatch<Task> batch;
    batch.task = task_;
    batch.states = const_cast<double*>(state(i));
    return batch;
  }

  EnvSpec spec_;
  Task task_;
  int size_;
  std::vector<double> states_;
};

// The specification that a task's constants say.
template <class Task>
EnvSpec task_spec() {
  EnvSpec spec;
  spec.name = Task::kName;
  spec.observation_size = Task::kObservation;
  spec.action_size = Task::kAction;
  if constexpr (std::same_as<typename Task::Action, float>) {
    spec.action_low.assign(Task::kAction, static_cast<float>(-Task::kLimit));
    spec.action_high.assign(Task::kAction, static_cast<float>(Task::kLimit));
  } else {
    spec.action_choices = Task::kChoices;
  }
  spec.max_episode_steps = Task::kSteps;
  spec.reference_min = Task::kReferenceMin;
  spec.reference_max = Task::kReferenceMax;
  if constexpr (requires { Task::kSuccessReturn; }) spec.success_return = Task::kSuccessReturn;
  return spec;
}

// A batch of a task that says all of its specification, as a registry takes it
// (docs/adding_an_environment.md).
template <class Task>
std::unique_ptr<BatchEnvironment> make_task(int instances) {
  return std::make_unique<TaskEnvironment<Task>>(instances, Task{}, task_spec<Task>());
}
// The same of a task that keys made.
template <class Task>
std::unique_ptr<BatchEnvironment> make_task(const Parameters& keys, const Task& task, int instances) {
  EnvSpec spec = task_spec<Task>();
  spec.name = keys.text();
  return std::make_unique<TaskEnvironment<Task>>(instances, task, std::move(spec));
}

}  // namespace hardy::envs
