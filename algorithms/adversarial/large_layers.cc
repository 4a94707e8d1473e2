// An instance so large that one replica is a job for a team: its layers' features come from memory, and what
// an episode costs beside its products is how often they are read. They are read twice: once on the way
// forward (occupancies and second moments, replicas.cc), once on the way back, where
//
//   B_h(s,a) = b_h(s,a) + phi(s,a) . w_h,   w_h = (1 + 1/H) mu_h E_pi B_h+1,   w_{H-1} = 0
//
// is known as soon as the layer above is, so that Qhat, n, b and B of a pair come from one look at its
// features.
#include <algorithm>

#include "algorithms/adversarial/replicas.h"
#include "engine/linalg/dense.h"
#include "engine/ops/gemm_kernel.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kPairs = 256;  // that one task takes, about: whole states

}  // namespace

template <int W>
void Replicas<W>::factor_large(const Numbers& weights) {
  const bool known = &weights == &q && moments_.size() > 0;
  const auto layer = [&](int h) { return std::int64_t{h} * d * d; };
  if (!known)
    for (int h = 0; h < H; ++h)
      linalg::weighted_moments(mdp.layer_features(h), weights.at(table(h)), n, d, 0, nullptr,
                               sigma.at(layer(h)), team);
  team.run(H, [&](std::int64_t task) {
    const auto h = static_cast<int>(task);
    double* const m = sigma.at(layer(h));
    if (known) std::copy_n(moments_.at(layer(h)), std::int64_t{d} * d, m);
    for (std::int64_t i = 0; i < d; ++i) m[i * (d + 1)] += gamma[0];
    linalg::cholesky(m, d);
    linalg::pack_inverse(m, d, inverses_.at(h * linalg::inverse_size(d)));
  });
}

template <int W>
void Replicas<W>::estimate_large() {
  kernels();
  const std::int64_t states_each = std::max<std::int64_t>(1, kPairs / A);
  double *const kernel_of_layer = vectors_.at(0), *const ahead = vectors_.at(linalg::row_width(d));
  std::fill_n(ahead, d, 0.0);
  for (int h = H; h-- > 0;) {
    std::copy_n(kernel.at(std::int64_t{h} * d), d, kernel_of_layer);
    team.for_range(S, states_each,
                   [&](std::int64_t first, std::int64_t last) { estimate_states(h, first, last); });
    if (h == 0) break;
    team.for_range(d, linalg::kLanes, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        detail::dot_kernel<double, 1, 1>(S, mdp.layer_mu(h - 1) + i * S, S, mean_.at(0), S, ahead + i);
    });
    for (std::int64_t i = 0; i < d; ++i) ahead[i] *= 1 + 1.0 / H;
  }
}

// Of states [first, last): Qhat, n, b, B, and E_pi B for the layer below.
template <int W>
void Replicas<W>::estimate_states(int h, std::int64_t first, std::int64_t last) {
  const std::int64_t begin = first * A, at = table(h) + begin;
  double *const estimates = Qhat.at(at), *const norm = forms.at(at), *const dilated = B.at(at);
  linalg::forms_and_products(inverses_.at(h * linalg::inverse_size(d)), mdp.layer_features(h) + begin * d,
                             (last - first) * A, d, vectors_.at(0), vectors_.at(linalg::row_width(d)), norm,
                             estimates, dilated);
  for (std::int64_t s = first; s < last; ++s) {
    const std::int64_t from = (s - first) * A;
    const double *const n_s = norm + from, *const policy = pi.at(at + from);
    double mean = 0, mean_dilated = 0;
    for (std::int64_t a = 0; a < A; ++a) mean += policy[a] * n_s[a];
    for (std::int64_t a = from; a < from + A; ++a) {
      b[at + a] = beta[0] * (norm[a] + mean);
      dilated[a] += b[at + a];
      estimates[a] *= to_go[h];
    }
    for (std::int64_t a = 0; a < A; ++a) mean_dilated += policy[a] * dilated[from + a];
    mean_[s] = mean_dilated;
  }
}

template <int W>
void Replicas<W>::follow_large() {
  const std::int64_t size = H * n, tasks = (size + kTablePiece - 1) / kTablePiece;
  team.run(tasks, [&](std::int64_t task) {
    double least = 0, largest = 0;
    for (std::int64_t i = task * kTablePiece; i < std::min(size, (task + 1) * kTablePiece); ++i) {
      least = std::min(least, Qhat[i]);
      largest = std::max(largest, B[i]);
      C[i] += Qhat[i] - B[i];
    }
    extremes_[2 * task] = least, extremes_[2 * task + 1] = largest;
  });
  for (std::int64_t task = 0; task < tasks; ++task) {
    least_eta_q[0] = std::min(least_eta_q[0], eta[0] * extremes_[2 * task]);
    largest_eta_bonus[0] = std::max(largest_eta_bonus[0], eta[0] * extremes_[2 * task + 1]);
  }
}

template void Replicas<1>::factor_large(const Numbers&);
template void Replicas<1>::estimate_large();
template void Replicas<1>::follow_large();

}  // namespace hardy::algorithms
