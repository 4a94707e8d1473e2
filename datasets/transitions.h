// Transitions: what learning sees of a dataset. A view decides which rows of a file become transitions
// and where their next states come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/hdf5_file.h"

namespace hardy::datasets {

struct Transitions {  // row-major float32
  std::int64_t rows = 0;
  int observation_size = 0, action_size = 0;
  std::vector<float> observations, actions, rewards, next_observations, terminals;  // terminals 0 or 1
  std::vector<std::uint8_t> episode_end;  // the row is the last of its episode
};

// qlearning: exactly what D4RL's qlearning_dataset returns. Rows 0 .. N-2; the next state is the next
//   row's observation, whatever the file says; rows at a time limit are left out; terminal rows stay.
// lossless: every row that has a next state: next_observations where the file has them (then all N rows,
//   time-limited ones too, bootstrapping), otherwise as qlearning.
enum class View { kQlearning, kLossless };
View view_named(const std::string& name);

// The columns that a D4RL file must have, checked: observations [N, d], actions [N, k], rewards and
// terminals [N] or [N, 1]; timeouts and next_observations where present. Errors name file, key, shape.
void check_d4rl(const Arrays& arrays, const std::string& path);

// max_episode_steps: where a file without timeouts cuts its episodes.
Transitions transitions_of(const Arrays& arrays, View view, const std::string& path,
                           int max_episode_steps = 1000);

// Refuses NaN and infinities, naming the column and its first row.
void require_finite(const Transitions& t, const std::string& path);

struct Normalisation {
  std::vector<float> mean, std;  // std has 1e-3 added
};
// Per dimension over observations and next_observations together, population standard deviation.
Normalisation observation_normalisation(const Transitions& t);
void normalise_observations(Transitions& t, const Normalisation& n);

}  // namespace hardy::datasets
