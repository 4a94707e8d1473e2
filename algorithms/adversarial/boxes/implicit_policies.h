// The simulator methods where states cannot be enumerated: pi_k(.|s) exists only at states that are touched.
//
// A touched state (h, s) keeps its row of costs and the policies pi_0, pi_1, ... that it has been brought up
// to. Bringing it up by one episode adds Qhat_j(s,a), from the stored thetahat_j,h, and takes away one
// sampled path of the dilated bonus (Luo, Wei, Lee 2021, unbiased):
//
//   v = b_j,h(s,a);  then s <- simulator, a ~ pi_j(.|s), v += (1 + 1/H)^steps b_j(s,a), to the last layer
//
// whose numbers are keyed by (seed, j, h, s, a): a state that is visited twice sees one and the same policy.
// A path's states need their own policies at j, and so on: the work is polynomial in K but exponential in H
// in the worst case (sampled_cost says how much), and sane for H <= 3 or where states come back often.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/adversarial/settings.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {

struct SampledConfig {
  std::string method = "ftrl_log_barrier";  // or exp_weights
  const envs::Simulator* simulator = nullptr;
  std::int64_t episodes = 0;  // K
  std::int64_t samples = 0;   // M, trajectories of the covariance an episode; 0: ceil(1 / gamma)
  StepSizes steps;
  std::uint64_t seed = 0;
  std::int64_t most_bytes = std::int64_t{4} << 30;  // of rows; a run that needs more ends with an Error
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
  std::int64_t states = 0, paths = 0, simulator_calls = 0;
};
SampledResult run_sampled(const SampledConfig& config);
// As many trajectories of the uniform policy against the same losses: what a learner should beat.
SampledResult run_sampled_uniform(const SampledConfig& config);

// Independent paths of B_h(s,a) of a run's last episode: what its rows draw one of.
std::vector<double> sampled_bonus_paths(const SampledConfig& config, int h, envs::State s, int a, int paths);

}  // namespace hardy::algorithms
