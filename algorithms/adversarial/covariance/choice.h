// Estimators of Sigma-dagger_h ~ (gamma I + Sigma_h)^{-1}, Sigma_h = E_pi[phi phi^T], interchangeable:
//
//   exact      Sigma from the occupancies, "M = infinity"
//   empirical  the mean over M fresh trajectories, regularised and then solved with (Dai, Luo, Wei, Zimmert
//   2023) mgr        Matrix Geometric Resampling, M chains of N factors (Neu, Olkhovskaya 2020)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "algorithms/adversarial/step_law.h"

namespace hardy::algorithms {

struct CovarianceChoice {
  enum class Kind { kExact, kEmpirical, kMgr };
  Kind kind = Kind::kExact;
  std::int64_t samples =
      0;                   // M of empirical (0: ceil(c_samples / gamma)), chains of mgr (0: ceil(1 / gamma))
  std::int64_t terms = 0;  // N of mgr; 0: ceil((2 / gamma) ln(1 / gamma))
  double c_samples = 1;
  // The compensator m of the magnitude-reduced estimator: from fresh trajectories of its own (true), or from
  // the covariance's. Exact covariance goes with the exact m.
  bool independent_magnitude = true;
  // Laws of the sizes and of gamma in place of these numbers: M, N, and the compensator's trajectories m
  // (else as many as the covariance's).
  std::optional<StepLaw> samples_law, terms_law, compensator_law;
  Sizes sizes;  // of what is played, for laws
};

// "exact", "empirical", "empirical:M=100,reuse=1", "mgr:M=10,N=100". M, N and m may be laws,
// "empirical:M=log(d*H*K)/gamma,m=1/gamma", or the word paper:
//
//   empirical  M = log(d H K) / gamma^2 (Dai et al. 2023, remembered), m = log(d H K) / gamma (derived)
//   mgr        N = (2 / gamma) ln(1 / gamma^2), M = 24 ln(d H K) / gamma^4: mgr_counts() at eps = gamma
CovarianceChoice parse_covariance(const std::string& text);

// How many trajectories an episode simulates under a choice at this gamma. An Error where a law gives no
// number from 1 to 1e9.
struct SampleCounts {
  std::int64_t chains = 0, terms = 0;  // empirical: M and 1; mgr: M and N; exact: 0 and 0
  std::int64_t compensator = 0;        // 0: the covariance's own are taken again (reuse)
  std::int64_t trajectories() const { return chains * terms; }
};
SampleCounts sample_counts(const CovarianceChoice& choice, double gamma);
// bonus_sampled: whether the dilated bonus asks a simulator too, or reads the transitions.
std::string describe(const CovarianceChoice& choice, double gamma, bool bonus_sampled = false);

// Luo, Wei, Lee's counts for ||Sd - G^{-1}|| <= 2 eps with high probability:
// N = ceil((2/gamma) ln(1/(eps gamma))), M = ceil(24 ln(d H K) / (eps^2 gamma^2)).
SampleCounts mgr_counts(double eps, double gamma, int d, int H, std::int64_t K);

}  // namespace hardy::algorithms
