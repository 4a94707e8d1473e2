// The papers' learners that have a simulator and nothing else: Algorithms 1 and 2 of Dai, Luo, Wei, Zimmert
// (ICML 2023) and the linear-Q method of Luo, Wei, Lee (2021). Each quantity that they need of the
// transitions comes from calls: the covariance and the compensator from fresh trajectories, the dilated bonus
// from paths.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "algorithms/adversarial/simulated/policies.h"

namespace hardy::algorithms {

class Draws;

struct Met {  // one step of an episode: bandit feedback
  envs::State state = 0;
  int action = 0;
  double loss = 0;
};

class SimulatorLearner {
 public:
  // simulator: what it asks, all that it knows of the MDP; it must outlive the learner.
  SimulatorLearner(const envs::Simulator& simulator, const SimulatorSettings& settings);

  // pi_k(.|s) [A], k the episode that is being played.
  const double* policy(int h, envs::State s) { return policies_.at(k_, h, s).pi; }
  // Ends the episode with what was met in it, [H]; asks the simulator.
  void learn(std::span<const Met> trajectory);

  // Simulator calls so far, by what they were made for.
  struct Calls {
    std::int64_t covariance = 0, compensator = 0, bonus = 0;
    std::int64_t all() const { return covariance + compensator + bonus; }
  };
  Calls calls() const;
  std::int64_t episode() const { return k_; }
  // What an evaluator outside the learner needs to ask for the same policies at any state, at its own calls.
  const std::vector<LayerEstimate>& estimates() const { return estimates_; }
  SimulatedPolicies& policies() { return policies_; }

 private:
  template <class See>
  void walk(Draws& draws, See&& see);
  std::vector<LayerEstimate> covariances(Draws& draws);
  std::vector<LayerEstimate> resampled(Draws& draws);
  void count_visit(int h, envs::State s, int a, const double* phi);  // for the compensator

  const envs::Simulator& simulator_;
  const SimulatorSettings settings_;
  const int H_, A_, d_;
  const SampleCounts counts_;
  const std::int64_t calls_before_;
  std::int64_t k_ = 0;
  std::vector<LayerEstimate> estimates_;  // [episode][H]
  SimulatedPolicies policies_;
  Calls calls_;
  // The compensator's visits of this episode, a layer each: counted by (s,a), in the order of first visits.
  struct Visits {
    std::unordered_map<std::uint64_t, std::size_t> place;  // of s A + a
    std::vector<std::pair<std::int64_t, const double*>> counts;
  };
  std::vector<Visits> visits_;
};

}  // namespace hardy::algorithms
