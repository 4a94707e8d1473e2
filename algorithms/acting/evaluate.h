// A policy's returns in its environment, all episodes side by side: by its mode, or by draws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "algorithms/acting/policy.h"
#include "engine/base/stop.h"
#include "envs/environment.h"

namespace hardy::algorithms {

struct Evaluation {
  std::vector<double> returns, lengths, scores;  // one an episode
  std::int64_t broken = 0;                       // episodes that broke off
  std::string first_break;                       // how the first did in this environment; "" where none has
  std::int64_t clipped = 0;                      // actions that the environment moved to its bounds
  double mean_return() const, std_return() const, mean_score() const, mean_length() const;
};

// Who looks at the environment where the first instance's episode begins, and after each of its steps.
using FirstEpisode = std::function<void(const envs::BatchEnvironment&)>;

// Instances of an environment that is made for episodes of an evaluation: more of them are played in waves.
inline constexpr int kEvaluationWave = 32;

// Episodes, the i-th begun from the draw (seed, kEvaluation, i): the same for every policy, and for any
// number of instances. episodes 0: one in each instance. Stopped is thrown where it is stopped.
Evaluation evaluate(Policy& policy, envs::BatchEnvironment& environment, std::uint64_t seed,
                    const FirstEpisode& look = {});
// The same by draws instead of the mode: draws(episode, t) for step t of an episode.
using EpisodeDraws = std::function<Random(std::size_t episode, std::uint64_t t)>;
Evaluation evaluate(Policy& policy, envs::BatchEnvironment& environment, std::uint64_t seed,
                    const EpisodeDraws& draws, ThreadTeam& team, const FirstEpisode& look = {},
                    std::int64_t episodes = 0, StopToken stop = {});
Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    envs::BatchEnvironment& environment, std::uint64_t seed, const FirstEpisode& look = {},
                    std::int64_t episodes = 0, StopToken stop = {});
// In an environment made for it.
Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    const std::string& environment, int episodes, std::uint64_t seed,
                    const FirstEpisode& look = {});

}  // namespace hardy::algorithms
