// Runs of a learner that has a simulator, where what comes out is the losses of the trajectories that were
// played: states need not be listed. (Regret of instances that can be enumerated:
// algorithms/experiments/simulator_run.h.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/adversarial/simulated/learner.h"

namespace hardy::algorithms {

// Plays episode k of the game under the learner's policies; what was met is in `met` [H]. The game's own
// steps are no simulator calls.
void play_episode(const envs::SimulatedGame& game, SimulatorLearner& learner, std::int64_t k,
                  std::uint64_t seed, std::vector<Met>& met);

struct SampledConfig : SimulatorSettings {
  const envs::SimulatedGame* game = nullptr;
  std::int64_t episodes = 0;  // K
};

// Bounds before the run: states that K (M + 1) trajectories can touch, each with K A bonus paths a layer of
// which every step touches one more.
struct SampledCost {
  double states = 0, paths = 0, simulator_calls = 0, bytes = 0;  // at most, per replica
  std::string text;
};
SampledCost sampled_cost(const SampledConfig& config);

struct SampledResult {
  double learner_loss = 0;           // sum of sampled losses: unbiased, with the deviation of the returns
  double standard_error = 0;         // of learner_loss, from the spread of episode losses
  std::vector<double> episode_loss;  // [K]
  std::int64_t states = 0, paths = 0;
  SimulatorLearner::Calls calls;
};
SampledResult run_sampled(const SampledConfig& config);
// As many trajectories of the uniform policy against the same losses: what a learner should beat.
SampledResult run_sampled_uniform(const SampledConfig& config);

// Independent paths of B_h(s,a) of a run's last episode: what its rows draw one of.
std::vector<double> sampled_bonus_paths(const SampledConfig& config, int h, envs::State s, int a, int paths);

}  // namespace hardy::algorithms
