#include "algorithms/adversarial/covariance/large.h"

#include <algorithm>

namespace hardy::algorithms {

LargeCovariance::LargeCovariance(const Game& game, const Tables& t, const Rates& rates,
                                 Trajectories<1>& trajectories, ThreadTeam& team)
    : mdp_(*game.instance.mdp),
      rates_(rates),
      team_(team),
      weights_(game, t, rates, trajectories),
      n_(t.n),
      d_(t.d),
      factor_(t.H * d_ * d_),
      inverses_(t.H * linalg::inverse_size(d_)) {
  if (game.covariance.kind == CovarianceChoice::Kind::kExact) moments_ = Numbers(t.H * d_ * d_);
}

void LargeCovariance::update(std::int64_t k) {
  const bool known = moments_.size() > 0;
  if (!known) {
    const Numbers& weights = weights_.of_covariance(k);
    for (int h = 0; h < mdp_.H; ++h)
      linalg::weighted_moments(mdp_.layer_features(h), weights.at(h * n_), n_, d_, 0, nullptr, factor(h),
                               team_);
  }
  team_.run(mdp_.H, [&](std::int64_t task) {
    const auto h = static_cast<int>(task);
    double* const m = factor(h);
    if (known) std::copy_n(moments(h), d_ * d_, m);
    for (std::int64_t i = 0; i < d_; ++i) m[i * (d_ + 1)] += rates_.gamma[0];
    linalg::cholesky(m, d_);
    linalg::pack_inverse(m, d_, inverses_.at(h * linalg::inverse_size(d_)));
  });
}

void LargeCovariance::solve(int first, int layers, double* v) {
  for (int h = first; h < first + layers; ++h, v += d_) {
    linalg::solve_lower(factor(h), d_, v);
    linalg::solve_lower_transposed(factor(h), d_, v);
  }
}

void LargeCovariance::quadratic_forms(double* out) {
  for (int h = 0; h < mdp_.H; ++h, out += n_)
    linalg::quadratic_forms(packed_inverse(h), mdp_.layer_features(h), n_, d_, out, team_);
}

void LargeCovariance::negative_means(int h, const double* weight, double* out) {
  if (whitened_.size() == 0) whitened_ = Numbers(n_ * d_);
  linalg::whiten(packed_inverse(h), mdp_.layer_features(h), n_, d_, whitened_.at(0), team_);
  linalg::magnitude_term(whitened_.at(0), weight, n_, d_, mdp_.H, out, team_);
}

}  // namespace hardy::algorithms
