// Policies of every kind, with drawn parameters: 3 observations; 2 actions in [-2, 2] x [0, 5], or 4 choices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "algorithms/acting/policy.h"
#include "engine/base/random.h"

namespace hardy::test {

struct MadePolicy {
  algorithms::PolicySpec spec;
  std::vector<std::vector<float>> parameters;
};

inline MadePolicy made_policy(algorithms::Head head, bool scaled, bool normalised,
                              std::vector<std::int64_t> hidden, std::uint64_t seed) {
  MadePolicy made;
  algorithms::PolicySpec& spec = made.spec;
  spec.head = head, spec.scaled = scaled, spec.hidden = std::move(hidden);
  spec.observation_size = 3, spec.action_size = 2;
  if (algorithms::chooses(head))
    spec.action_size = 1, spec.action_choices = 4;
  else
    spec.action_low = {-2, 0}, spec.action_high = {2, 5};
  if (normalised) spec.observation_mean = {0.5f, -1, 3}, spec.observation_std = {2, 1.5f, 4};
  const Random random(seed, RandomStream::kUser);
  std::uint64_t drawn = 0;
  for (const nn::TensorSpec& t : spec.mlp()->tensors("policy", 1)) {
    std::vector<float>& x = made.parameters.emplace_back(static_cast<std::size_t>(t.shape.elements()));
    const double scale = 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, t.fan_in)));
    for (float& v : x) v = static_cast<float>(scale * random.normal(drawn++));
  }
  if (head == algorithms::Head::kGaussian) made.parameters.push_back({-1, 0.5f});
  return made;
}

// Each head, with and without normalisation, of one to three hidden layers.
inline std::vector<MadePolicy> made_policies() {
  using algorithms::Head;
  return {made_policy(Head::kDeterministic, true, true, {16, 16}, 0),
          made_policy(Head::kDeterministic, true, false, {24, 12, 8}, 1),
          made_policy(Head::kTanhGaussian, true, false, {16, 16}, 2),
          made_policy(Head::kGaussian, true, true, {16}, 3),
          made_policy(Head::kGaussian, false, false, {16, 16}, 4),
          made_policy(Head::kCategorical, true, true, {16}, 5),
          made_policy(Head::kGreedyQ, true, false, {16, 16}, 6),
          made_policy(Head::kDuelingQ, true, false, {16}, 7)};
}

// Standard normal numbers.
inline std::vector<double> drawn_observations(std::int64_t rows, std::uint64_t seed) {
  const Random random(seed, RandomStream::kUser, 1);
  std::vector<double> x;
  for (std::int64_t i = 0; i < 3 * rows; ++i) x.push_back(random.normal(static_cast<std::uint64_t>(i)));
  return x;
}

}  // namespace hardy::test
