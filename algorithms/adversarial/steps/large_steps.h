// The steps of one replica whose instance is so large that a team shares them: its layers' features come from
// memory, and what an episode costs beside its products is how often they are read. They are read twice: once
// on the way forward (occupancies and second moments), once on the way back, where
//
//   B_h(s,a) = b_h(s,a) + phi(s,a) . w_h,   w_h = (1 + 1/H) mu_h E_pi B_h+1,   w_{H-1} = 0
//
// is known as soon as the layer above is, so that Qhat, n, b and B of a pair come from one look at its
// features.
#pragma once

#include "algorithms/adversarial/covariance/large.h"
#include "algorithms/adversarial/steps/lane_steps.h"

namespace hardy::algorithms {

class LargeSteps final : public LaneSteps<1> {
 public:
  LargeSteps(const Game& game, std::span<const Lane> replicas, ThreadTeam& team, bool covariance);

  void log_barrier_policies() override;
  void entropic_policies() override;
  void estimate() override;
  void reduce_magnitude() override;
  void dilate() override;
  void estimate_with_bonus() override;
  void follow() override;
  void occupancies_of(const Numbers& policy) override;

 private:
  void walk_back(int h, std::int64_t first_state, std::int64_t last_state);

  ThreadTeam& team_;
  LargeCovariance* factored_ = nullptr;  // the estimator, where it is a factor
  Numbers rho_;                          // [S]
  Numbers vectors_;   // what the features are multiplied with on the way back, [2][d], padded
  Numbers extremes_;  // least Qhat and largest B of each piece of the tables
};

}  // namespace hardy::algorithms
