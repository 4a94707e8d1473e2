// FTRL with the log-determinant of lifted covariances, for adversarial linear contextual bandits (H = 1, the
// state is the context, drawn from a law that the learner does not know) without a simulator: after Liu, Wei,
// Zimmert, "Bypassing the simulator: near-optimal adversarial linear contextual bandits", NeurIPS 2023,
// regret of order K^{1/2}. With x(s,a) = (phi(s,a), 1) and Cov_s(p) = sum_a p_a x(s,a) x(s,a)^T:
//
//   1. p_k(.|s) = argmin_p sum_{j<k} <Cov_s(p), gammahat_j - alpha_j Sd_j> - (1/eta) ln det Cov_s(p)
//   2. play a ~ p_k(.|s_k), L its loss
//   3. Sd_k = (diag(beta_k I, 0) + mean over the contexts met so far of Cov_s(p_k))^{-1}
//   4. gammahat_k = the symmetric part of e (Sd_k x(s_k,a_k) L)^T, e = (0, 1): <x x^T, gammahat> = x . Sd x_k
//   L
//
// Sd's block over phi is the inverse of the centred covariance, so that differences of estimates are those of
// centred features. alpha_k = beta (K / k)^{1/2} and beta_k = min(1, gamma K / k) in this project's beta and
// gamma (settings.h); the context of the episode is counted too, which the first one needs.
#include <algorithm>
#include <cmath>

#include "algorithms/adversarial/regret_method.h"
#include "engine/base/error.h"
#include "engine/linalg/log_determinant.h"
#include "engine/linalg/small.h"

namespace hardy::algorithms {
namespace {

class FtrlLogDeterminant final : public RegretLearner {
 public:
  explicit FtrlLogDeterminant(Steps& steps)
      : r_(steps), t_(steps.tables), D_(t_.d + 1), met_(static_cast<std::size_t>(t_.S)) {
    if (t_.H != 1)
      throw Error("H = " + std::to_string(t_.H) + ", and the log-determinant is for contextual bandits",
                  r_.mdp.name, "an instance with H = 1 would be right");
    r_.uniform_policies();
    for (int s = 0; s < t_.S; ++s) problems_.emplace_back(r_.mdp.features(0, s, 0), t_.A, t_.d);
    for (std::int64_t p = 0; p < t_.n; ++p) {
      const double* const phi = r_.mdp.layer_features(0) + p * t_.d;
      x_.insert(x_.end(), phi, phi + t_.d);
      x_.push_back(1);
    }
    const auto D = static_cast<std::size_t>(D_);
    sigma_.resize(D * D), inverse_.resize(D), v_.resize(D);
    scratch_.resize(static_cast<std::size_t>(linalg::forms_scratch<1>(D_)));
  }

  void episode(std::int64_t k) override {
    for (int s = 0; s < t_.S; ++s) {
      const std::int64_t at = t_.pair(0, s, 0);
      largest_gap_ = std::max(largest_gap_, problems_[static_cast<std::size_t>(s)].solve(
                                                r_.rates.eta[0], t_.C.at(at), t_.pi.at(at)));
    }
    r_.occupancies();
    r_.play();
    const int context = r_.played.states[0];
    ++met_[static_cast<std::size_t>(context)];
    const double late = static_cast<double>(r_.game.episodes) / static_cast<double>(k + 1);
    covariance(static_cast<double>(k + 1), std::min(1.0, r_.rates.gamma[0] * late));
    std::copy_n(x(context, r_.played.actions[0]), D_, v_.begin());
    linalg::solve_lower<1>(sigma_.data(), inverse_.data(), D_, v_.data());
    linalg::solve_lower_transposed<1>(sigma_.data(), inverse_.data(), D_, v_.data());
    linalg::quadratic_forms<1>(sigma_.data(), inverse_.data(), x_.data(), t_.n, D_, scratch_.data(),
                               t_.B.at(0));
    const double alpha = r_.rates.beta[0] * std::sqrt(late), L = r_.played.to_go[0];
    for (std::int64_t p = 0; p < t_.n; ++p) {
      double kernel = 0;
      for (int i = 0; i < D_; ++i)
        kernel += x_[static_cast<std::size_t>(p * D_ + i)] * v_[static_cast<std::size_t>(i)];
      t_.Qhat[p] = kernel * L;
      t_.B[p] *= alpha;
    }
    r_.follow();
  }

  std::vector<RegretFigure> figures() const override {
    double rank = 0, exchanges = 0;
    for (const linalg::LogDeterminant& problem : problems_) {
      rank = std::max(rank, static_cast<double>(problem.rank()));
      exchanges += static_cast<double>(problem.exchanges()) / t_.S / static_cast<double>(r_.game.episodes);
    }
    return {{"rank", rank}, {"exchanges_a_solve", exchanges}, {"largest_gap", largest_gap_}};
  }

 private:
  const double* x(int s, int a) const { return x_.data() + (std::int64_t{s} * t_.A + a) * D_; }

  // The factor of diag(ridge I, 0) + sum_s (share of s so far) Cov_s(p_k).
  void covariance(double episodes, double ridge) {
    std::fill(sigma_.begin(), sigma_.end(), 0.0);
    for (int i = 0; i < t_.d; ++i) sigma_[static_cast<std::size_t>(std::int64_t{i} * (D_ + 1))] = ridge;
    for (int s = 0; s < t_.S; ++s) {
      if (met_[static_cast<std::size_t>(s)] == 0) continue;
      const double share = static_cast<double>(met_[static_cast<std::size_t>(s)]) / episodes;
      for (int a = 0; a < t_.A; ++a) {
        const double weight = share * t_.pi[t_.pair(0, s, a)], *const xa = x(s, a);
        for (int i = 0; i < D_; ++i)
          for (int j = 0; j <= i; ++j)
            sigma_[static_cast<std::size_t>(std::int64_t{i} * D_ + j)] += weight * xa[i] * xa[j];
      }
    }
    linalg::cholesky<1>(sigma_.data(), D_, inverse_.data());
  }

  Steps& r_;
  Tables& t_;
  const int D_;
  std::vector<std::int64_t> met_;  // contexts so far
  std::vector<linalg::LogDeterminant> problems_;
  std::vector<double> x_, sigma_, inverse_, v_, scratch_;  // x_: [S][A][d + 1]
  double largest_gap_ = 0;
};

const RegisterRegretMethod registration(
    {.name = "ftrl_log_determinant",
     .summary = "log-determinant FTRL on lifted covariances, H = 1, no simulator (Liu, Wei, Zimmert 2023)",
     .scaling = Scaling::kLogDeterminant,
     .make = make_regret_learner<FtrlLogDeterminant>,
     .lanes = false,
     .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
