#include "algorithms/adversarial/steps/lane_steps.h"

#include <algorithm>

#include "algorithms/adversarial/covariance/lanes.h"
#include "algorithms/adversarial/covariance/resampled.h"
#include "engine/linalg/simplex.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {

using linalg::all, linalg::dots_shared, linalg::fma, linalg::load, linalg::max, linalg::min, linalg::store;

template <int W>
LaneSteps<W>::LaneSteps(const Game& g, std::span<const Lane> replicas, bool covariance)
    : Steps(g, replicas, W),
      trajectories_(g, replicas, tables, record),
      mean_(std::int64_t{tables.S} * W),
      ahead_(tables.n * W),
      scratch_(std::int64_t{tables.d} * W),
      evaluation_(mdp) {
  if (!covariance) return;
  if (g.covariance.kind == CovarianceChoice::Kind::kMgr)
    inverse_ = std::make_unique<ResampledCovariance<W>>(g, tables, rates, trajectories_);
  else if (W > 1 || !is_large(mdp))
    inverse_ = std::make_unique<LaneCovariance<W>>(g, tables, rates, trajectories_);
}

template <int W>
void LaneSteps<W>::log_barrier_policies() {
  linalg::log_barrier(
      {std::int64_t{tables.H} * tables.S, tables.A, W, rates.eta.data(), tables.C.at(0), tables.pi.at(0)});
}

template <int W>
void LaneSteps<W>::entropic_policies() {
  linalg::entropic(
      {std::int64_t{tables.H} * tables.S, tables.A, W, rates.eta.data(), tables.C.at(0), tables.pi.at(0)});
}

template <int W>
void LaneSteps<W>::kernels() {
  const std::int64_t d = tables.d;
  for (int h = 0; h < tables.H; ++h) {
    double* const x = tables.kernel.at(h * d * W);
    for (int w = 0; w < W; ++w) {
      const auto at = static_cast<std::size_t>(h) * W + static_cast<std::size_t>(w);
      const double* const phi = mdp.features(h, played.states[at], played.actions[at]);
      for (std::int64_t i = 0; i < d; ++i) x[i * W + w] = phi[i];
    }
  }
  inverse_->solve(0, tables.H, tables.kernel.at(0));
}

template <int W>
void LaneSteps<W>::estimate() {
  const std::int64_t n = tables.n, d = tables.d;
  kernels();
  for (int h = 0; h < tables.H; ++h) {
    const double *const x = tables.kernel.at(h * d * W), *const phi = mdp.layer_features(h);
    double* const out = tables.Qhat.at(tables.table(h));
    const Vec L = load<W>(played.to_go.at(std::int64_t{h} * W));
    dots_shared<W>(phi, n, d, x, [=](std::int64_t p, Vec dot) { store<W>(out + p * W, dot * L); });
  }
}

template <int W>
void LaneSteps<W>::estimate_with_bonus() {
  LaneSteps::estimate();
  LaneSteps::bonus();
  LaneSteps::dilate();
}

template <int W>
void LaneSteps<W>::reduce_magnitude() {
  const std::int64_t n = tables.n, d = tables.d;
  const Numbers& weights = inverse_->magnitude_weights(episode());
  const Vec most = all<W>(static_cast<double>(tables.H)), zero = all<W>(0.0);
  for (int h = 0; h < tables.H; ++h) {
    inverse_->negative_means(h, weights.at(tables.table(h)), ahead_.at(0));
    const double *const x = tables.kernel.at(h * d * W), *const phi = mdp.layer_features(h);
    double* const out = tables.Qhat.at(tables.table(h));
    dots_shared<W>(phi, n, d, x, [&](std::int64_t p, Vec dot) {
      const Vec negative = min<W>(dot, zero);
      store<W>(out + p * W, load<W>(out + p * W) - most * negative + load<W>(ahead_.at(p * W)));
    });
  }
}

