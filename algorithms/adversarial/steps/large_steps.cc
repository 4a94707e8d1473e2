#include "algorithms/adversarial/steps/large_steps.h"

#include <Eigen/Core>
#include <algorithm>

#include "engine/linalg/dense.h"
#include "engine/linalg/simplex.h"
#include "engine/ops/gemm_kernel.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Eigen::VectorXd>;

// What one task takes.
constexpr std::int64_t kProblems = 512;        // simplex problems
constexpr std::int64_t kStates = 128;          // states, on the way forward
constexpr std::int64_t kPairs = 256;           // pairs: their features stay in L2
constexpr std::int64_t kTablePiece = 1 << 13;  // numbers of its tables

}  // namespace

LargeSteps::LargeSteps(const Game& g, std::span<const Lane> replicas, ThreadTeam& team, bool covariance)
    : LaneSteps(g, replicas, covariance),
      team_(team),
      rho_(tables.S),
      vectors_(2 * linalg::row_width(tables.d)),
      extremes_(2 * (tables.C.size() / kTablePiece + 1)) {
  if (!covariance || inverse_) return;
  auto factored = std::make_unique<LargeCovariance>(g, tables, rates, trajectories_, team);
  factored_ = factored.get();
  inverse_ = std::move(factored);
}

void LargeSteps::log_barrier_policies() {
  const std::int64_t A = tables.A;
  team_.for_range(std::int64_t{tables.H} * tables.S, kProblems, [&](std::int64_t begin, std::int64_t end) {
    linalg::log_barrier(
        {end - begin, tables.A, 1, rates.eta.data(), tables.C.at(begin * A), tables.pi.at(begin * A)});
  });
}

void LargeSteps::entropic_policies() {
  const std::int64_t A = tables.A;
  team_.for_range(std::int64_t{tables.H} * tables.S, kProblems, [&](std::int64_t begin, std::int64_t end) {
    linalg::entropic(
        {end - begin, tables.A, 1, rates.eta.data(), tables.C.at(begin * A), tables.pi.at(begin * A)});
  });
}

void LargeSteps::occupancies_of(const Numbers& policy) {
  const std::int64_t n = tables.n, A = tables.A, d = tables.d;
  std::copy_n(mdp.start.data(), tables.S, rho_.at(0));
  for (int h = 0; h < tables.H; ++h) {
    const double* const pi = policy.at(tables.table(h));
    double *const here = tables.q.at(tables.table(h)), *const features = tables.u.at(h * d);
    team_.for_range(tables.S, kStates, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t s = first; s < last; ++s)
        for (std::int64_t p = s * A; p < (s + 1) * A; ++p) here[p] = rho_[s] * pi[p];
    });
    linalg::weighted_moments(mdp.layer_features(h), here, n, d, 0, features,
                             factored_ != nullptr ? factored_->moments(h) : nullptr, team_);
    if (h + 1 == tables.H) break;
    team_.for_range(tables.S, kStates, [&](std::int64_t first, std::int64_t last) {
      envs::push_forward<1>(mdp, h, here, features, rho_.at(0), first, last);
    });
  }
}

void LargeSteps::estimate() {
  const std::int64_t d = tables.d;
  kernels();
  for (int h = 0; h < tables.H; ++h) {
    const double *const x = tables.kernel.at(h * d), *const phi = mdp.layer_features(h);
    double* const out = tables.Qhat.at(tables.table(h));
    team_.for_range(tables.n, kPairs, [&](std::int64_t begin, std::int64_t end) {
      Eigen::Map<Eigen::VectorXd>(out + begin, end - begin).noalias() =
          played.to_go[h] * (MatrixView(phi + begin * d, end - begin, d) * VectorView(x, d));
    });
  }
}

void LargeSteps::reduce_magnitude() {
  const std::int64_t d = tables.d;
  const Numbers& weights = inverse_->magnitude_weights(episode());
  const double most = tables.H;
  for (int h = 0; h < tables.H; ++h) {
    inverse_->negative_means(h, weights.at(tables.table(h)), ahead_.at(0));
    const double *const x = tables.kernel.at(h * d), *const phi = mdp.layer_features(h);
    double* const out = tables.Qhat.at(tables.table(h));
    team_.for_range(tables.n, kPairs, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const double negative = std::min(linalg::dot_shared<1>(phi + p * d, x, d), 0.0);
        out[p] = out[p] - most * negative + ahead_[p];
      }
    });
  }
}

