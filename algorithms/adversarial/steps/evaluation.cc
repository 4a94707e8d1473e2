#include "algorithms/adversarial/steps/evaluation.h"

#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {

using linalg::all, linalg::fma, linalg::load, linalg::store;

template <int W>
void Evaluation<W>::occupancies(const Numbers& policy, Numbers& q, Numbers& u) {
  const std::int64_t n = mdp_.pairs(), d = mdp_.d, A = mdp_.A;
  for (std::int64_t s = 0; s < mdp_.S; ++s)
    store<W>(rho_.at(s * W), all<W>(mdp_.start[static_cast<std::size_t>(s)]));
  for (int h = 0; h < mdp_.H; ++h) {
    const double* const phi = mdp_.layer_features(h);
    const double* const pi = policy.at(h * n * W);
    double *const here = q.at(h * n * W), *const features = u.at(h * d * W);
    for (std::int64_t s = 0; s < mdp_.S; ++s)
      for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
        store<W>(here + p * W, load<W>(rho_.at(s * W)) * load<W>(pi + p * W));
    linalg::column_sums<W>(phi, n, d, here, 0, d,
                           [=](std::int64_t i, linalg::Vec<W> total) { store<W>(features + i * W, total); });
    if (h + 1 < mdp_.H) envs::push_forward<W>(mdp_, h, here, features, rho_.at(0));
  }
}

template <int W>
void Evaluation<W>::add_expected_loss(const Tables& tables, const EpisodeLosses& losses, PerLane& sum) {
  const Numbers& weight = losses.linear() ? tables.u : tables.q;
  const std::int64_t size = weight.size() / W;
  if (losses.adaptive()) {
    for (int w = 0; w < W; ++w)
      for (std::int64_t i = 0; i < size; ++i)
        sum[static_cast<std::size_t>(w)] += weight[i * W + w] * losses.of(w)[i];
    return;
  }
  const double* const episode = losses.of(0);
  linalg::Vec<W> total = all<W>(0.0);
  for (std::int64_t i = 0; i < size; ++i)
    total = fma<W>(all<W>(episode[i]), load<W>(weight.at(i * W)), total);
  store<W>(sum.data(), load<W>(sum.data()) + total);
}

template class Evaluation<1>;
template class Evaluation<linalg::kLanes>;

}  // namespace hardy::algorithms
