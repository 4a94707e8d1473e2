// What single numbers of actions and episodes are made by, compiled for every device from here: scalars
// alone.
#pragma once

#include <cstdint>

#include "engine/base/random.h"

namespace hardy::algorithms {

// The seed of episode n: a draw of its own, whatever came before.
constexpr std::uint64_t episode_seed(std::uint64_t seed, RandomStream stream, std::uint64_t episode) {
  const PhiloxBlock b = Random(seed, stream, episode).block(0);
  return std::uint64_t{b[0]} << 32 | b[1];
}

// Even draws by u in [0, 1): a number within bounds, or one of n choices.
constexpr float evenly(float low, float high, float u) { return low + (high - low) * u; }
constexpr std::int32_t evenly(std::int32_t n, float u) {
  return static_cast<std::int32_t>(static_cast<float>(n) * u);
}

// x in [-1, 1], a squashed head's, as an action within its bounds, which rounding may pass by a last bit.
constexpr float acted_within(float low, float high, float x) {
  const float action = low + (x + 1) * 0.5f * (high - low);
  return action < low ? low : (high < action ? high : action);
}
// An action as networks see it: u = (a - centre) / half.
constexpr float scaled_within(float low, float high, float action) {
  return (action - (low + high) * 0.5f) / ((high - low) * 0.5f);
}

// The first of the largest of n scores.
constexpr std::int32_t first_largest(const float* scores, std::int32_t n) {
  std::int32_t best = 0;
  for (std::int32_t k = 1; k < n; ++k)
    if (scores[best] < scores[k]) best = k;
  return best;
}

}  // namespace hardy::algorithms
