// O-REPS with known transitions (Zimin, Neu 2013): mirror descent over occupancies with the relative entropy,
//
//   q_{k+1} = argmin over occupancies of  eta <q, lhat_k> + KL(q || q_k),
//   lhat = l 1{visited} / (q_k + gamma)
//
// solved in its dual: F(v) = sum_h ln sum_{s,a} q_k(s,a) exp(-eta lhat - v_h(s) + P_h v_h+1), convex and
// smooth; q_{k+1} is each layer's normalised summand. v_0 and v_H are 0 but for v_0's start term: flow into
// the first layer is the start law, so a term sum_s start(s) v_0(s) joins F.
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>

#include "algorithms/adversarial/regret_method.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

constexpr double kResidual = 1e-11;  // of the flow, per state
constexpr int kMostSteps = 100;

class OReps final : public RegretLearner {
 public:
  explicit OReps(Steps& steps)
      : r_(steps), t_(steps.tables), layers_(t_.H), S_(t_.S), unknowns_(layers_ * S_) {
    if (t_.H > 1 && r_.mdp.transitions.empty())
      throw Error("O-REPS needs the transitions as rows", r_.mdp.name,
                  "this state space is too large for it");
    if (unknowns_ > 2000)
      throw Error("O-REPS solves for H S = " + std::to_string(unknowns_) + " unknowns in every episode",
                  r_.mdp.name, "2000 are the most");
    r_.uniform_policies();
    r_.occupancies();  // q_1: of the uniform policy
    next_ = Numbers(t_.q.size());
    log_weight_ = Numbers(t_.q.size());
    v_ = tried_ = gradient_ = direction_ = Eigen::VectorXd::Zero(unknowns_);
    row_ = mean_ = Eigen::VectorXd::Zero(2 * S_);
    hessian_ = Eigen::MatrixXd::Identity(unknowns_, unknowns_);
    factor_.compute(hessian_);
  }

  void episode(std::int64_t) override {
    r_.occupancies();  // of the policy that q_k stands for
    r_.play();
    for (std::int64_t i = 0; i < t_.q.size(); ++i) log_weight_[i] = std::log(t_.q[i]);
    for (int h = 0; h < t_.H; ++h) {  // - eta lhat at the pairs that were visited
      const int s = r_.played.states[static_cast<std::size_t>(h)],
                a = r_.played.actions[static_cast<std::size_t>(h)];
      const std::int64_t at = t_.table(h) + std::int64_t{s} * t_.A + a;
      const double estimate = r_.losses.at(h, s, a, 0) / (t_.q[at] + r_.rates.gamma[0]);
      log_weight_[at] -= r_.rates.eta[0] * estimate;
      r_.record.least_eta_q[0] = std::min(r_.record.least_eta_q[0], r_.rates.eta[0] * estimate);
    }
    project();
    for (int h = 0; h < t_.H; ++h)
      for (int s = 0; s < S_; ++s) {
        double* const q = next_.at(t_.table(h) + std::int64_t{s} * t_.A);
        double sum = 0;
        for (int a = 0; a < t_.A; ++a) sum += q[a];
        for (int a = 0; a < t_.A; ++a)
          t_.pi[t_.table(h) + std::int64_t{s} * t_.A + a] = sum > 0 ? q[a] / sum : 1.0 / t_.A;
      }
  }

 private:
  const double* law(int h, std::int64_t pair) const { return r_.mdp.layer_transitions(h) + pair * S_; }

  // next_ = each layer's normalised summand at v; F(v).
  double evaluate(const Eigen::VectorXd& v) {
    double F = 0;
    for (int s = 0; s < S_; ++s) F += r_.mdp.start[static_cast<std::size_t>(s)] * v[s];
    for (int h = 0; h < layers_; ++h) {
      double largest = -INFINITY, sum = 0;
      double* const q = next_.at(t_.table(h));
      for (std::int64_t p = 0; p < t_.n; ++p) {
        double x = log_weight_[t_.table(h) + p] - v[h * S_ + p / t_.A];
        if (h + 1 < layers_)
          x += Eigen::Map<const Eigen::VectorXd>(law(h, p), S_).dot(v.segment((h + 1) * S_, S_));
        q[p] = x;
        largest = std::max(largest, x);
      }
      for (std::int64_t p = 0; p < t_.n; ++p) sum += q[p] = std::exp(q[p] - largest);
      for (std::int64_t p = 0; p < t_.n; ++p) q[p] /= sum;
      F += largest + std::log(sum);
    }
    return F;
  }

  // Newton's method on F with halved steps; F does not change when a layer's v moves as a whole, and a small
  // multiple of the identity pins that down.
  void project() {
    double F = evaluate(v_);
    for (int step = 0; step < kMostSteps; ++step) {
      derivatives();
      if (gradient_.cwiseAbs().maxCoeff() <= kResidual) return;
      hessian_.diagonal().array() += 1e-10;
      factor_.compute(hessian_);
      direction_ = factor_.solve(gradient_);
      const double slope = gradient_.dot(direction_);
      double scale = 1, F_tried = 0;
      for (int halving = 0; halving < 40; ++halving, scale /= 2) {
        tried_ = v_ - scale * direction_;
        F_tried = evaluate(tried_);
        if (F_tried <= F - 1e-4 * scale * slope + 1e-14) break;
      }
      v_ = tried_;
      F = F_tried;
    }
  }

  // Gradient: flow into a state less the flow out. Hessian (its lower triangle): each layer's covariance of
  // its feature rows.
  void derivatives() {
    gradient_.setZero();
    hessian_.setZero();
    for (int s = 0; s < S_; ++s) gradient_[s] = r_.mdp.start[static_cast<std::size_t>(s)];
    for (int h = 0; h < layers_; ++h) {
      const int width = h + 1 < layers_ ? 2 * S_ : S_;
      auto row = row_.head(width), mean = mean_.head(width);
      auto block = hessian_.block(h * S_, h * S_, width, width);
      auto lower = block.selfadjointView<Eigen::Lower>();
      mean.setZero();
      for (std::int64_t p = 0; p < t_.n; ++p) {
        const double q = next_[t_.table(h) + p];
        row.setZero();
        row[p / t_.A] = -1;
        if (h + 1 < layers_) row.tail(S_) = Eigen::Map<const Eigen::VectorXd>(law(h, p), S_);
        mean += q * row;
        lower.rankUpdate(row, q);
      }
      lower.rankUpdate(mean, -1.0);
      gradient_.segment(h * S_, width) += mean;
    }
  }

  Steps& r_;
  Tables& t_;
  const int layers_, S_, unknowns_;
  Numbers next_, log_weight_;
  Eigen::VectorXd v_, tried_, gradient_, direction_, row_, mean_;
  Eigen::MatrixXd hessian_;
  Eigen::LDLT<Eigen::MatrixXd> factor_;
};

const RegisterRegretMethod registration({.name = "o_reps",
                                         .summary = "O-REPS with known transitions (Zimin, Neu 2013)",
                                         .scaling = Scaling::kOccupancy,
                                         .make = make_regret_learner<OReps>,
                                         .lanes = false,
                                         .costs = false,
                                         .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
