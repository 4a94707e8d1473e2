// The steps on W replicas side by side.
#pragma once

#include <memory>
#include <span>

#include "algorithms/adversarial/steps/evaluation.h"
#include "algorithms/adversarial/steps/steps.h"
#include "algorithms/adversarial/steps/trajectories.h"
#include "engine/linalg/lanes.h"

namespace hardy::algorithms {

template <int W>
class LaneSteps : public Steps {
 public:
  LaneSteps(const Game& game, std::span<const Lane> replicas, bool covariance);

  void log_barrier_policies() override;
  void entropic_policies() override;
  void play() override { trajectories_.play(episode(), losses, played); }
  void covariance() override { inverse_->update(episode()); }
  void estimate() override;
  void reduce_magnitude() override;
  void bonus() override;
  void dilate() override;
  void estimate_with_bonus() override;
  void true_values() override;
  void follow() override;

  void occupancies_of(const Numbers& policy) override { evaluation_.occupancies(policy, tables.q, tables.u); }
  Draws& draws() override { return trajectories_.draws(0); }
  int draw_start() override { return trajectories_.draw_start(0); }
  InverseCovariance& inverse_covariance() override { return *inverse_; }

 protected:
  using Vec = linalg::Vec<W>;
  void kernels();               // Sd_h phi(s_h, a_h) of every layer
  void bonus_of(int h);         // b from n(s,a)
  void mean_of_dilated(int h);  // mean_[s] = E_{a ~ pi} B_h(s,a)

  Trajectories<W> trajectories_;
  std::unique_ptr<InverseCovariance> inverse_;  // null where it is not asked for
  Numbers mean_, ahead_, scratch_;              // [S][W], [S][A][W], [d][W]

 private:
  void add_expected_loss() override { Evaluation<W>::add_expected_loss(tables, losses, record.learner_loss); }

  Evaluation<W> evaluation_;
};

}  // namespace hardy::algorithms
