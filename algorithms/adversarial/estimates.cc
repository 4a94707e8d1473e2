// What an episode's trajectory and the simulator's are turned into: Sigma-dagger, Qhat, its magnitude-reduced
// form, the dilated bonus, and the step of C.
#include <Eigen/Core>
#include <algorithm>

#include "algorithms/adversarial/replicas.h"
#include "engine/linalg/dense.h"
#include "engine/linalg/small.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kChunk = 256;  // pairs of a large layer that one task takes: their features stay in L2

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Eigen::VectorXd>;

template <int W>
linalg::Vec<W> dot(const double* row, const double* x, std::int64_t size) {
  linalg::Vec<W> sum = linalg::all<W>(0.0);
  for (std::int64_t i = 0; i < size; ++i)
    sum = linalg::fma<W>(linalg::all<W>(row[i]), linalg::load<W>(x + i * W), sum);
  return sum;
}

}  // namespace

template <int W>
void Replicas<W>::covariance() {
  switch (config.covariance.kind) {
    case CovarianceChoice::Kind::kExact:
      return factor(q);
    case CovarianceChoice::Kind::kEmpirical:
      sampled_weights(DrawFor::kCovariance);
      return factor(weights_);
    case CovarianceChoice::Kind::kMgr:
      return resample();
  }
}

// The share of M fresh trajectories that visit each pair: [H][S][A], 1/M a visit.
template <int W>
void Replicas<W>::sampled_weights(DrawFor purpose) {
  std::fill_n(weights_.at(0), weights_.size(), 0.0);
  for (int w = 0; w < W; ++w) {
    const auto lane = static_cast<std::size_t>(w);
    const std::int64_t M = sample_counts(config.covariance, gamma[lane]).trajectories();
    draws[lane].begin(purpose, episode);
    const double share = 1.0 / static_cast<double>(M);
    for (std::int64_t m = 0; m < M; ++m)
      simulate(w,
               [&](int h, int s, int a) { weights_[table(h) + (std::int64_t{s} * A + a) * W + w] += share; });
    if (w >= members_) continue;
    trajectories += M;
    simulator_calls += M * (H - 1);
  }
}

template <int W>
void Replicas<W>::factor(const Numbers& weight) {
  if constexpr (W == 1)
    if (large_) return factor_large(weight);
  for (int h = 0; h < H; ++h) {
    double* const out = sigma.at(std::int64_t{h} * d * d * W);
    const Vec ridge = linalg::load<W>(gamma.data());
    if (const double* const psi = mdp.layer_outer_products(h))
      linalg::weighted_syrk_of<W>(psi, weight.at(table(h)), n, d, ridge, out);
    else
      linalg::weighted_syrk<W>(mdp.layer_features(h), weight.at(table(h)), n, d, ridge, out);
    linalg::cholesky<W>(out, d, inverse_diagonal.at(std::int64_t{h} * d * W));
  }
}

// Matrix Geometric Resampling, Sd itself: M chains of N trajectories, each serving all layers. It is
// symmetrised, so that phi Sd phi is what it would be anyway.
template <int W>
void Replicas<W>::resample() {
  double* const mean = resampled_.at(0);
  for (int w = 0; w < W; ++w) {
    const auto lane = static_cast<std::size_t>(w);
    const SampleCounts counts = sample_counts(config.covariance, gamma[lane]);
    draws[lane].begin(DrawFor::kCovariance, episode);
    for (auto& chain : chains_) chain.clear(gamma[lane]);
    for (std::int64_t m = 0; m < counts.chains; ++m) {
      for (auto& chain : chains_) chain.restart();
      for (std::int64_t t = 0; t < counts.terms; ++t)
        simulate(w, [&](int h, int s, int a) {
          chains_[static_cast<std::size_t>(h)].draw(mdp.features(h, s, a));
        });
      for (auto& chain : chains_) chain.finish();
    }
    for (int h = 0; h < H; ++h) {
      chains_[static_cast<std::size_t>(h)].mean(mean, true);
      for (std::int64_t i = 0; i < std::int64_t{d} * d; ++i)
        sigma[(std::int64_t{h} * d * d + i) * W + w] = mean[i];
    }
    if (w >= members_) continue;
    trajectories += counts.trajectories();
    simulator_calls += counts.trajectories() * (H - 1);
  }
}

template <int W>
void Replicas<W>::solve(int h, double* v) {
  using linalg::all, linalg::fma, linalg::load, linalg::store;
  const double* const m = sigma.at(std::int64_t{h} * d * d * W);
  if (explicit_) {
    double* const out = product_.at(0);
    for (std::int64_t i = 0; i < d; ++i) {
      Vec total = all<W>(0.0);
      for (std::int64_t j = 0; j < d; ++j)
        total = fma<W>(load<W>(m + (i * d + j) * W), load<W>(v + j * W), total);
      store<W>(out + i * W, total);
    }
    std::copy_n(out, std::int64_t{d} * W, v);
  } else if (large_) {
    linalg::solve_lower(m, d, v);
    linalg::solve_lower_transposed(m, d, v);
  } else {
    linalg::solve_lower<W>(m, inverse_diagonal.at(std::int64_t{h} * d * W), d, v);
    linalg::solve_lower_transposed<W>(m, inverse_diagonal.at(std::int64_t{h} * d * W), d, v);
  }
}

