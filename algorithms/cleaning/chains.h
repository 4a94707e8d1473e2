// A dataset as chains of states, in units that a few wild values do not move. Within an episode a state may
// be in the file twice: as a row's observation and as the next observation of the row before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/episodes.h"
#include "datasets/store.h"

namespace hardy::algorithms {

inline constexpr int kObservation = 0, kNext = 1;  // which copy

// x = median + deviation u of each dimension.
struct Units {
  std::vector<float> median, deviation;
  std::size_t size() const { return median.size(); }
};

struct Chains {
  std::int64_t rows = 0;
  std::size_t d = 0, a = 0;  // sizes of a state and of an action
  bool has_next = false, has_rewards = false;
  Units states, actions, rewards;
  std::vector<float> steps;                               // a dimension's usual step, in its deviation
  std::vector<float> observations, next, action, reward;  // [rows, size], in units
  std::vector<float> file_observations, file_next;        // as the file has them
  std::vector<datasets::EpisodeRows> episodes;

  std::span<const float> observation_of(std::int64_t row) const { return at(observations, row, d); }
  std::span<const float> next_of(std::int64_t row) const { return at(next, row, d); }
  std::span<const float> action_of(std::int64_t row) const { return at(action, row, a); }
  // A copy of the state that a row's transition leaves, and of that which it leads to.
  std::span<const float> copy_from(std::int64_t row, int copy) const {
    return copy == kNext ? next_of(row - 1) : observation_of(row);
  }
  std::span<const float> copy_to(std::int64_t row, int copy) const {
    return copy == kNext ? next_of(row) : observation_of(row + 1);
  }

  // Transitions are rows that have both their states: all of them where the file has next observations,
  // otherwise all but the episodes' last ones.
  bool is_transition(std::int64_t row) const { return has_next || !ends[static_cast<std::size_t>(row)]; }
  std::vector<std::uint8_t> begins, ends;  // of each row: whether it is its episode's first, last

 private:
  static std::span<const float> at(const std::vector<float>& of, std::int64_t row, std::size_t width) {
    return std::span(of).subspan(static_cast<std::size_t>(row) * width, width);
  }
};

// Errors: columns that hold what is not finite, naming the first row; actions that are choices.
Chains chains_of(datasets::Reader& in);

}  // namespace hardy::algorithms
