#include "algorithms/adversarial/boxes/occupancy_projection.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

constexpr double kResidual = 1e-11;  // of the flow, per state
constexpr int kMostSteps = 100;

}  // namespace

OccupancyProjection::OccupancyProjection(const envs::LinearMdp& mdp, const ConfidenceSet* set)
    : mdp_(mdp), set_(set), layers_(mdp.H), S_(mdp.S), n_(mdp.pairs()) {
  if (mdp.H > 1 && mdp.transitions.empty())
    throw Error("this method needs the transitions as rows", mdp.name,
                "this state space is too large for it");
  const int unknowns = layers_ * S_;
  if (unknowns > 2000)
    throw Error("this method solves for H S = " + std::to_string(unknowns) + " unknowns in every episode",
                mdp.name, "2000 are the most");
  v_ = tried_ = gradient_ = direction_ = Eigen::VectorXd::Zero(unknowns);
  row_ = mean_ = Eigen::VectorXd::Zero(2 * S_);
  hessian_ = Eigen::MatrixXd::Identity(unknowns, unknowns);
  factor_.compute(hessian_);
  if (set == nullptr) return;
  laws_.resize(static_cast<std::size_t>((layers_ - 1) * n_ * S_));
  log_laws_.assign(laws_.size(), -std::log(static_cast<double>(S_)));
  free_.resize(laws_.size());
  breaks_.reserve(2 * static_cast<std::size_t>(S_));
}

const double* OccupancyProjection::law(int h, std::int64_t pair) const {
  return set_ ? laws_.data() + (h * n_ + pair) * S_ : mdp_.layer_transitions(h) + pair * S_;
}

// P_i = clip(e^{w_i - kappa}, low_i, high_i) with w = ln P0 + v and the kappa that makes them sum to one:
// between two neighbours of the sums' breakpoints, where what is not clipped has what the others leave.
double OccupancyProjection::clipped(int h, std::int64_t pair, const double* v) {
  const auto first = static_cast<std::size_t>((h * n_ + pair) * S_);
  const double *const log_law = log_laws_.data() + first, *const low = set_->low() + first,
                      *const room = set_->room() + first;
  double* const P = laws_.data() + first;
  const auto at = [&](int i, double kappa) {
    return std::clamp(std::exp(log_law[i] + v[i] - kappa), low[i], low[i] + room[i]);
  };
  breaks_.clear();
  for (int i = 0; i < S_; ++i)
    for (const double bound : {low[i], low[i] + room[i]})
      if (bound > 0) breaks_.push_back(log_law[i] + v[i] - std::log(bound));
  std::sort(breaks_.begin(), breaks_.end());
  // The sum falls with kappa: the last breakpoint at which it is still at least one.
  const auto beyond = std::partition_point(breaks_.begin(), breaks_.end(), [&](double kappa) {
    double sum = 0;
    for (int i = 0; i < S_; ++i) sum += at(i, kappa);
    return sum >= 1;
  });
  const double left = beyond == breaks_.begin() ? breaks_.front() - 1 : *(beyond - 1),
               right = beyond == breaks_.end() ? left + 1 : *beyond, middle = 0.5 * (left + right);
  double rest = 1, free = 0;
  for (int i = 0; i < S_; ++i) {
    const double x = std::exp(log_law[i] + v[i] - middle);
    free_[first + static_cast<std::size_t>(i)] = x > low[i] && x < low[i] + room[i];
    if (free_[first + static_cast<std::size_t>(i)])
      free += x;
    else
      rest -= P[i] = std::clamp(x, low[i], low[i] + room[i]);
  }
  const double scale = free > 0 ? std::max(rest, 0.0) / free : 0;
  double value = 0;
  for (int i = 0; i < S_; ++i) {
    if (free_[first + static_cast<std::size_t>(i)]) P[i] = scale * std::exp(log_law[i] + v[i] - middle);
    if (P[i] > 0) value += P[i] * (v[i] - std::log(P[i]) + log_law[i]);
  }
  return value;
}

