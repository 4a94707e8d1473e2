// Regret of learners that have a simulator and nothing else (adversarial/simulated/learner.h), on an instance
// that can be enumerated. The learner gets a handle of the game, from which no table can be reached. The
// evaluator outside it asks for pi_k at each state that can be met, by calls of its own that are not the
// learner's, and computes V^{pi_k}_k and the best fixed policy exactly.
#pragma once

#include "algorithms/experiments/regret_run.h"

namespace hardy::algorithms {

// As run_regret(), a replica a thread. An Error where the method has no such form, losses are adaptive,
// transitions are not kept as rows, or numbers are drawn from one sequence.
RegretResult run_through_simulator(const RegretConfig& config, ThreadTeam& team,
                                   const run::Watch& watch = {});

}  // namespace hardy::algorithms
