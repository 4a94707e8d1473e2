// Policy optimisation with contracted features for linear MDPs without a simulator (Cassel, Rosenberg,
// "Warm-up free policy optimization", 2024), in its setting: losses change adversarially and are shown in
// full after each episode, transitions are unknown. Regret H^2 d^{3/2} K^{1/2} up to logarithms. Written from
// memory of the method; constants are ours: beta_w is the contraction's, beta the bonus's.
//
//   contracted feature  phibar = sigmoid(-beta_w |phi|_{Lambda^{-1}} + ln K) phi: off where little is known
//   Qhat_h = phibar . (nu_k,h + Lambda_h^{-1} sum_data phi Vhat_h+1(s')) - beta |phibar|_{Lambda^{-1}}
//   pi(a|s) ~ exp(-eta sum of Qhat over the epoch); an epoch ends when some det Lambda_h has doubled
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>

#include "algorithms/adversarial/regret_method.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

class ContractedFeatures final : public RegretLearner {
 public:
  explicit ContractedFeatures(Steps& steps) : r_(steps), t_(steps.tables), d_(t_.d) {
    if (!r_.game.instance.losses->linear())
      throw Error("contracted features need losses that are linear in the features", r_.mdp.name);
    const auto H = static_cast<std::size_t>(t_.H);
    lambda_.assign(H, Matrix::Identity(d_, d_));
    epoch_determinant_.assign(H, 0.0);
    moves_.assign(H, Matrix::Zero(d_, t_.S));
    for (int h = 0; h < t_.H; ++h) contracted_.emplace_back(Matrix::Zero(t_.n, d_));
    width_ = Numbers(t_.H * t_.n);
    solved_ = nu_and_next_ = Vector::Zero(d_);
    V_ = Vector::Zero(t_.S);
    begin_epoch();
  }

  void episode(std::int64_t) override {
    r_.entropic_policies();
    r_.occupancies();
    r_.play();
    estimate();
    for (std::int64_t i = 0; i < t_.C.size(); ++i) {
      r_.record.least_eta_q[0] = std::min(r_.record.least_eta_q[0], r_.rates.eta[0] * t_.Qhat[i]);
      t_.C[i] += t_.Qhat[i];
    }
    remember();
  }

 private:
  Eigen::Map<const Vector> feature(int h, std::int64_t pair) const {
    return {r_.mdp.layer_features(h) + pair * d_, d_};
  }
  double log_determinant(const Matrix& m) {
    factor_.compute(m);
    return 2 * factor_.matrixLLT().diagonal().array().log().sum();
  }

  // Freezes Lambda, and with it the contraction and the widths; policies start anew.
  void begin_epoch() {
    const double log_K = std::log(static_cast<double>(r_.game.episodes) + 1);
    for (int h = 0; h < t_.H; ++h) {
      const auto layer = static_cast<std::size_t>(h);
      epoch_determinant_[layer] = log_determinant(lambda_[layer]);
      for (std::int64_t p = 0; p < t_.n; ++p) {
        const auto phi = feature(h, p);
        solved_ = phi;
        factor_.matrixL().solveInPlace(solved_);  // log_determinant() has left Lambda's factor
        const double norm = solved_.norm();
        const double share =
            1 / (1 + std::exp(r_.rates.gamma[0] * norm * log_K * std::sqrt(static_cast<double>(d_)) - log_K));
        contracted_[layer].row(p) = share * phi.transpose();
        width_[h * t_.n + p] = share * norm;
      }
    }
    std::fill_n(t_.C.at(0), t_.C.size(), 0.0);
  }

  void estimate() {
    V_.setZero();
    for (int h = t_.H; h-- > 0;) {
      const auto layer = static_cast<std::size_t>(h);
      Vector& w = nu_and_next_;
      w = Eigen::Map<const Vector>(r_.losses.of(0) + std::int64_t{h} * d_, d_);
      if (h + 1 < t_.H) {
        solved_.noalias() = moves_[layer] * V_;
        factor_.compute(lambda_[layer]);
        factor_.matrixL().solveInPlace(solved_);
        factor_.matrixU().solveInPlace(solved_);
        w += solved_;
      }
      Eigen::Map<Vector> Q(t_.Qhat.at(t_.table(h)), t_.n);
      Q.noalias() = contracted_[layer] * w;
      Q -= r_.rates.beta[0] * Eigen::Map<const Vector>(width_.at(h * t_.n), t_.n);
      for (int s = 0; s < t_.S; ++s)
        V_[s] = Q.segment(std::int64_t{s} * t_.A, t_.A)
                    .dot(Eigen::Map<const Vector>(t_.pi.at(t_.table(h) + std::int64_t{s} * t_.A), t_.A));
    }
  }

  void remember() {
    bool doubled = false;
    for (std::size_t h = 0; h < lambda_.size(); ++h) {
      const auto phi =
          feature(static_cast<int>(h), std::int64_t{r_.played.states[h]} * t_.A + r_.played.actions[h]);
      lambda_[h].noalias() += phi * phi.transpose();
      if (h + 1 < lambda_.size()) moves_[h].col(r_.played.states[h + 1]) += phi;
      doubled = doubled || log_determinant(lambda_[h]) > epoch_determinant_[h] + std::log(2.0);
    }
    if (doubled) begin_epoch();
  }

  Steps& r_;
  Tables& t_;
  const int d_;
  std::vector<Matrix> lambda_, moves_,
      contracted_;  // I + sum phi phi^T; sum phi 1{s'}^T [d][S]; phibar [n][d]
  Eigen::LLT<Matrix> factor_;
  Vector solved_, nu_and_next_, V_;
  std::vector<double> epoch_determinant_;
  Numbers width_;  // |phibar|_{Lambda^{-1}}
};

const RegisterRegretMethod registration(
    {.name = "contracted_features",
     .summary = "policy optimisation with contracted features, losses shown in full (Cassel, Rosenberg 2024)",
     .scaling = Scaling::kContracted,
     .make = make_regret_learner<ContractedFeatures>,
     .lanes = false,
     .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
