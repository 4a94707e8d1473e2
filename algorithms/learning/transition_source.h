// Where a method's batches of transitions come from: a dataset's rows, the same table for all agents, or a
// replay, a table an agent. Declared once here; a method asks for this step's batch in each of its updates.
#pragma once

#include <cstdint>

#include "algorithms/learning/learner.h"

namespace hardy::algorithms {

// A minibatch as graph values, rows drawn uniformly with replacement, one draw an agent.
struct Batch {
  Tensor observations;       // s   [A, B, obs]
  Tensor actions;            // a   [A, B, act], or i32 [A, B] of choices
  Tensor rewards;            // r   [A, B]
  Tensor next_observations;  // s'  [A, B, obs]
  Tensor terminals;          // 1 where s' is terminal [A, B]
  std::int64_t agents = 0, rows = 0;
  int observation_size = 0, action_size = 0;  // action_size: the number of choices where they are some
};

// Tables in memory that outlives the learner: [capacity, width], or [agents, capacity, width] if not shared.
struct TransitionTables {
  float *observations = nullptr, *actions = nullptr, *rewards = nullptr, *next_observations = nullptr,
        *terminals = nullptr;
  std::int32_t* rows = nullptr;  // how many are filled
  std::int64_t capacity = 0;
  bool shared = false;              // by all agents
  std::int32_t* choices = nullptr;  // [..., capacity] instead of `actions`, where these are choices
};

class TransitionSource {
 public:
  TransitionSource(const TransitionTables& tables, int observation_size, int action_size, std::int64_t batch)
      : tables_(tables), observation_size_(observation_size), action_size_(action_size), batch_(batch) {}

  int observation_size() const { return observation_size_; }
  int action_size() const { return action_size_; }
  // This step's batch, as values of the update's graph, or an equal part of it where the update takes several
  // passes: all updates of a step draw the same rows.
  Batch batch(Update& update) const;

 private:
  TransitionTables tables_;
  int observation_size_, action_size_;
  std::int64_t batch_;
};

}  // namespace hardy::algorithms
