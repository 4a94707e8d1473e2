// The transitions that agents have gathered, a table an agent; the oldest are overwritten. A source of
// batches as a dataset is, whose rows grow while it is drawn from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/acting/actions.h"
#include "algorithms/learning/transition_source.h"
#include "engine/device/row_feed.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {

class Replay {
 public:
  // Tables of `capacity` rows for each agent. An Error, before any is taken, where this machine has not the
  // memory, which names the key that asked for as many.
  Replay(std::int64_t agents, std::int64_t capacity, const envs::EnvSpec& spec,
         const std::string& key = "--capacity");

  std::int64_t capacity() const { return capacity_; }
  std::int32_t rows() const { return rows_; }
  // Where a method draws from; this outlives the learner, and stays where it is.
  TransitionTables tables();
  // What brings them to the mirror's device; null without one. Neither this nor the mirror ends before it.
  std::unique_ptr<device::RowFeed> feed(device::Mirror* mirror);

  // What an agent's step has to say: the state it was in, its action as it acted, what came of it.
  struct Step {
    std::span<const double> observation, next_observation;
    Actions action;
    double reward;
    bool terminated;
  };
  // Overwrites row t % capacity. Numbers are scaled into [-1, 1], as the policy's are in the updates.
  void put(std::int64_t agent, std::int64_t t, const Step& step);
  // After all agents' put(t): the row counts.
  void filled(std::int64_t t) { rows_ = static_cast<std::int32_t>(std::min(t + 1, capacity_)); }

  // As [agents, capacity, ...]; actions scaled, and empty where they are choices.
  const std::vector<float>& observations() const { return observations_; }
  const std::vector<float>& actions() const { return actions_; }
  const std::vector<std::int32_t>& choices() const { return choices_; }

  void save(run::ArchiveWriter& file) const;
  // What save() wrote, of a replay that may have had another capacity: `t` steps had been taken. An Error
  // where rows of it are gone or do not fit.
  void restore(const run::Archive& file, std::int64_t saved_capacity, std::int32_t rows, std::int64_t t);

 private:
  // f(memory, numbers a row, name in a checkpoint) for each table.
  template <class Self, class F>
  static void for_tables(Self& self, F&& f);

  std::int64_t agents_, capacity_;
  int observation_size_;
  ActionBounds bounds_;
  std::vector<float> observations_, actions_, rewards_, next_observations_, terminals_;  // [A, capacity, ...]
  std::vector<std::int32_t> choices_;  // instead of actions_
  std::int32_t rows_ = 0;
};

}  // namespace hardy::algorithms
