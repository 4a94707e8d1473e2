// What a learner plays: an instance for K episodes, with which random numbers, and by which estimator it sees
// its covariances.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "algorithms/adversarial/covariance/choice.h"
#include "algorithms/adversarial/settings.h"
#include "envs/linear_mdp/instance.h"

namespace hardy::algorithms {

// --random: "philox", keyed by (seed, stream, episode, index), or "splitmix64:S", one sequence a replica
// (S, S+1, ...) read in the order action, next state, action, ... (adversarial_mdp reference traces).
struct RandomChoice {
  bool splitmix = false;
  std::uint64_t first_seed = 0;
};
RandomChoice parse_random(const std::string& text);

// Sizes that the simulator-free linear-MDP learner takes as inputs; 0 takes its own (cover_sizes()).
struct CoverSettings {
  double delta_e = 0, alpha = 0;
  std::int64_t epoch = 0, cover_episodes = 0;
  bool oracle = false;       // the cover is computed from known P and costs no episodes
  std::int64_t rounds = 64;  // of the cover, fewer where it has fewer than two episodes for each
  double bonus = 0.1;        // the width that its planner adds
};

struct Game {
  envs::Instance instance;
  std::int64_t episodes = 0;  // K
  RandomChoice random;
  CovarianceChoice covariance;
  CoverSettings cover;
  std::map<std::string, double> keys;  // of the method's own (RegretMethod::keys), by name

  double key(const std::string& name) const;  // an Error where there is none
};

struct Lane {  // a replica of a group
  std::uint64_t seed = 0;
  StepSizes steps;
};

struct Visit {
  int state = 0, action = 0;
};

}  // namespace hardy::algorithms