template <int W>
void Replicas<W>::kernels() {
  for (int h = 0; h < H; ++h) {
    double* const x = kernel.at(std::int64_t{h} * d * W);
    for (int w = 0; w < W; ++w) {
      const auto at = static_cast<std::size_t>(h) * W + static_cast<std::size_t>(w);
      const double* const phi = mdp.features(h, states[at], actions[at]);
      for (std::int64_t i = 0; i < d; ++i) x[i * W + w] = phi[i];
    }
    solve(h, x);
  }
}

template <int W>
void Replicas<W>::estimate() {
  using linalg::load, linalg::store;
  kernels();
  for (int h = 0; h < H; ++h) {
    const double* const x = kernel.at(std::int64_t{h} * d * W);
    const double* const phi = mdp.layer_features(h);
    double* const out = Qhat.at(table(h));
    const Vec L = load<W>(to_go.at(std::int64_t{h} * W));
    if (large_)
      team.for_range(n, kChunk, [&](std::int64_t begin, std::int64_t end) {
        Eigen::Map<Eigen::VectorXd>(out + begin, end - begin).noalias() =
            to_go[h] * (MatrixView(phi + begin * d, end - begin, d) * VectorView(x, d));
      });
    else
      for (std::int64_t p = 0; p < n; ++p) store<W>(out + p * W, dot<W>(phi + p * d, x, d) * L);
  }
}

template <int W>
void Replicas<W>::estimate_with_bonus() {
  if constexpr (W == 1)
    if (large_ && has_bonus_ && !explicit_ && mdp.low_rank()) return estimate_large();
  estimate();
  bonus();
  dilate();
}

template <int W>
void Replicas<W>::reduce_magnitude() {
  using linalg::all, linalg::fma, linalg::load, linalg::min, linalg::store;
  const bool sampled = config.covariance.kind != CovarianceChoice::Kind::kExact;
  if (sampled && weights_.size() == 1) weights_ = Numbers(H * n * W);
  if (sampled && (explicit_ || config.covariance.independent_magnitude)) sampled_weights(DrawFor::kMagnitude);
  const Vec most = all<W>(static_cast<double>(H)), zero = all<W>(0.0);
  for (int h = 0; h < H; ++h) {
    compensate(h, (sampled ? weights_ : q).at(table(h)));
    const double* const x = kernel.at(std::int64_t{h} * d * W);
    const double* const phi = mdp.layer_features(h);
    double* const out = Qhat.at(table(h));
    const auto part = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const Vec negative = min<W>(dot<W>(phi + p * d, x, d), zero);
        store<W>(out + p * W, load<W>(out + p * W) - most * negative + load<W>(compensator_.at(p * W)));
      }
    };
    if (large_)
      team.for_range(n, kChunk, part);
    else
      part(0, n);
  }
}

// compensator_(s,a) = H sum_{s',a'} weight(s',a') (phi(s,a) . Sd phi(s',a'))_-.
template <int W>
void Replicas<W>::compensate(int h, const double* weight) {
  using linalg::all, linalg::fma, linalg::load, linalg::min, linalg::store;
  const double* const m = sigma.at(std::int64_t{h} * d * d * W);
  const double* const phi = mdp.layer_features(h);
  if (whitened_.size() == 0) whitened_ = Numbers(n * d * W);
  double* const y = whitened_.at(0);
  if (!explicit_) {
    if (large_) {
      linalg::whiten(inverses_.at(h * linalg::inverse_size(d)), phi, n, d, y, team);
      return linalg::magnitude_term(y, weight, n, d, H, compensator_.at(0), team);
    }
    linalg::whiten<W>(m, inverse_diagonal.at(std::int64_t{h} * d * W), phi, n, d, y);
    return linalg::magnitude_term<W>(y, weight, n, d, H, compensator_.at(0));
  }
  for (std::int64_t p = 0; p < n; ++p) {  // Sd is at hand, but not a factor
    for (std::int64_t j = 0; j < d; ++j) store<W>(y + (p * d + j) * W, all<W>(phi[p * d + j]));
    solve(h, y + p * d * W);
  }
  for (std::int64_t p = 0; p < n; ++p) {
    Vec total = all<W>(0.0);
    for (std::int64_t other = 0; other < n; ++other)
      total = fma<W>(load<W>(weight + other * W),
                     min<W>(dot<W>(phi + p * d, y + other * d * W, d), all<W>(0.0)), total);
    store<W>(compensator_.at(p * W), total * all<W>(static_cast<double>(H)));
  }
}

