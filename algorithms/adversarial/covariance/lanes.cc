#include "algorithms/adversarial/covariance/lanes.h"

namespace hardy::algorithms {

template <int W>
void LaneCovariance<W>::update(std::int64_t k) {
  const Numbers& weights = weights_.of_covariance(k);
  const linalg::Vec<W> ridge = linalg::load<W>(rates_.gamma.data());
  for (int h = 0; h < mdp_.H; ++h) {
    const double* const weight = weights.at(h * n_ * W);
    if (const double* const psi = mdp_.layer_outer_products(h))
      linalg::weighted_syrk_of<W>(psi, weight, n_, d_, ridge, factor(h));
    else
      linalg::weighted_syrk<W>(mdp_.layer_features(h), weight, n_, d_, ridge, factor(h));
  }
  linalg::with_size(d_, [&](auto d) { linalg::cholesky<W>(factor(0), d, inverse_diagonal(0), mdp_.H); });
}

template <int W>
void LaneCovariance<W>::solve(int first, int layers, double* v) {
  linalg::with_size(d_, [&](auto d) {
    linalg::solve_lower<W>(factor(first), inverse_diagonal(first), d, v, layers);
    linalg::solve_lower_transposed<W>(factor(first), inverse_diagonal(first), d, v, layers);
  });
}

template <int W>
void LaneCovariance<W>::quadratic_forms(double* out) {
  linalg::with_size(d_, [&](auto d) {
    for (int h = 0; h < mdp_.H; ++h)
      linalg::quadratic_forms<W>(factor(h), inverse_diagonal(h), mdp_.layer_features(h), n_, d,
                                 scratch_.at(0), out + h * n_ * W);
  });
}

template <int W>
void LaneCovariance<W>::negative_means(int h, const double* weight, double* out) {
  if (whitened_.size() == 0) whitened_ = Numbers(n_ * d_ * W);
  linalg::whiten<W>(factor(h), inverse_diagonal(h), mdp_.layer_features(h), n_, d_, whitened_.at(0));
  linalg::magnitude_term<W>(whitened_.at(0), weight, n_, d_, mdp_.H, out);
}

template class LaneCovariance<1>;
template class LaneCovariance<linalg::kLanes>;

}  // namespace hardy::algorithms
