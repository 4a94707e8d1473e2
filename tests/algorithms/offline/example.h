// Transitions of 5 observations and 3 actions, drawn from fixed streams; every seventh ends its episode.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/transitions.h"
#include "engine/base/random.h"

namespace hardy::algorithms {

inline datasets::Transitions example_transitions(std::int64_t rows) {
  datasets::Transitions t;
  t.rows = rows;
  t.observation_size = 5;
  t.action_size = 3;
  const auto fill = [&](std::vector<float>& x, std::int64_t width, std::uint64_t which, double scale) {
    const Random random(which, RandomStream::kUser);
    for (std::int64_t i = 0; i < rows * width; ++i)
      x.push_back(static_cast<float>(scale * random.normal(static_cast<std::uint64_t>(i))));
  };
  fill(t.observations, 5, 1, 1);
  fill(t.actions, 3, 2, 0.5);
  fill(t.rewards, 1, 3, 2);
  fill(t.next_observations, 5, 4, 1);
  for (std::int64_t i = 0; i < rows; ++i) t.terminals.push_back(i % 7 == 0);
  t.episode_end.assign(static_cast<std::size_t>(rows), 0);
  return t;
}

}  // namespace hardy::algorithms