// q = each layer's normalised summand at v; F(v).
double OccupancyProjection::evaluate(const Eigen::VectorXd& v, const Numbers& log_weight, Numbers& next) {
  double F = 0;
  for (int s = 0; s < S_; ++s) F += mdp_.start[static_cast<std::size_t>(s)] * v[s];
  for (int h = 0; h < layers_; ++h) {
    double largest = -INFINITY, sum = 0;
    double* const q = next.at(h * n_);
    for (std::int64_t p = 0; p < n_; ++p) {
      double x = log_weight[h * n_ + p] - v[h * S_ + p / mdp_.A];
      if (h + 1 < layers_ && set_)
        x += clipped(h, p, v.data() + (h + 1) * S_);
      else if (h + 1 < layers_)
        x += Eigen::Map<const Eigen::VectorXd>(law(h, p), S_).dot(v.segment((h + 1) * S_, S_));
      q[p] = x;
      largest = std::max(largest, x);
    }
    for (std::int64_t p = 0; p < n_; ++p) sum += q[p] = std::exp(q[p] - largest);
    for (std::int64_t p = 0; p < n_; ++p) q[p] /= sum;
    F += largest + std::log(sum);
  }
  return F;
}

// Newton's method on F with halved steps; F does not change when a layer's v moves as a whole, and a small
// multiple of the identity pins that down.
void OccupancyProjection::project(const Numbers& log_weight, Numbers& q) {
  double F = evaluate(v_, log_weight, q);
  for (int step = 0; step < kMostSteps; ++step) {
    derivatives(q);
    if (gradient_.cwiseAbs().maxCoeff() <= kResidual) break;
    hessian_.diagonal().array() += 1e-10;
    factor_.compute(hessian_);
    direction_ = factor_.solve(gradient_);
    const double slope = gradient_.dot(direction_);
    double scale = 1, F_tried = 0;
    for (int halving = 0; halving < 40; ++halving, scale /= 2) {
      tried_ = v_ - scale * direction_;
      F_tried = evaluate(tried_, log_weight, q);
      if (F_tried <= F - 1e-4 * scale * slope + 1e-14) break;
    }
    v_ = tried_;
    F = F_tried;
  }
  for (std::size_t i = 0; i < laws_.size(); ++i) log_laws_[i] = std::log(std::max(laws_[i], 1e-300));
}

// Gradient: flow into a state less the flow out. Hessian (its lower triangle): each layer's covariance of its
// feature rows, and how the laws move where they are not clipped.
void OccupancyProjection::derivatives(const Numbers& next) {
  gradient_.setZero();
  hessian_.setZero();
  for (int s = 0; s < S_; ++s) gradient_[s] = mdp_.start[static_cast<std::size_t>(s)];
  for (int h = 0; h < layers_; ++h) {
    const int width = h + 1 < layers_ ? 2 * S_ : S_;
    auto row = row_.head(width), mean = mean_.head(width);
    auto block = hessian_.block(h * S_, h * S_, width, width);
    auto lower = block.selfadjointView<Eigen::Lower>();
    mean.setZero();
    for (std::int64_t p = 0; p < n_; ++p) {
      const double q = next[h * n_ + p];
      row.setZero();
      row[p / mdp_.A] = -1;
      if (h + 1 < layers_) row.tail(S_) = Eigen::Map<const Eigen::VectorXd>(law(h, p), S_);
      mean += q * row;
      lower.rankUpdate(row, q);
      if (h + 1 == layers_ || !set_) continue;
      double mass = 0;
      row.setZero();
      for (int i = 0; i < S_; ++i) {
        if (!free_[static_cast<std::size_t>((h * n_ + p) * S_ + i)]) continue;
        mass += row[S_ + i] = law(h, p)[i];
        block(S_ + i, S_ + i) += q * row[S_ + i];
      }
      if (mass > 0) lower.rankUpdate(row, -q / mass);
    }
    lower.rankUpdate(mean, -1.0);
    gradient_.segment(h * S_, width) += mean;
  }
}

void policy_of(const Numbers& q, int actions, Numbers& pi) {
  for (std::int64_t at = 0; at < q.size(); at += actions) {
    double sum = 0;
    for (int a = 0; a < actions; ++a) sum += q[at + a];
    for (int a = 0; a < actions; ++a) pi[at + a] = sum > 0 ? q[at + a] / sum : 1.0 / actions;
  }
}

}  // namespace hardy::algorithms