void LargeSteps::dilate() {
  if (!rates.has_bonus) return;
  if (!mdp.low_rank()) return LaneSteps::dilate();
  const std::int64_t n = tables.n, d = tables.d, S = tables.S, last = tables.table(tables.H - 1);
  std::copy_n(tables.b.at(last), n, tables.B.at(last));
  for (int h = tables.H - 1; h-- > 0;) {
    mean_of_dilated(h + 1);
    for (std::int64_t i = 0; i < d; ++i)
      scratch_[i] =
          VectorView(mdp.layer_mu(h) + i * S, S).dot(VectorView(mean_.at(0), S)) * (1 + 1.0 / tables.H);
    double* const out = tables.B.at(tables.table(h));
    const double* const now = tables.b.at(tables.table(h));
    team_.for_range(n, kPairs, [&](std::int64_t begin, std::int64_t end) {
      Eigen::Map<Eigen::VectorXd> rows(out + begin, end - begin);
      rows = VectorView(now + begin, end - begin);
      rows.noalias() +=
          MatrixView(mdp.layer_features(h) + begin * d, end - begin, d) * VectorView(scratch_.at(0), d);
    });
  }
}

void LargeSteps::estimate_with_bonus() {
  if (!rates.has_bonus || factored_ == nullptr || !mdp.low_rank()) {
    estimate();
    bonus();
    dilate();
    return;
  }
  kernels();
  const std::int64_t d = tables.d, S = tables.S, states_each = std::max<std::int64_t>(1, kPairs / tables.A);
  double *const kernel_of_layer = vectors_.at(0), *const ahead = vectors_.at(linalg::row_width(d));
  std::fill_n(ahead, d, 0.0);
  for (int h = tables.H; h-- > 0;) {
    std::copy_n(tables.kernel.at(h * d), d, kernel_of_layer);
    team_.for_range(S, states_each,
                    [&](std::int64_t first, std::int64_t last) { walk_back(h, first, last); });
    if (h == 0) break;
    team_.for_range(d, linalg::kLanes, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        detail::dot_kernel<double, 1, 1, 0>(S, mdp.layer_mu(h - 1) + i * S, S, mean_.at(0), ahead + i);
    });
    for (std::int64_t i = 0; i < d; ++i) ahead[i] *= 1 + 1.0 / tables.H;
  }
}

// Of states [first, last): Qhat, n, b, B, and E_pi B for the layer below.
void LargeSteps::walk_back(int h, std::int64_t first, std::int64_t last) {
  const std::int64_t A = tables.A, d = tables.d, begin = first * A, at = tables.table(h) + begin;
  const double L = played.to_go[h], beta = rates.beta[0];
  double *const estimates = tables.Qhat.at(at), *const norm = tables.forms.at(at),
                *const dilated = tables.B.at(at);
  linalg::forms_and_products(factored_->packed_inverse(h), mdp.layer_features(h) + begin * d,
                             (last - first) * A, d, vectors_.at(0), vectors_.at(linalg::row_width(d)), norm,
                             estimates, dilated);
  for (std::int64_t s = first; s < last; ++s) {
    const std::int64_t from = (s - first) * A;
    const double *const n_s = norm + from, *const policy = tables.pi.at(at + from);
    double mean = 0, mean_dilated = 0;
    for (std::int64_t a = 0; a < A; ++a) mean += policy[a] * n_s[a];
    for (std::int64_t a = from; a < from + A; ++a) {
      tables.b[at + a] = beta * (norm[a] + mean);
      dilated[a] += tables.b[at + a];
      estimates[a] *= L;
    }
    for (std::int64_t a = 0; a < A; ++a) mean_dilated += policy[a] * dilated[from + a];
    mean_[s] = mean_dilated;
  }
}

void LargeSteps::follow() {
  const std::int64_t size = tables.C.size(), tasks = (size + kTablePiece - 1) / kTablePiece;
  team_.run(tasks, [&](std::int64_t task) {
    double least = 0, largest = 0;
    for (std::int64_t i = task * kTablePiece; i < std::min(size, (task + 1) * kTablePiece); ++i) {
      least = std::min(least, tables.Qhat[i]);
      largest = std::max(largest, tables.B[i]);
      tables.C[i] += tables.Qhat[i] - tables.B[i];
    }
    extremes_[2 * task] = least, extremes_[2 * task + 1] = largest;
  });
  for (std::int64_t task = 0; task < tasks; ++task) {
    record.least_eta_q[0] = std::min(record.least_eta_q[0], rates.eta[0] * extremes_[2 * task]);
    record.largest_eta_bonus[0] =
        std::max(record.largest_eta_bonus[0], rates.eta[0] * extremes_[2 * task + 1]);
  }
}

}  // namespace hardy::algorithms
