// Transitions: what learning sees of a dataset. A view decides which rows of a file become transitions
// and where their next states come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"

namespace hardy::datasets {

struct Transitions {  // row-major float32
  std::int64_t rows = 0;
  int observation_size = 0, action_size = 0;
  std::vector<float> observations, actions, rewards, next_observations, terminals;  // terminals 0 or 1
  std::vector<float> next_actions;  // where somebody asked for them (datasets/chosen_rows.h), else empty
  // How far a row's observation, action, reward and next observation are believed, in [0, 1] [rows, 4];
  // where nobody judged them, empty.
  std::vector<float> trust;
  std::vector<std::uint8_t> episode_end;  // the row is the last of its episode
};

// qlearning: exactly what D4RL's qlearning_dataset returns. Rows 0 .. N-2; the next state is the next
//   row's observation, whatever the file says; rows at a time limit are left out; terminal rows stay. In a
//   file without timeouts the limit is counted as D4RL counts it: an episode that follows a terminal row
//   starts at step 1.
// lossless: every row that has a next state: next_observations where the file has them (then all N rows,
//   time-limited ones too, bootstrapping), otherwise the row that follows, as in qlearning, with episodes
//   counted from step 0.
enum class View { kQlearning, kLossless };
View view_named(const std::string& name);

// Whether a dataset must have rewards: learning needs them, looking and corrupting do not (OGBench's have
// none).
enum class Rewards { kNeeded, kWherePresent };

// The columns that transitions need, checked: observations [N, d], actions [N, k], rewards and
// terminals [N] or [N, 1]; timeouts and next_observations where present. Errors name file, key, shape.
void check_d4rl(const Reader& reader, Rewards rewards = Rewards::kNeeded);
void check_d4rl(const Arrays& arrays, const std::string& path);

// max_episode_steps: where a file without timeouts cuts its episodes. From a reader: by pieces, so that
// memory holds the transitions and little more.
Transitions transitions_of(Reader& reader, View view, int max_episode_steps = 1000);
Transitions transitions_of(const Arrays& arrays, View view, const std::string& path,
                           int max_episode_steps = 1000);

// For methods that learn from observations and actions alone: columns that the arrays lack are made, rewards
// and terminals of zeros, and without terminals next_observations equal to the observations, so that every
// row counts and none is taken for the next state of another. Returns what was made, by key.
std::vector<std::string> complete_for_imitation(Arrays& arrays);

// Refuses NaN and infinities, naming the column and its first row.
void require_finite(const Transitions& t, const std::string& path);

struct Normalisation {
  std::vector<float> mean, std;  // std has 1e-3 added
};
// Per dimension over observations and next_observations together: mean and population standard deviation,
// or, what a minority of wild rows cannot move, the median and 1.4826 times the median distance from it
// (their standard deviation where more than half are equal).
enum class Statistics { kMoments, kMedians };
Normalisation observation_normalisation(const Transitions& t, Statistics statistics = Statistics::kMoments);
void normalise_observations(Transitions& t, const Normalisation& n);

}  // namespace hardy::datasets
