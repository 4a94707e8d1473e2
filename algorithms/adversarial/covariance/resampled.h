// Sigma-dagger itself by matrix geometric resampling (Neu, Olkhovskaya 2020): M chains of N trajectories,
// each serving all layers. It is symmetrised, so that phi Sd phi is what it would be anyway.
#pragma once

#include <vector>

#include "algorithms/adversarial/covariance/inverse_covariance.h"
#include "algorithms/adversarial/covariance/pair_weights.h"
#include "engine/linalg/mgr.h"

namespace hardy::algorithms {

template <int W>
class ResampledCovariance final : public InverseCovariance {
 public:
  ResampledCovariance(const Game& game, const Tables& t, const Rates& rates, Trajectories<W>& trajectories);

  void update(std::int64_t k) override;
  void solve(int first, int layers, double* v) override;
  void quadratic_forms(double* out) override;
  const Numbers& magnitude_weights(std::int64_t k) override { return weights_.of_magnitude(k); }
  void negative_means(int h, const double* weight, double* out) override;

 private:
  void solve_layer(int h, double* v);
  const envs::LinearMdp& mdp_;
  const CovarianceChoice& choice_;
  const Rates& rates_;
  Trajectories<W>& trajectories_;
  PairWeights<W> weights_;
  const std::int64_t n_, d_;
  std::vector<linalg::GeometricResampling> chains_;  // one a layer
  Numbers sigma_dagger_;                             // [H][d][d][W]
  Numbers mean_, product_, column_, solved_;         // [d][d] of one lane; [d][W] twice; Sd phi [n][d][W]
};

}  // namespace hardy::algorithms
