// Exact evaluation of a group's policies, for who knows P: occupancies, and the expected loss of an episode.
#pragma once

#include "algorithms/adversarial/steps/episode_losses.h"
#include "algorithms/adversarial/steps/tables.h"

namespace hardy::algorithms {

template <int W>
class Evaluation {
 public:
  explicit Evaluation(const envs::LinearMdp& mdp) : mdp_(mdp), rho_(std::int64_t{mdp.S} * W) {}

  // q [H][S][A][W] and u [H][d][W] of a policy [H][S][A][W].
  void occupancies(const Numbers& policy, Numbers& q, Numbers& u);
  // Adds V^{pi}_k of the policy that has these occupancies: <u, nu_k>, or <q, l_k>.
  static void add_expected_loss(const Tables& tables, const EpisodeLosses& losses, PerLane& sum);

 private:
  const envs::LinearMdp& mdp_;
  Numbers rho_;  // [S][W]: the law of a layer's state
};

}  // namespace hardy::algorithms
