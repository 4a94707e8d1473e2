// What an episode leaves of a layer where a learner has a simulator and no tables: Sigma-dagger of fresh
// trajectories, and the episode's estimate, so that Qhat can be asked for afterwards at any (s,a).
//
//   plain             Qhat = phi . thetahat,  thetahat = Sd phi(s_h,a_h) L_h
//   magnitude-reduced Qhat = kappa L - H (kappa)_- + m,  kappa = phi . Sd phi(s_h,a_h),
//                     m = H sum_i share_i (phi . Sd phi_i)_- over other trajectories' features phi_i
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace hardy::algorithms {

class LayerEstimate {
 public:
  // factor: gamma I + Sigma~ [d][d], its lower triangle.
  static LayerEstimate of_covariance(std::vector<double> factor, std::int64_t d);
  // sigma_dagger [d][d], symmetric, as matrix geometric resampling gives it.
  static LayerEstimate of_inverse(std::vector<double> sigma_dagger, std::int64_t d);

  // What was played: phi(s_h,a_h) [d] and L_h.
  void plain(std::span<const double> phi, double to_go);
  // shares and features of the compensator's visits: each phi [d] of `visits` with its share.
  struct Visit {
    double share = 0;
    const double* phi = nullptr;
  };
  void reduced(std::span<const double> phi, double to_go, int H, std::span<const Visit> visits);

  double q(const double* phi) const;  // Qhat at (s,a), by its features [d]
  // phi Sd phi of `rows` features, into out [rows]; scratch of linalg::forms_scratch<1>(d) numbers.
  void norms(const double* phi, std::int64_t rows, double* scratch, double* out) const;
  std::int64_t bytes() const;

 private:
  void solve(double* v) const;  // v := Sd v

  std::int64_t d_ = 0;
  std::vector<double> factor_, inverse_diagonal_;  // or
  std::vector<double> sigma_dagger_;
  std::vector<double> theta_;   // thetahat, or Sd phi(s_h,a_h) where estimates are reduced
  std::vector<double> others_;  // [visits][d + 1]: Sd phi_i and its share
  double to_go_ = 0, H_ = 0;    // of reduced estimates; H_ is 0 for plain ones
};

}  // namespace hardy::algorithms
