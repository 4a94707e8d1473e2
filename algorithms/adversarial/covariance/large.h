// Sigma-dagger of one large instance: its features come from memory, and a team walks over them.
#pragma once

#include "algorithms/adversarial/covariance/inverse_covariance.h"
#include "algorithms/adversarial/covariance/pair_weights.h"
#include "engine/linalg/dense.h"

namespace hardy::algorithms {

class LargeCovariance final : public InverseCovariance {
 public:
  LargeCovariance(const Game& game, const Tables& t, const Rates& rates, Trajectories<1>& trajectories,
                  ThreadTeam& team);

  // Where the covariance is exact: sum q phi phi^T of a layer [d][d], to be written when the occupancies are
  // computed, in the same walk over the features; else null.
  double* moments(int h) { return moments_.size() > 0 ? moments_.at(h * d_ * d_) : nullptr; }
  // L^{-1} of a layer, as linalg::forms_and_products() reads it.
  const double* packed_inverse(int h) const { return inverses_.at(h * linalg::inverse_size(d_)); }

  void update(std::int64_t k) override;
  void solve(int first, int layers, double* v) override;
  void quadratic_forms(double* out) override;
  const Numbers& magnitude_weights(std::int64_t k) override { return weights_.of_magnitude(k); }
  void negative_means(int h, const double* weight, double* out) override;

 private:
  double* factor(int h) { return factor_.at(h * d_ * d_); }

  const envs::LinearMdp& mdp_;
  const Rates& rates_;
  ThreadTeam& team_;
  PairWeights<1> weights_;
  const std::int64_t n_, d_;
  Numbers factor_, inverses_, moments_, whitened_;
};

}  // namespace hardy::algorithms
