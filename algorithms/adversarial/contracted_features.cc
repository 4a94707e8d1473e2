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

#include "algorithms/adversarial/learner.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

class ContractedFeatures final : public RegretLearner {
 public:
  explicit ContractedFeatures(Replicas<1>& replicas) : r_(replicas), d_(r_.d) {
    if (!r_.config.instance.losses->linear())
      throw Error("contracted features need losses that are linear in the features", r_.mdp.name);
    const auto H = static_cast<std::size_t>(r_.H);
    lambda_.assign(H, Matrix::Identity(d_, d_));
    epoch_determinant_.assign(H, 0.0);
    moves_.assign(H, Matrix::Zero(d_, r_.S));
    for (int h = 0; h < r_.H; ++h) contracted_.emplace_back(Matrix::Zero(r_.n, d_));
    width_ = Numbers(r_.H * r_.n);
    solved_ = nu_and_next_ = Vector::Zero(d_);
    V_ = Vector::Zero(r_.S);
    begin_epoch();
  }

  void episode(std::int64_t) override {
    r_.entropic_policies();
    r_.occupancies();
    r_.play();
    estimate();
    for (std::int64_t i = 0; i < r_.C.size(); ++i) {
      r_.least_eta_q[0] = std::min(r_.least_eta_q[0], r_.eta[0] * r_.Qhat[i]);
      r_.C[i] += r_.Qhat[i];
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
    const double log_K = std::log(static_cast<double>(r_.config.episodes) + 1);
    for (int h = 0; h < r_.H; ++h) {
      const auto layer = static_cast<std::size_t>(h);
      epoch_determinant_[layer] = log_determinant(lambda_[layer]);
      for (std::int64_t p = 0; p < r_.n; ++p) {
        const auto phi = feature(h, p);
        solved_ = phi;
        factor_.matrixL().solveInPlace(solved_);  // log_determinant() has left Lambda's factor
        const double norm = solved_.norm();
        const double share =
            1 / (1 + std::exp(r_.gamma[0] * norm * log_K * std::sqrt(static_cast<double>(d_)) - log_K));
        contracted_[layer].row(p) = share * phi.transpose();
        width_[h * r_.n + p] = share * norm;
      }
    }
    std::fill_n(r_.C.at(0), r_.C.size(), 0.0);
  }

  void estimate() {
    V_.setZero();
    for (int h = r_.H; h-- > 0;) {
      const auto layer = static_cast<std::size_t>(h);
      Vector& w = nu_and_next_;
      w = Eigen::Map<const Vector>(r_.losses[0] + std::int64_t{h} * d_, d_);
      if (h + 1 < r_.H) {
        solved_.noalias() = moves_[layer] * V_;
        factor_.compute(lambda_[layer]);
        factor_.matrixL().solveInPlace(solved_);
        factor_.matrixU().solveInPlace(solved_);
        w += solved_;
      }
      Eigen::Map<Vector> Q(r_.Qhat.at(r_.table(h)), r_.n);
      Q.noalias() = contracted_[layer] * w;
      Q -= r_.beta[0] * Eigen::Map<const Vector>(width_.at(h * r_.n), r_.n);
      for (int s = 0; s < r_.S; ++s)
        V_[s] = Q.segment(std::int64_t{s} * r_.A, r_.A)
                    .dot(Eigen::Map<const Vector>(r_.pi.at(r_.table(h) + std::int64_t{s} * r_.A), r_.A));
    }
  }

  void remember() {
    bool doubled = false;
    for (std::size_t h = 0; h < lambda_.size(); ++h) {
      const auto phi = feature(static_cast<int>(h), std::int64_t{r_.states[h]} * r_.A + r_.actions[h]);
      lambda_[h].noalias() += phi * phi.transpose();
      if (h + 1 < lambda_.size()) moves_[h].col(r_.states[h + 1]) += phi;
      doubled = doubled || log_determinant(lambda_[h]) > epoch_determinant_[h] + std::log(2.0);
    }
    if (doubled) begin_epoch();
  }

  Replicas<1>& r_;
  const int d_;
  std::vector<Matrix> lambda_, moves_,
      contracted_;  // I + sum phi phi^T; sum phi 1{s'}^T [d][S]; phibar [n][d]
  Eigen::LLT<Matrix> factor_;
  Vector solved_, nu_and_next_, V_;
  std::vector<double> epoch_determinant_;
  Numbers width_;  // |phibar|_{Lambda^{-1}}
};

LearnerMakers makers() {
  LearnerMakers all;
  all.one = [](Replicas<1>& r) -> std::unique_ptr<RegretLearner> {
    return std::make_unique<ContractedFeatures>(r);
  };
  all.covariance = false;
  return all;
}

const RegisterLearner registration(
    {"contracted_features",
     "policy optimisation with contracted features, losses shown in full (Cassel, Rosenberg 2024)",
     Scaling::kContracted},
    makers());

}  // namespace
}  // namespace hardy::algorithms
