// Datasets of our own: D4RL-shaped files from policies acting in an environment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/acting/policy.h"
#include "datasets/formats/hdf5_file.h"
#include "engine/run/observer.h"

namespace hardy::algorithms {

// A stretch of a dataset: who acts, and for how many steps, or for how many whole episodes. No parameters:
// uniform random actions.
struct Stretch {
  std::string name;
  PolicySpec spec;
  std::vector<std::vector<float>> parameters;
  std::int64_t steps = 0, episodes = 0;  // episodes > 0: instead of steps
  std::string algorithm = "SAC";         // that trained it
};

// The stretches of a behaviour, from the snapshots that are shipped along one SAC training:
//   random         uniform actions
//   medium, expert one snapshot each, acting stochastically
//   medium-replay  what training up to medium would have left: every earlier snapshot for the share of
//                  steps that it stands for
//   medium-expert  half medium, half expert
// An Error where the environment has no snapshots, or none that counts as an expert.
std::vector<Stretch> behaviour(const std::string& environment, const std::string& name, std::int64_t steps);
std::vector<std::string> behaviour_names();

// Every key of a D4RL v2 MuJoCo file (and metadata/broken_episodes where there were any: episodes played that
// broke off, of which the watch hears); actions are float32 within the task's bounds, or int64
// choices. Episode i begins from the draw (seed, kEnvironment, i); the last one is cut where the steps end,
// without a flag, as in the published files. The watch hears and may stop (Stopped) between two waves of
// episodes.
datasets::Arrays collect(const std::string& environment, const std::vector<Stretch>& stretches,
                         std::uint64_t seed, int threads, const run::Watch& watch = {});

}  // namespace hardy::algorithms
