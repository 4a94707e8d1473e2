// A policy's returns in its environment: deterministic actions, all episodes side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/acting/policy.h"
#include "envs/environment.h"

namespace hardy::algorithms {

struct Evaluation {
  std::vector<double> returns, lengths, scores;  // one an episode
  std::int64_t broken = 0;  // episodes that ended because the simulation did not stay finite
  double mean_return() const, std_return() const, mean_score() const, mean_length() const;
};

// An episode in each of the environment's instances, the i-th begun from the draw (seed, kEvaluation, i): the
// same for every policy.
Evaluation evaluate(Policy& policy, envs::BatchEnvironment& environment, std::uint64_t seed);
Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    envs::BatchEnvironment& environment, std::uint64_t seed);
// In an environment made for it, of `episodes` instances.
Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    const std::string& environment, int episodes, std::uint64_t seed);

}  // namespace hardy::algorithms
