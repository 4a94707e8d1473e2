// Draws of laws from one splitmix64 sequence, so that an independent program can draw the same instances.
#pragma once

#include <cmath>
#include <numbers>

#include "engine/base/random.h"

namespace hardy::envs {

// Gamma(shape, 1) (Marsaglia, Tsang 2000; below 1 by u^{1/shape} times Gamma(shape + 1)).
inline double draw_gamma(SplitMix64& random, double shape) {
  if (shape < 1) {
    const double u = 1 - random.uniform();
    return draw_gamma(random, shape + 1) * std::pow(u, 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double radius = std::sqrt(-2 * std::log1p(-random.uniform()));
    const double x = radius * std::cos(2 * std::numbers::pi * random.uniform()), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log1p(-random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

// A law [n] from the Dirichlet(concentration, ...). Concentration 1: e_i = -log1p(-u), normalised by the sum.
inline void draw_law(SplitMix64& random, int n, double concentration, double* out) {
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    out[i] = concentration == 1 ? -std::log1p(-random.uniform()) : draw_gamma(random, concentration) + 1e-300;
    sum += out[i];
  }
  for (int i = 0; i < n; ++i) out[i] /= sum;
}

}  // namespace hardy::envs
