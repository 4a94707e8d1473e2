// Sigma-dagger of replicas side by side: gamma I + Sigma~ by its Cholesky factor.
#pragma once

#include "algorithms/adversarial/covariance/inverse_covariance.h"
#include "algorithms/adversarial/covariance/pair_weights.h"
#include "engine/linalg/small.h"

namespace hardy::algorithms {

template <int W>
class LaneCovariance final : public InverseCovariance {
 public:
  LaneCovariance(const Game& game, const Tables& t, const Rates& rates, Trajectories<W>& trajectories)
      : mdp_(*game.instance.mdp),
        rates_(rates),
        weights_(game, t, rates, trajectories),
        n_(t.n),
        d_(t.d),
        factor_(std::int64_t{t.H} * d_ * d_ * W),
        inverse_diagonal_(std::int64_t{t.H} * d_ * W),
        scratch_(linalg::forms_scratch<W>(d_)) {}

  void update(std::int64_t k) override;
  void solve(int first, int layers, double* v) override;
  void quadratic_forms(double* out) override;
  const Numbers& magnitude_weights(std::int64_t k) override { return weights_.of_magnitude(k); }
  void negative_means(int h, const double* weight, double* out) override;

 private:
  double* factor(int h) { return factor_.at(h * d_ * d_ * W); }
  double* inverse_diagonal(int h) { return inverse_diagonal_.at(h * d_ * W); }

  const envs::LinearMdp& mdp_;
  const Rates& rates_;
  PairWeights<W> weights_;
  const std::int64_t n_, d_;
  Numbers factor_, inverse_diagonal_;  // [H][d][d][W], [H][d][W]
  Numbers scratch_, whitened_;         // whitened_: L^{-1} phi [n][d][W]
};

}  // namespace hardy::algorithms
