// What a learner asks its steps for, as a list: what a device plays in their place (formulas.h). Nothing is
// played here.
#pragma once

#include <span>

#include "algorithms/adversarial/formulas.h"
#include "algorithms/adversarial/steps/steps.h"

namespace hardy::algorithms {

class RecordedSteps final : public Steps {
 public:
  // Of all replicas that the device will play.
  RecordedSteps(const Game& game, std::span<const Lane> replicas);

  BoxSteps taken();  // since this was last asked

  void uniform_policies() override { add(BoxStep::kUniformPolicies); }
  void log_barrier_policies() override { add(BoxStep::kLogBarrierPolicies); }
  void entropic_policies() override { add(BoxStep::kEntropicPolicies); }
  void play() override { add(BoxStep::kPlay); }
  void covariance() override { add(BoxStep::kCovariance); }
  void estimate() override { add(BoxStep::kEstimate); }
  void reduce_magnitude() override { add(BoxStep::kReduceMagnitude); }
  void bonus() override { add(BoxStep::kBonus); }
  void dilate() override { add(BoxStep::kDilate); }
  void estimate_with_bonus() override;
  void true_values() override { add(BoxStep::kTrueValues); }
  void follow() override { add(BoxStep::kFollow); }

  // An Error: these are numbers of the host's.
  void occupancies_of(const Numbers& policy) override;
  Draws& draws() override;
  int draw_start() override;
  InverseCovariance& inverse_covariance() override;

 private:
  void add(BoxStep step);
  void add_expected_loss() override {}

  BoxSteps taken_;
};

}  // namespace hardy::algorithms
