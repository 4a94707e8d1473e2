// Soft actor-critic with a learnt temperature (Haarnoja et al. 2018, arXiv 1812.05905).
#pragma once

#include "algorithms/acting/policy.h"
#include "algorithms/learning/learner.h"
#include "algorithms/learning/transition_source.h"

namespace hardy::algorithms {

struct SacSettings {
  std::vector<std::int64_t> hidden = {256};  // of all networks, as hidden_layers() reads them
  std::int64_t batch = 256, critics = 2;
  double gamma = 0.99, polyak = 0.005;
  double learning_rate = 3e-4;
  double target_entropy = 0;  // 0: minus the number of actions
  double initial_alpha = 1.0;
};

PolicySpec sac_policy(const SacSettings& settings, int observation_size, int action_size);

// Adds SAC's networks and its two updates to the learner.
void build_sac(Learner& learner, const SacSettings& settings, int observation_size, int action_size,
               const TransitionTables& replay);

}  // namespace hardy::algorithms
