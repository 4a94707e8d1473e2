// Projections onto occupancies by the relative entropy, for O-REPS and UOB-REPS: with weights w_h(s,a) > 0,
//
//   q = argmin over occupancies of  sum_h sum_{s,a} q_h(s,a) ln(q_h(s,a) / w_h(s,a))
//                                  (+ sum_{s,a} q_h(s,a) KL(P_h(.|s,a) || P0_h(.|s,a)), P in a confidence
//                                  set)
//
// solved in its dual: F(v) = sum_h ln sum_{s,a} w_h(s,a) exp(-v_h(s) + psi_h,s,a(v_h+1)), convex and smooth;
// q is each layer's normalised summand. v_H is 0; flow into the first layer is the start law, so that a term
// sum_s start(s) v_0(s) joins F. Where transitions are known psi is P_h v_h+1; where they are not it is
//
//   psi(v) = max over the set of <P, v> - KL(P || P0),  at P(s') = P0(s') e^{v(s')} times a constant, clipped
//
// so that the occupancy over (s,a,s') that UOB-REPS asks for costs no more unknowns than there are states.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <vector>

#include "algorithms/adversarial/boxes/confidence_set.h"
#include "algorithms/adversarial/steps/numbers.h"
#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::algorithms {

class OccupancyProjection {
 public:
  // set: what is known of the transitions, or null: they are the MDP's. Both must outlive this. An Error
  // where there are more than 2000 unknowns, or no transitions as rows.
  OccupancyProjection(const envs::LinearMdp& mdp, const ConfidenceSet* set);

  // log_weight [H][S][A]: ln w. q [H][S][A] receives the occupancy.
  void project(const Numbers& log_weight, Numbers& q);
  // ln P0 [H-1][S][A][S], that of the even law at first; project() leaves there the P that it found.
  const std::vector<double>& log_laws() const { return log_laws_; }

 private:
  const double* law(int h, std::int64_t pair) const;
  double evaluate(const Eigen::VectorXd& v, const Numbers& log_weight, Numbers& q);
  double clipped(int h, std::int64_t pair, const double* v);  // psi; leaves P and which of it is free
  void derivatives(const Numbers& q);

  const envs::LinearMdp& mdp_;
  const ConfidenceSet* set_;
  const int layers_, S_;
  const std::int64_t n_;
  std::vector<double> log_laws_, laws_, breaks_;  // laws_: P at the v that was evaluated last
  std::vector<char> free_;                        // which of them are not clipped
  Eigen::VectorXd v_, tried_, gradient_, direction_, row_, mean_;
  Eigen::MatrixXd hessian_;
  Eigen::LDLT<Eigen::MatrixXd> factor_;
};

// pi(a|s) = q(s,a) / sum_a q(s,a), and evenly where q has no mass: [H][S][A].
void policy_of(const Numbers& q, int actions, Numbers& pi);

}  // namespace hardy::algorithms
