// What is known of D4RL's tasks: the returns that scores are measured between, and time limits.
#pragma once

#include <optional>
#include <string>

namespace hardy::datasets {

struct ReferenceScores {
  std::string family;  // "hopper", "maze2d-umaze-dense"
  double min, max;     // returns that score 0 and 100
};

// The task family whose name stands in `name` (a file or an environment) as whole words, the longest one:
// "antmaze-umaze-v2.hdf5" is antmaze, not ant. The same for all versions of a task. None: unknown.
std::optional<ReferenceScores> reference_scores(const std::string& name);

// The steps after which the task of such a name ends an episode (max_episode_steps of its registration); told
// as above. None: unknown.
std::optional<int> task_time_limit(const std::string& name);

}  // namespace hardy::datasets
