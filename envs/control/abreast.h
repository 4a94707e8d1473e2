// Instances abreast: the CPU steps as many as a vector has lanes at once, for tasks whose arithmetic is dear.
//
// Such a task says kAbreast and writes its functions on V, a vector of doubles, a lane to an instance:
//   template <class V> void observe(const V* state, V* observation) const;
//   template <class V> Abreast<V> step(const V* action, V* state) const;  // no draws
// An instance's bits do not depend on who is beside it, as long as both do nothing but arithmetic,
// comparisons, conditional operators and functions of engine/base/simd.h and sin_cos.h.
#pragma once

#include <algorithm>

#include "engine/base/simd.h"
#include "envs/control/task.h"

namespace hardy::envs {

template <class V>
struct Abreast {
  V reward, terminated;  // terminated: 1 or 0
};

// Whether a comparison of vectors holds in any lane.
template <class Comparison>
inline bool any(const Comparison& holds) {
  if constexpr (std::is_same_v<Comparison, bool>) {
    return holds;
  } else {
    bool found = false;
    for (int lane = 0; lane < simd::VectorOf<double>::kLanes; ++lane) found |= holds[lane] != 0;
    return found;
  }
}

// Steps instances [begin, end). Where fewer are left than there are lanes, the last one fills the others.
template <class Task>
void step_abreast(const TaskBatch<Task>& batch, std::int64_t begin, std::int64_t end) {
  using Vector = simd::VectorOf<double>;
  using V = typename Vector::type;
  constexpr int lanes = Vector::kLanes;
  // Of numbers [n, width], of which the first `count` are wanted: [count][lanes], and back.
  const auto gather = [](const auto* from, int width, int present, V* to, int count) {
    for (int k = 0; k < count; ++k)
      for (int lane = 0; lane < lanes; ++lane)
        to[k][lane] = static_cast<double>(from[std::min(lane, present - 1) * width + k]);
  };
  const auto scatter = [](const V* from, int count, double* to, int width, int present) {
    for (int k = 0; k < count; ++k)
      for (int lane = 0; lane < present; ++lane) to[lane * width + k] = from[k][lane];
  };
  for (std::int64_t first = begin; first < end; first += lanes) {
    const int present = static_cast<int>(std::min<std::int64_t>(lanes, end - first));
    double* states = batch.states + first * kWholeState<Task>;
    V action[Task::kAction], state[Task::kState], observation[Task::kObservation];
    gather(batch.actions + first * Task::kAction, Task::kAction, present, action, Task::kAction);
    gather(states, kWholeState<Task>, present, state, Task::kState);
    const Abreast<V> outcome = batch.task.step(action, state);
    batch.task.observe(state, observation);
    scatter(state, Task::kState, states, kWholeState<Task>, present);
    scatter(observation, Task::kObservation, batch.observations + first * Task::kObservation,
            Task::kObservation, present);
    for (int lane = 0; lane < present; ++lane) {
      states[lane * kWholeState<Task> + Task::kState] += 1;
      batch.settle(first + lane, {outcome.reward[lane], outcome.terminated[lane] != 0});
    }
  }
}

}  // namespace hardy::envs
