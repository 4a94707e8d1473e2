// Matrix geometric resampling (Neu and Olkhovskaya 2020; episodic form Luo, Wei and Lee 2021):
//
//   Z_0 = I,  Z_n = Z_{n-1} (I - c (gamma I + phi_n phi_n^T)),  estimate = c (I + sum_{n=1..N} Z_n)
//
// with phi_n independent draws of the feature: E[estimate] = G^{-1} (I - (I - c G)^{N+1}), G = gamma I +
// Sigma. A draw costs about 6 d^2 operations: v = Z phi first, then Z -= c (gamma Z + v phi^T).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/linalg/mgr_formulas.h"

namespace hardy::linalg {

class GeometricResampling {
 public:
  // c (gamma + max ||phi||^2) <= 1 keeps the chain stable: c = 1/2 does where gamma <= 1 and ||phi|| <= 1.
  GeometricResampling(std::int64_t d, double gamma, double c = kResamplingScale);

  void restart();                // a new chain: Z = I
  void draw(const double* phi);  // [d], the next factor of the chain
  void finish();                 // the chain's estimate joins the mean

  std::int64_t chains() const { return chains_; }
  // Mean over the finished chains, out [d][d] row-major; symmetrised: (X + X^T) / 2.
  void mean(double* out, bool symmetrised) const;
  void clear(double gamma);  // forgets the finished chains, begins anew

 private:
  std::int64_t d_, chains_ = 0;
  double gamma_, c_;
  std::vector<double> z_, sum_, total_;  // transposed: element (i, j) at [j * d + i]
};

}  // namespace hardy::linalg
