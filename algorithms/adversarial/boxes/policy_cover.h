// A policy cover for linear MDPs without a simulator (Dai, Luo, Wei, Zimmert 2023, after Wagenmaker, Jamieson
// 2022): rounds m = 1..M0 of a greedy policy for the reward
//
//   r_m,h(s,a) = ramp(|phi|^2_{Gam_m,h^{-1}} - alpha / M0),   ramp: 0 below 0, 1 above 1/K, linear between
//
// Gam_1,h = I, Gam_{m+1,h} = Gam_m,h + mean of phi phi^T over the round's N0 episodes. The cover draws m
// uniformly once an episode. Sizes are remembered as M0 ~ alpha^2 d H^2, N0 ~ M0^4 / alpha^2; they are inputs
// here.
#pragma once

#include <cstdint>
#include <vector>

#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::algorithms {

class PolicyCover {
 public:
  // alpha: of the rounds' rewards.
  PolicyCover(const envs::LinearMdp& mdp, double alpha, int rounds, double ramp_width, double bonus);

  // Round m's policy, deterministic: [H][S] actions. Planned from what has been seen (optimistic
  // least-squares value iteration), or, for the oracle, from the known transitions with the reward
  // |phi|^2_{Gam^{-1}} itself.
  void plan();
  void plan_with_known_transitions();
  int action(int round, int h, int s) const {
    return policies_[static_cast<std::size_t>(round)][static_cast<std::size_t>(std::int64_t{h} * S_ + s)];
  }
  int rounds() const { return static_cast<int>(policies_.size()); }

  void seen(int h, int s, int a, int next);  // next = -1 in the last layer
  // Adds the round's mean phi phi^T [H][d][d] to Gam.
  void close_round(const std::vector<double>& mean);
  // max_a phi^T Lcov_h^{-1} phi, Lcov = Gam_{M0+1} / M0: [H][S]. A perfect cover has d everywhere.
  std::vector<double> state_norms() const;
  // Whose norm is at most alpha: [H][S].
  std::vector<char> known_states(double alpha) const;
  // The least alpha for which at most this share of the cover's own visits, in any layer, is to states that
  // are not known.
  double achieved(double unknown_share) const;
  // Of the mixture over all rounds: q [H][S][A].
  std::vector<double> occupancy() const;
  std::vector<double> policy_table(int round) const;  // [H][S][A], 0 or 1

 private:
  std::vector<double> norms(int h) const;  // |phi|^2_{Gam_h^{-1}} [n]

  const envs::LinearMdp& mdp_;
  int H_, S_, A_, d_, M0_;
  double alpha_, ramp_width_, bonus_;
  std::vector<double> gam_, lambda_;  // [H][d][d]: Gam; I + sum over all data of phi phi^T
  std::vector<double> moves_;         // [H][S][A][S] counts
  std::vector<double> visits_;        // [H][S]: counts, or the oracle policies' probabilities
  std::vector<std::vector<int>> policies_;
};

// The weight of an episode in layer h's estimates: 1 where pi_e was run, H in the layer h* up to which the
// cover was run, 0 in the others of such an episode. Then E[w phi phi^T] = (1 - delta) Sigma_pi,h + delta
// Sigma_cov,h.
inline double exploration_weight(bool exploring, int h, int h_star, int H) {
  if (!exploring) return 1;
  return h == h_star ? H : 0;
}

}  // namespace hardy::algorithms