template <int W>
void LaneSteps<W>::bonus() {
  if (!rates.has_bonus) return;
  inverse_->quadratic_forms(tables.forms.at(0));
  for (int h = 0; h < tables.H; ++h) bonus_of(h);
}

template <int W>
void LaneSteps<W>::bonus_of(int h) {
  const std::int64_t A = tables.A, at = tables.table(h);
  const double* const norm = tables.forms.at(at);
  const Vec scale = load<W>(rates.beta.data());
  for (std::int64_t s = 0; s < tables.S; ++s) {
    Vec mean = all<W>(0.0);
    for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
      mean = fma<W>(load<W>(tables.pi.at(at + p * W)), load<W>(norm + p * W), mean);
    for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
      store<W>(tables.b.at(at + p * W), scale * (load<W>(norm + p * W) + mean));
  }
}

template <int W>
void LaneSteps<W>::mean_of_dilated(int h) {
  const std::int64_t A = tables.A, at = tables.table(h);
  for (std::int64_t s = 0; s < tables.S; ++s) {
    Vec mean = all<W>(0.0);
    for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
      mean = fma<W>(load<W>(tables.pi.at(at + p * W)), load<W>(tables.B.at(at + p * W)), mean);
    store<W>(mean_.at(s * W), mean);
  }
}

template <int W>
void LaneSteps<W>::dilate() {
  if (!rates.has_bonus) return;
  const std::int64_t n = tables.n, last = tables.table(tables.H - 1);
  const Vec growth = all<W>(1 + 1.0 / tables.H);
  std::copy_n(tables.b.at(last), n * W, tables.B.at(last));
  for (int h = tables.H - 1; h-- > 0;) {
    mean_of_dilated(h + 1);
    envs::pull_back<W>(mdp, h, mean_.at(0), ahead_.at(0), scratch_.at(0));
    double* const out = tables.B.at(tables.table(h));
    const double* const now = tables.b.at(tables.table(h));
    for (std::int64_t p = 0; p < n; ++p)
      store<W>(out + p * W, fma<W>(growth, load<W>(ahead_.at(p * W)), load<W>(now + p * W)));
  }
}

// Q_h = l_k,h + P_h V_h+1.
template <int W>
void LaneSteps<W>::true_values() {
  const std::int64_t A = tables.A;
  for (int h = tables.H; h-- > 0;) {
    double* const Q = tables.Qhat.at(tables.table(h));
    const double* const pi = tables.pi.at(tables.table(h));
    if (h + 1 < tables.H)
      envs::pull_back<W>(mdp, h, mean_.at(0), Q, scratch_.at(0));
    else
      std::fill_n(Q, tables.n * W, 0.0);
    for (int s = 0; s < tables.S; ++s) {
      Vec value = all<W>(0.0);
      for (int a = 0; a < A; ++a) {
        const std::int64_t p = s * A + a;
        for (int w = 0; w < W; ++w) Q[p * W + w] += losses.at(h, s, a, w);
        value = fma<W>(load<W>(pi + p * W), load<W>(Q + p * W), value);
      }
      store<W>(mean_.at(std::int64_t{s} * W), value);
    }
  }
}

template <int W>
void LaneSteps<W>::follow() {
  Vec least = load<W>(record.least_eta_q.data()), largest = load<W>(record.largest_eta_bonus.data());
  const Vec rate = load<W>(rates.eta.data());
  for (std::int64_t i = 0; i < tables.C.size(); i += W) {
    const Vec estimated = load<W>(tables.Qhat.at(i)), dilated = load<W>(tables.B.at(i));
    least = min<W>(least, rate * estimated);
    largest = max<W>(largest, rate * dilated);
    store<W>(tables.C.at(i), load<W>(tables.C.at(i)) + (estimated - dilated));
  }
  store<W>(record.least_eta_q.data(), least);
  store<W>(record.largest_eta_bonus.data(), largest);
}

template class LaneSteps<1>;
template class LaneSteps<linalg::kLanes>;

}  // namespace hardy::algorithms