template <int W>
void Replicas<W>::bonus() {
  using linalg::all, linalg::fma, linalg::load, linalg::store;
  if (!has_bonus_) return;
  for (int h = 0; h < H; ++h) {
    const double* const m = sigma.at(std::int64_t{h} * d * d * W);
    const double* const phi = mdp.layer_features(h);
    double* const norm = forms.at(table(h));
    if (explicit_) {
      for (std::int64_t p = 0; p < n; ++p) {
        for (std::int64_t j = 0; j < d; ++j) store<W>(scratch_.at(j * W), all<W>(phi[p * d + j]));
        solve(h, scratch_.at(0));
        store<W>(norm + p * W, dot<W>(phi + p * d, scratch_.at(0), d));
      }
    } else if (large_) {
      linalg::quadratic_forms(inverses_.at(h * linalg::inverse_size(d)), phi, n, d, norm, team);
    } else {
      linalg::quadratic_forms<W>(m, inverse_diagonal.at(std::int64_t{h} * d * W), phi, n, d, scratch_.at(0),
                                 norm);
    }
    const Vec scale = load<W>(beta.data());
    for (std::int64_t s = 0; s < S; ++s) {
      Vec mean = all<W>(0.0);
      for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
        mean = fma<W>(load<W>(pi.at(table(h) + p * W)), load<W>(norm + p * W), mean);
      for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
        store<W>(b.at(table(h) + p * W), scale * (load<W>(norm + p * W) + mean));
    }
  }
}

template <int W>
void Replicas<W>::dilate() {
  using linalg::all, linalg::fma, linalg::load, linalg::store;
  if (!has_bonus_) return;
  const Vec growth = all<W>(1 + 1.0 / H);
  std::copy_n(b.at(table(H - 1)), n * W, B.at(table(H - 1)));
  for (int h = H - 1; h-- > 0;) {
    for (std::int64_t s = 0; s < S; ++s) {
      Vec mean = all<W>(0.0);
      for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
        mean = fma<W>(load<W>(pi.at(table(h + 1) + p * W)), load<W>(B.at(table(h + 1) + p * W)), mean);
      store<W>(mean_.at(s * W), mean);
    }
    double* const out = B.at(table(h));
    const double* const now = b.at(table(h));
    if (large_ && mdp.low_rank()) {
      for (std::int64_t i = 0; i < d; ++i)
        scratch_[i] = VectorView(mdp.layer_mu(h) + i * S, S).dot(VectorView(mean_.at(0), S)) * (1 + 1.0 / H);
      team.for_range(n, kChunk, [&](std::int64_t begin, std::int64_t end) {
        Eigen::Map<Eigen::VectorXd> rows(out + begin, end - begin);
        rows = VectorView(now + begin, end - begin);
        rows.noalias() +=
            MatrixView(mdp.layer_features(h) + begin * d, end - begin, d) * VectorView(scratch_.at(0), d);
      });
      continue;
    }
    envs::pull_back<W>(mdp, h, mean_.at(0), ahead_.at(0), scratch_.at(0));
    for (std::int64_t p = 0; p < n; ++p)
      store<W>(out + p * W, fma<W>(growth, load<W>(ahead_.at(p * W)), load<W>(now + p * W)));
  }
}

template <int W>
void Replicas<W>::follow() {
  using linalg::load, linalg::max, linalg::min, linalg::store;
  if constexpr (W == 1)
    if (large_) return follow_large();
  Vec least = load<W>(least_eta_q.data()), largest = load<W>(largest_eta_bonus.data());
  const Vec rate = load<W>(eta.data());
  for (std::int64_t i = 0; i < H * n * W; i += W) {
    const Vec estimated = load<W>(Qhat.at(i)), dilated = load<W>(B.at(i));
    least = min<W>(least, rate * estimated);
    largest = max<W>(largest, rate * dilated);
    store<W>(C.at(i), load<W>(C.at(i)) + (estimated - dilated));
  }
  store<W>(least_eta_q.data(), least);
  store<W>(largest_eta_bonus.data(), largest);
}

template void Replicas<1>::covariance();
template void Replicas<1>::solve(int, double*);
template void Replicas<1>::kernels();
template void Replicas<1>::estimate();
template void Replicas<1>::estimate_with_bonus();
template void Replicas<1>::reduce_magnitude();
template void Replicas<1>::bonus();
template void Replicas<1>::dilate();
template void Replicas<1>::follow();
template void Replicas<linalg::kLanes>::covariance();
template void Replicas<linalg::kLanes>::solve(int, double*);
template void Replicas<linalg::kLanes>::kernels();
template void Replicas<linalg::kLanes>::estimate();
template void Replicas<linalg::kLanes>::estimate_with_bonus();
template void Replicas<linalg::kLanes>::reduce_magnitude();
template void Replicas<linalg::kLanes>::bonus();
template void Replicas<linalg::kLanes>::dilate();
template void Replicas<linalg::kLanes>::follow();

}  // namespace hardy::algorithms
