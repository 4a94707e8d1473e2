// Small tasks written once for every device: a task is a record of constexpr functions on one instance's
// state, and a batch steps them one by one (CPU; abreast.h: as many as a vector has lanes) or as one kernel,
// a thread to an instance (cuda/envs).
//
//   struct Pendulum {
//     static constexpr int kState, kObservation, kAction, kSteps;
//     using Action = float;  // or std::int32_t: its one action is a choice
//     constexpr void start(const Random& draws, double* state) const;
//     constexpr void observe(const double* state, double* observation) const;
//     constexpr Outcome step(const float* action, const Random& draws, double* state) const;  // draws: this
//     step's
//   };
#pragma once

#include <cstdint>

#include "engine/base/random.h"

namespace hardy::envs {

struct Outcome {
  double reward = 0;
  bool terminated = false;
};

// Behind a task's own state every instance keeps its step and the halves of its seed.
template <class Task>
inline constexpr int kWholeState = Task::kState + 3;

// A batch's memory, all of one device. reset: `seeds` given; step: actions and what comes of them.
template <class Task>
struct TaskBatch {
  Task task;
  std::int64_t n = 0;
  double *states = nullptr, *observations = nullptr;  // [n, kWholeState], [n, kObservation]
  const std::uint64_t* seeds = nullptr;               // [n]
  const typename Task::Action* actions = nullptr;     // [n, kAction]
  double* rewards = nullptr;                          // [n]
  std::uint8_t *terminated = nullptr, *truncated = nullptr;

  constexpr void reset(std::int64_t i) const { reset(i, seeds[i]); }
  constexpr void reset(std::int64_t i, std::uint64_t seed) const {
    double* state = states + i * kWholeState<Task>;
    task.start(Random(seed, RandomStream::kEnvironment), state);
    state[Task::kState] = 0;
    state[Task::kState + 1] = static_cast<double>(static_cast<std::uint32_t>(seed));
    state[Task::kState + 2] = static_cast<double>(static_cast<std::uint32_t>(seed >> 32));
    task.observe(state, observations + i * Task::kObservation);
  }
  constexpr void step(std::int64_t i) const {
    double* state = states + i * kWholeState<Task>;
    const double steps = state[Task::kState] += 1;
    const auto seed = static_cast<std::uint64_t>(state[Task::kState + 1]) |
                      static_cast<std::uint64_t>(state[Task::kState + 2]) << 32;
    const Random draws(seed, RandomStream::kEnvironment, static_cast<std::uint64_t>(steps));
    const Outcome outcome = task.step(actions + i * Task::kAction, draws, state);
    task.observe(state, observations + i * Task::kObservation);
    settle(i, outcome);
  }
  // What came of the step that was counted last.
  constexpr void settle(std::int64_t i, const Outcome& outcome) const {
    rewards[i] = outcome.reward;
    terminated[i] = outcome.terminated;
    truncated[i] = !outcome.terminated && states[i * kWholeState<Task> + Task::kState] >= Task::kSteps;
  }
};

// Held to [-limit, limit]; V: a double, or a vector of them.
template <class V>
constexpr V held(V x, double limit) {
  const V most = V{} + limit;
  return x < -most ? -most : (most < x ? most : x);
}

}  // namespace hardy::envs
