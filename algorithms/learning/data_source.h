// What a method draws its batches from. A method says which kind it wants (Method::draws_from) and asks the
// source that it is built with for that kind in each of its updates: all updates of a step draw the same.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "algorithms/learning/learner.h"

namespace hardy::algorithms {

// A minibatch as graph values, rows drawn uniformly with replacement, one draw an agent.
struct Batch {
  Tensor observations;       // s   [A, B, obs]
  Tensor actions;            // a   [A, B, act], or i32 [A, B] of choices
  Tensor rewards;            // r   [A, B]
  Tensor next_observations;  // s'  [A, B, obs]
  Tensor terminals;          // 1 where s' is terminal [A, B]
  Tensor next_actions;       // a' of the data [A, B, act], where the method chose rows that have them
  // How far a row is believed, where its source was judged, else neither [A, B]: what it says of values
  // (observation, action, reward and next observation), and of what was done (observation and action).
  Tensor trust, action_trust;
  Tensor imitation;  // how much a row's imitation weighs [A, B], where that differs from row to row
  // Where the source's rewards are known beforehand: their quantiles of 0.001 and 0.999.
  std::optional<std::pair<double, double>> reward_span;
  std::int64_t agents = 0, rows = 0;
  int observation_size = 0, action_size = 0;  // action_size: the number of choices where they are some
};

// A minibatch of windows of T consecutive steps of one episode; a shorter one is padded with zeros
// behind its end, so that position 0 is always a step.
struct WindowBatch {
  Tensor observations;   // [A, B, T, obs]
  Tensor actions;        // [A, B, T, act]
  Tensor rewards;        // [A, B, T]
  Tensor returns_to_go;  // the sum of rewards from a step to its episode's end [A, B, T]
  Tensor timesteps;      // within its episode, from 0: i32 [A, B, T]
  Tensor valid;          // 1, and 0 where it is padding [A, B, T]
  Tensor lengths;        // steps that are no padding: i32 [A, B]
  // What ops::attention reads over windows of three tokens a step: 0 and 3 lengths, i32 [A, B].
  Tensor token_starts, token_ends;
  // Where a method corrects the data: the tables that the windows were taken from, an agent's own [A, N + 1,
  // n], of returns to go the third, and the rows of them at each step, i32 [A, B T]; N is padding.
  Tensor action_table, reward_table, return_table, rows;
  std::int64_t agents = 0, windows = 0, steps = 0;
};

class DataSource {
 public:
  DataSource(int observation_size, int action_size, std::int64_t batch)
      : observation_size_(observation_size), action_size_(action_size), batch_(batch) {}
  virtual ~DataSource() = default;

  int observation_size() const { return observation_size_; }
  int action_size() const { return action_size_; }
  // This step's batch, as values of the update's graph, or an equal part of it where the update takes several
  // passes. An Error of a source that draws another kind.
  virtual Batch batch(Update& update) const;
  virtual WindowBatch windows(Update& update) const;

 protected:
  // How many of the batch one pass draws; an Error where it has no equal parts.
  std::int64_t drawn(const Update& update) const;

 private:
  int observation_size_, action_size_;
  std::int64_t batch_;
};

}  // namespace hardy::algorithms
