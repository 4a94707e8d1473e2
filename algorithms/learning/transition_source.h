// Batches of transitions: from a dataset's rows, the same table for all agents, or from a replay, a table an
// agent; or a share of each.
#pragma once

#include <cstdint>

#include "algorithms/learning/data_source.h"

namespace hardy::algorithms {

// Tables in memory that outlives the learner: [capacity, width], or [agents, capacity, width] if not shared.
struct TransitionTables {
  float *observations = nullptr, *actions = nullptr, *rewards = nullptr, *next_observations = nullptr,
        *terminals = nullptr;
  std::int32_t* rows = nullptr;  // how many are filled
  std::int64_t capacity = 0;
  bool shared = false;              // by all agents
  std::int32_t* choices = nullptr;  // [..., capacity] instead of `actions`, where these are choices
  float* next_actions = nullptr;    // where there are any
  float *trust = nullptr, *action_trust = nullptr;  // of a transition, and of its action [..., capacity]
  float* imitation = nullptr;  // how much a row's imitation weighs [..., capacity], where that differs
  std::optional<std::pair<double, double>> reward_span = {};  // as Batch has it
};

class TransitionSource final : public DataSource {
 public:
  TransitionSource(const TransitionTables& tables, int observation_size, int action_size, std::int64_t batch)
      : DataSource(observation_size, action_size, batch), tables_(tables) {}

  Batch batch(Update& update) const override;

 private:
  TransitionTables tables_;
};

// A part of each batch from a dataset, the rest from a replay that grows: symmetric sampling (Ball, Smith,
// Kostrikov, Levine 2023, arXiv 2302.02948) where they are equal. Both draw uniformly with replacement.
class MixedSource final : public DataSource {
 public:
  // share: of the replay's rows in a batch, in (0, 1]; at least one row is from there. Where the dataset's
  // rows have trust, the replay's have 1; the span of rewards is the dataset's. Neither has the data's next
  // actions.
  MixedSource(const TransitionTables& dataset, const TransitionTables& replay, double share,
              int observation_size, int action_size, std::int64_t batch)
      : DataSource(observation_size, action_size, batch), dataset_(dataset), replay_(replay), share_(share) {}

  Batch batch(Update& update) const override;
  // Of `rows` of a batch, those from the replay.
  static std::int64_t rows_from_replay(double share, std::int64_t rows);

 private:
  TransitionTables dataset_, replay_;
  double share_;
};

}  // namespace hardy::algorithms
