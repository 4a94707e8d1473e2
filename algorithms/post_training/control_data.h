// What a control policy is post-trained on: starts of an environment, and demonstrations that belong to them.
//
// A start is the reset of a seed: start k has the seed of episode k of `hardy data collect` with the same
// --seed, so that n rollouts can begin exactly where a recorded episode did. A demonstration belongs to the
// start whose first observation it has, to the last bit of float32; one that begins elsewhere belongs to
// none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/store.h"
#include "envs/environment.h"

namespace hardy::algorithms {

struct Demonstration {
  std::int64_t steps = 0;                    // 0: there is none
  std::vector<float> observations, actions;  // [steps, obs], [steps, act] within the bounds, as recorded
  std::vector<std::int32_t> choices;         // [steps], instead of actions
  double episode_return = 1;                 // of its rewards; 1 where the file has none
  bool succeeded = true;                     // by them; true where the file has none
};

struct ControlStart {
  std::uint64_t seed;
  std::vector<float> observation;
  Demonstration demonstration;
};

struct ControlData {
  std::string environment;
  envs::EnvSpec spec;
  double success_return = 1;  // an episode of at least this return is a success
  std::vector<ControlStart> starts;

  // What became of a file's episodes.
  std::int64_t episodes = 0, elsewhere = 0, surplus = 0, failed = 0;  // surplus: their start has one already
  bool has_rewards = true;
};

// The starts 0 .. count - 1 of a seed. An Error where a reset with the same seed is not the same.
ControlData control_starts(const std::string& environment, double success_return, std::uint64_t seed,
                           std::int64_t count);

// Gives the starts their demonstrations: of several for one start the first that succeeded, else the first.
// Errors: no episodes, other sizes than the environment's, choices for numbers or the other way round, values
// that are not finite or are no choice, an episode that is longer than the environment's, and a file none of
// whose episodes begins at a start.
void add_demonstrations(ControlData& data, datasets::Reader& file);
// How many episodes a file has, by its flags.
std::int64_t episodes_in(datasets::Reader& file, const envs::EnvSpec& spec);

}  // namespace hardy::algorithms
