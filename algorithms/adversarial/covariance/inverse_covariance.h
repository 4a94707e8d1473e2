// Sigma-dagger_h ~ (gamma I + Sigma_h)^{-1} of every layer, Sigma_h = E_pi[phi phi^T], for a group of
// replicas side by side. Which estimator stands behind it is the run's choice (choice.h):
//
//   lanes      a Cholesky factor for each replica, solved with (lanes.h)
//   large      the same of one large instance, its work shared among a team's threads (large.h)
//   resampled  matrix geometric resampling: Sigma-dagger itself (resampled.h)
#pragma once

#include <cstdint>

#include "algorithms/adversarial/steps/numbers.h"

namespace hardy::algorithms {

class InverseCovariance {
 public:
  virtual ~InverseCovariance() = default;
  // Of episode k: of its occupancies, or of fresh trajectories of its policies.
  virtual void update(std::int64_t k) = 0;
  // v [layers][d][lanes] := Sd_h v, of layers first, first + 1, ...
  virtual void solve(int first, int layers, double* v) = 0;
  virtual void quadratic_forms(double* out) = 0;  // n(s,a) = phi Sd phi: [H][S][A][lanes]
  // What the compensator of the magnitude-reduced estimator averages over, [H][S][A][lanes]: the occupancies,
  // or shares of fresh trajectories' visits.
  virtual const Numbers& magnitude_weights(std::int64_t k) = 0;
  // H sum_{s',a'} weight(s',a') (phi(s,a) . Sd phi(s',a'))_-, (x)_- = min(x, 0): [S][A][lanes].
  virtual void negative_means(int h, const double* weight, double* out) = 0;
};

}  // namespace hardy::algorithms
