// How badly a critic fits transitions, without those that nothing would fit: the trimmed TD error.
//
//   delta = r + gamma (1 - d) Q(s', pi(s')) - Q(s, a),   Q the mean of the ensemble, pi the policy's mode,
//   the mean of the smallest share `kept` of delta^2 over the rows.
//
// What is large stays out, so that corrupted rows do not decide (a trimmed mean; Tukey 1962). For choosing
// among policies it is a heuristic: a critic may fit a bad policy well.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/offline/victim.h"
#include "datasets/transitions.h"
#include "engine/base/threads.h"

namespace hardy::algorithms {

struct TrimmedMean {
  double mean = 0, low = 0, high = 0;  // 95 % of resamples of whole episodes
};
// x [rows]; ends [rows]: 1 where an episode's last row is. kept in (0, 1]: at least one row. The interval is
// that of `resamples` draws of as many episodes with replacement; 0: none, low = high = mean.
TrimmedMean trimmed_mean(std::span<const float> x, std::span<const std::uint8_t> ends, double kept,
                         std::int64_t resamples, std::uint64_t seed);

// delta^2 of each transition, raw as the dataset has them. An Error where the sizes are others.
std::vector<float> squared_td_errors(const Victim& critic, const datasets::Transitions& data, double gamma,
                                     ThreadTeam& team);

}  // namespace hardy::algorithms
