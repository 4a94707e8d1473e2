// An environment step of one agent, a replay's row and all, compiled for every device from here: what a
// launch of device_interaction.h is told, and what a thread of it does.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "algorithms/acting/formulas.h"
#include "engine/device/launch.h"
#include "envs/control/task.h"

namespace hardy::algorithms {

// Of an agent's draws of a step the one that says whether it acts evenly: beyond those of the actions.
inline constexpr std::uint64_t kExploreDraw = 1 << 20;

// All memory is the device's. n: the agents, each in the instance of its number.
template <class Task>
struct TaskInteraction {
  static constexpr bool kNumbers = std::is_same_v<typename Task::Action, float>;

  envs::TaskBatch<Task> batch;                         // `seeds` are the agents'
  typename Task::Action* actions = nullptr;            // the batch's
  std::uint64_t* episodes = nullptr;                   // [n] begun
  double *returns = nullptr, *last_returns = nullptr;  // [n]: of the episode so far, of the last that ended
  std::int64_t* not_finite = nullptr;  // [n]: the first step whose action was not, counted from 1; 0: none
  // The policy's network: what it gave, actions [n, kAction] in [-1, 1] or scores [n, choices]; what it takes
  // next, observations [n, kObservation] and normals [n, kAction] (null where it takes none).
  const float* gave = nullptr;
  float *sees = nullptr, *noise = nullptr;
  float low[Task::kAction] = {}, high[Task::kAction] = {};  // of numbers
  std::int32_t choices = 0;
  // The replay's tables [n, capacity, ...], and how many rows they have.
  float *observations = nullptr, *next_observations = nullptr, *rewards = nullptr, *terminals = nullptr;
  float* numbers = nullptr;
  std::int32_t* chosen = nullptr;
  std::int32_t* rows = nullptr;
  std::int64_t capacity = 1;
  std::int64_t t = 0;
  double uniform = 0;  // the share of even draws among the actions

  // Acts, steps, keeps the row, begins another episode where one ended, and looks.
  constexpr void step(std::int64_t i) const {
    const std::int64_t row = i * capacity + t % capacity;
    keep_observation(i, observations + row * Task::kObservation);
    act(i, draws_of(i, t));
    batch.step(i);
    keep_observation(i, next_observations + row * Task::kObservation);
    for (int k = 0; k < Task::kAction; ++k) {
      const auto action = actions[i * Task::kAction + k];
      if constexpr (kNumbers)
        numbers[row * Task::kAction + k] = scaled_within(low[k], high[k], action);
      else
        chosen[row] = action;
    }
    rewards[row] = static_cast<float>(batch.rewards[i]);
    terminals[row] = static_cast<float>(batch.terminated[i]);
    if (i == 0) *rows = static_cast<std::int32_t>(t + 1 < capacity ? t + 1 : capacity);
    returns[i] += batch.rewards[i];
    if (batch.terminated[i] || batch.truncated[i]) {
      last_returns[i] = returns[i];
      returns[i] = 0;
      batch.reset(i, episode_seed(batch.seeds[i], RandomStream::kEnvironment, episodes[i]++));
    }
    look(i, t + 1);
  }
  // What the network takes at step `at`.
  constexpr void look(std::int64_t i, std::int64_t at) const {
    keep_observation(i, sees + i * Task::kObservation);
    if (!noise) return;
    const Random draws = draws_of(i, at);
    for (int k = 0; k < Task::kAction; ++k)
      noise[i * Task::kAction + k] = static_cast<float>(draws.normal(static_cast<std::uint64_t>(k)));
  }

 private:
  constexpr Random draws_of(std::int64_t i, std::int64_t at) const {
    return {batch.seeds[i], RandomStream::kExplore, static_cast<std::uint64_t>(at)};
  }
  constexpr void keep_observation(std::int64_t i, float* to) const {
    for (int k = 0; k < Task::kObservation; ++k)
      to[k] = static_cast<float>(batch.observations[i * Task::kObservation + k]);
  }
  constexpr void act(std::int64_t i, const Random& draws) const {
    const bool even = uniform >= 1 || (uniform > 0 && draws.uniform64(kExploreDraw) < uniform);
    if constexpr (kNumbers) {
      for (int k = 0; k < Task::kAction; ++k) {
        const std::int64_t at = i * Task::kAction + k;
        actions[at] = even ? evenly(low[k], high[k], draws.uniform(static_cast<std::uint64_t>(k)))
                           : acted_within(low[k], high[k], gave[at]);
        if (!std::isfinite(actions[at]) && not_finite[i] == 0) not_finite[i] = t + 1;
      }
    } else {
      actions[i] = even ? evenly(choices, draws.uniform(0)) : first_largest(gave + i * choices, choices);
    }
  }
};

// What a backend brings for a task: step(i) of all agents, and look(i, t) of all.
template <class Task>
inline constexpr device::LaunchName<const TaskInteraction<Task>&> kInteract{"interact", Task::kName};
template <class Task>
inline constexpr device::LaunchName<const TaskInteraction<Task>&> kLook{"look", Task::kName};

}  // namespace hardy::algorithms
