#include "algorithms/adversarial/boxes/policy_cover.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using View = Eigen::Map<const Matrix>;

// phi^T M^{-1} phi for all rows.
std::vector<double> forms(const Matrix& m, const View& phi) {
  const Eigen::LLT<Matrix> factor(m);
  const Eigen::MatrixXd y = factor.matrixL().solve(phi.transpose());
  std::vector<double> out(static_cast<std::size_t>(phi.rows()));
  for (Eigen::Index p = 0; p < phi.rows(); ++p) out[static_cast<std::size_t>(p)] = y.col(p).squaredNorm();
  return out;
}

}  // namespace

PolicyCover::PolicyCover(const envs::LinearMdp& mdp, double alpha, int rounds, double ramp_width,
                         double bonus)
    : mdp_(mdp),
      H_(mdp.H),
      S_(mdp.S),
      A_(mdp.A),
      d_(mdp.d),
      M0_(rounds),
      alpha_(alpha),
      ramp_width_(ramp_width),
      bonus_(bonus) {
  const auto size = static_cast<std::size_t>(d_) * static_cast<std::size_t>(d_);
  gam_.assign(static_cast<std::size_t>(H_) * size, 0.0);
  for (int h = 0; h < H_; ++h)
    for (std::size_t i = 0; i < static_cast<std::size_t>(d_); ++i)
      gam_[static_cast<std::size_t>(h) * size + i * static_cast<std::size_t>(d_ + 1)] = 1;
  lambda_ = gam_;
  visits_.assign(static_cast<std::size_t>(std::int64_t{H_} * S_), 0.0);
  moves_.assign(static_cast<std::size_t>(H_ * mdp.pairs()) * static_cast<std::size_t>(S_), 0.0);
}

std::vector<double> PolicyCover::norms(int h) const {
  return forms(View(gam_.data() + std::int64_t{h} * d_ * d_, d_, d_),
               View(mdp_.layer_features(h), mdp_.pairs(), d_));
}

void PolicyCover::plan() {
  std::vector<int> actions(static_cast<std::size_t>(std::int64_t{H_} * S_));
  Vector V = Vector::Zero(S_);
  for (int h = H_; h-- > 0;) {
    const View phi(mdp_.layer_features(h), mdp_.pairs(), d_);
    const Matrix lambda = View(lambda_.data() + std::int64_t{h} * d_ * d_, d_, d_);
    const Vector target = View(moves_.data() + h * mdp_.pairs() * S_, mdp_.pairs(), S_) * V;
    const Vector w = Eigen::LLT<Matrix>(lambda).solve(phi.transpose() * target);
    const std::vector<double> wide = forms(lambda, phi), norm = norms(h);
    for (int s = 0; s < S_; ++s) {
      double best = -1;
      for (int a = 0; a < A_; ++a) {
        const auto p = static_cast<std::size_t>(std::int64_t{s} * A_ + a);
        const double reward = std::clamp((norm[p] - alpha_ / M0_) / ramp_width_, 0.0, 1.0);
        const double Q = std::min<double>(
            H_, reward + phi.row(static_cast<Eigen::Index>(p)).dot(w) + bonus_ * std::sqrt(wide[p]));
        if (Q > best) best = Q, actions[static_cast<std::size_t>(std::int64_t{h} * S_ + s)] = a;
      }
      V[s] = std::max(0.0, best);
    }
  }
  policies_.push_back(std::move(actions));
}

void PolicyCover::plan_with_known_transitions() {
  std::vector<double> losses;
  for (int h = 0; h < H_; ++h)
    for (const double norm : norms(h)) losses.push_back(-norm);
  policies_.push_back(envs::hindsight(mdp_, losses).actions);
  const std::vector<double> q = envs::occupancy(mdp_, policy_table(rounds() - 1));
  for (std::size_t i = 0; i < q.size(); ++i) visits_[i / static_cast<std::size_t>(A_)] += q[i];
  std::vector<double> mean(gam_.size());
  for (int h = 0; h < H_; ++h) {
    const View phi(mdp_.layer_features(h), mdp_.pairs(), d_);
    const Eigen::Map<const Vector> weight(q.data() + h * mdp_.pairs(), mdp_.pairs());
    Eigen::Map<Matrix>(mean.data() + std::int64_t{h} * d_ * d_, d_, d_) =
        phi.transpose() * weight.asDiagonal() * phi;
  }
  close_round(mean);
}

void PolicyCover::seen(int h, int s, int a, int next) {
  visits_[static_cast<std::size_t>(std::int64_t{h} * S_ + s)] += 1;
  const double* const phi = mdp_.features(h, s, a);
  double* const lambda = lambda_.data() + std::int64_t{h} * d_ * d_;
  for (int i = 0; i < d_; ++i)
    for (int j = 0; j < d_; ++j) lambda[i * d_ + j] += phi[i] * phi[j];
  if (next >= 0) moves_[static_cast<std::size_t>(((std::int64_t{h} * S_ + s) * A_ + a) * S_ + next)] += 1;
}

void PolicyCover::close_round(const std::vector<double>& mean) {
  for (std::size_t i = 0; i < gam_.size(); ++i) gam_[i] += mean[i];
}

std::vector<double> PolicyCover::state_norms() const {
  std::vector<double> largest(static_cast<std::size_t>(std::int64_t{H_} * S_));
  for (int h = 0; h < H_; ++h) {
    const std::vector<double> norm = norms(h);
    for (std::size_t p = 0; p < norm.size(); ++p) {
      double& state =
          largest[static_cast<std::size_t>(std::int64_t{h} * S_) + p / static_cast<std::size_t>(A_)];
      state = std::max(state, norm[p] * M0_);
    }
  }
  return largest;
}

std::vector<char> PolicyCover::known_states(double alpha) const {
  std::vector<char> known;
  for (const double norm : state_norms()) known.push_back(norm <= alpha ? 1 : 0);
  return known;
}

double PolicyCover::achieved(double unknown_share) const {
  const std::vector<double> norms = state_norms();
  double alpha = 0;
  for (int h = 0; h < H_; ++h) {
    const std::int64_t first = std::int64_t{h} * S_;
    std::vector<std::pair<double, double>> states;  // norm, visits
    double left = 0;
    for (auto at = static_cast<std::size_t>(first); at < static_cast<std::size_t>(first + S_); ++at) {
      states.emplace_back(norms[at], visits_[at]);
      left += visits_[at];
    }
    std::ranges::sort(states);
    const double allowed = unknown_share * left;
    for (const auto& [norm, visits] : states) {
      if (left <= allowed) break;
      left -= visits;
      if (visits > 0) alpha = std::max(alpha, norm);
    }
  }
  return alpha;
}

std::vector<double> PolicyCover::policy_table(int round) const {
  std::vector<double> table(static_cast<std::size_t>(H_ * mdp_.pairs()));
  for (int h = 0; h < H_; ++h)
    for (int s = 0; s < S_; ++s)
      table[static_cast<std::size_t>((std::int64_t{h} * S_ + s) * A_ + action(round, h, s))] = 1;
  return table;
}

std::vector<double> PolicyCover::occupancy() const {
  std::vector<double> mixture(static_cast<std::size_t>(H_ * mdp_.pairs()));
  for (int m = 0; m < rounds(); ++m) {
    const std::vector<double> q = envs::occupancy(mdp_, policy_table(m));
    for (std::size_t i = 0; i < q.size(); ++i) mixture[i] += q[i] / rounds();
  }
  return mixture;
}

}  // namespace hardy::algorithms
