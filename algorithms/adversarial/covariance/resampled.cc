#include "algorithms/adversarial/covariance/resampled.h"

#include <algorithm>

#include "engine/linalg/lanes.h"

namespace hardy::algorithms {

using linalg::all, linalg::fma, linalg::load, linalg::min, linalg::store;

template <int W>
ResampledCovariance<W>::ResampledCovariance(const Game& game, const Tables& t, const Rates& rates,
                                            Trajectories<W>& trajectories)
    : mdp_(*game.instance.mdp),
      choice_(game.covariance),
      rates_(rates),
      trajectories_(trajectories),
      weights_(game, t, rates, trajectories),
      n_(t.n),
      d_(t.d),
      sigma_dagger_(t.H * d_ * d_ * W),
      mean_(d_ * d_),
      product_(d_ * W),
      column_(d_ * W) {
  for (int h = 0; h < t.H; ++h) chains_.emplace_back(t.d, rates.gamma[0]);
}

template <int W>
void ResampledCovariance<W>::update(std::int64_t k) {
  for (int w = 0; w < W; ++w) {
    const double gamma = rates_.gamma[static_cast<std::size_t>(w)];
    const SampleCounts counts = sample_counts(choice_, gamma);
    trajectories_.draws(w).begin(DrawFor::kCovariance, k);
    for (auto& chain : chains_) chain.clear(gamma);
    for (std::int64_t m = 0; m < counts.chains; ++m) {
      for (auto& chain : chains_) chain.restart();
      for (std::int64_t t = 0; t < counts.terms; ++t)
        trajectories_.simulate(w, [&](int h, int s, int a) {
          chains_[static_cast<std::size_t>(h)].draw(mdp_.features(h, s, a));
        });
      for (auto& chain : chains_) chain.finish();
    }
    for (int h = 0; h < mdp_.H; ++h) {
      chains_[static_cast<std::size_t>(h)].mean(mean_.at(0), true);
      for (std::int64_t i = 0; i < d_ * d_; ++i) sigma_dagger_[(h * d_ * d_ + i) * W + w] = mean_[i];
    }
    trajectories_.count(w, counts.trajectories());
  }
}

template <int W>
void ResampledCovariance<W>::solve_layer(int h, double* v) {
  const double* const m = sigma_dagger_.at(h * d_ * d_ * W);
  double* const out = product_.at(0);
  for (std::int64_t i = 0; i < d_; ++i) {
    linalg::Vec<W> total = all<W>(0.0);
    for (std::int64_t j = 0; j < d_; ++j)
      total = fma<W>(load<W>(m + (i * d_ + j) * W), load<W>(v + j * W), total);
    store<W>(out + i * W, total);
  }
  std::copy_n(out, d_ * W, v);
}

template <int W>
void ResampledCovariance<W>::solve(int first, int layers, double* v) {
  for (int h = first; h < first + layers; ++h, v += d_ * W) solve_layer(h, v);
}

template <int W>
void ResampledCovariance<W>::quadratic_forms(double* out) {
  for (int h = 0; h < mdp_.H; ++h, out += n_ * W)
    for (std::int64_t p = 0; p < n_; ++p) {
      const double* const phi = mdp_.layer_features(h) + p * d_;
      for (std::int64_t j = 0; j < d_; ++j) store<W>(column_.at(j * W), all<W>(phi[j]));
      solve_layer(h, column_.at(0));
      store<W>(out + p * W, linalg::dot_shared<W>(phi, column_.at(0), d_));
    }
}

template <int W>
void ResampledCovariance<W>::negative_means(int h, const double* weight, double* out) {
  if (solved_.size() == 0) solved_ = Numbers(n_ * d_ * W);
  const double* const phi = mdp_.layer_features(h);
  double* const y = solved_.at(0);
  for (std::int64_t p = 0; p < n_; ++p) {
    for (std::int64_t j = 0; j < d_; ++j) store<W>(y + (p * d_ + j) * W, all<W>(phi[p * d_ + j]));
    solve_layer(h, y + p * d_ * W);
  }
  for (std::int64_t p = 0; p < n_; ++p) {
    linalg::Vec<W> total = all<W>(0.0);
    for (std::int64_t other = 0; other < n_; ++other) {
      const auto kappa = linalg::dot_shared<W>(phi + p * d_, y + other * d_ * W, d_);
      total = fma<W>(load<W>(weight + other * W), min<W>(kappa, all<W>(0.0)), total);
    }
    store<W>(out + p * W, total * all<W>(static_cast<double>(mdp_.H)));
  }
}

template class ResampledCovariance<1>;
template class ResampledCovariance<linalg::kLanes>;

}  // namespace hardy::algorithms
