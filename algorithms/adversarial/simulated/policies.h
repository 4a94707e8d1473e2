// Policies where states are only met: pi_k(.|s) exists at states that are touched.
//
// A touched state (h, s) keeps its row of costs and the policies pi_0, pi_1, ... that it has been brought up
// to. Bringing it up by one episode adds Qhat_j(s,a) of that episode's estimate, and takes away one sampled
// path of the dilated bonus (Luo, Wei, Lee 2021, unbiased):
//
//   v = b_j,h(s,a);  then s <- simulator, a ~ pi_j(.|s), v += (1 + 1/H)^steps b_j(s,a), to the last layer
//
// whose numbers are keyed by (seed, j, h, s, a): a state that is visited twice sees one and the same policy,
// whoever asks first. A path's states need their own policies at j, and so on: the work is polynomial in K
// but exponential in H in the worst case (sampled_cost says how much), and sane for H <= 3 or where states
// come back often.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "algorithms/adversarial/covariance/choice.h"
#include "algorithms/adversarial/regret_method.h"
#include "algorithms/adversarial/simulated/estimate.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {

struct SimulatorSettings {
  SimulatorForm form;
  StepSizes steps;
  CovarianceChoice covariance;  // empirical or mgr
  std::uint64_t seed = 0;
  std::int64_t most_bytes = std::int64_t{4} << 30;  // of rows; a run that needs more ends with an Error
};

class SimulatedPolicies {
 public:
  // estimates: [episode][H], which grows as episodes are learned from; all must outlive this.
  SimulatedPolicies(const envs::Simulator& simulator, const SimulatorSettings& settings,
                    const std::vector<LayerEstimate>& estimates);

  struct Here {
    const double *pi, *phi;  // [A], [A][d]; of pi until another policy is asked for
  };
  Here at(std::int64_t k, int h, envs::State s);  // of pi_k(.|s), which needs the estimates below k
  // C(s,.) [A] of a touched state.
  const std::vector<double>& costs(int h, envs::State s);
  // v of one path of B_j,h(s,a). Copy 0 is the one that policies follow.
  double bonus_path(std::int64_t j, int h, envs::State s, int a, std::uint64_t copy);
  int draw(const double* pi, double u) const;

  void charge(std::int64_t bytes) { bytes_ += bytes; }  // what estimates take
  std::int64_t states() const;
  std::int64_t paths() const { return paths_; }
  double least_eta_q() const { return least_eta_q_; }
  double largest_eta_bonus() const { return largest_eta_bonus_; }

 private:
  struct Row {
    std::vector<double> costs, policies, phi;  // [A], [episodes][A], [A][d]
    std::int64_t count = 0;                    // policies that stand
    std::int64_t bonus_of = -1;                // the episode of `bonus`
    std::vector<double> bonus;                 // b of every action [A]
  };
  Row& row(int h, envs::State s);
  Row& ready(std::int64_t k, int h, envs::State s);  // brought up to k
  void follow(Row& r, std::int64_t j, int h, envs::State s);
  double bonus(std::int64_t j, int h, envs::State s, int a);
  const LayerEstimate& estimate(std::int64_t j, int h) const {
    return estimates_[static_cast<std::size_t>(j * H_ + h)];
  }

  const envs::Simulator& simulator_;
  const SimulatorSettings settings_;
  const std::vector<LayerEstimate>& estimates_;
  const int H_, A_, d_;
  std::int64_t paths_ = 0, bytes_ = 0;
  double least_eta_q_ = 0, largest_eta_bonus_ = 0;
  std::vector<std::unordered_map<envs::State, Row>> rows_;  // a layer each
  std::vector<double> scratch_;
};

}  // namespace hardy::algorithms
