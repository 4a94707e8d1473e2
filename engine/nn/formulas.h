// The formulas of the heads (engine/nn/heads.h), compiled for every device from here.
#pragma once

#include "engine/base/dual.h"

namespace hardy::nn {

inline constexpr double kHalfLog2Pi = 0.91893853320467274178;
inline constexpr double kLog2 = 0.69314718055994530942;

struct Reparameterise {
  static constexpr const char* kName = "reparameterise";
  template <class S>
  constexpr S operator()(S mean, S log_std, S noise) const {
    return mean + math::exp(log_std) * noise;
  }
};
struct NormalLogDensity {
  static constexpr const char* kName = "normal_log_density";
  template <class S>
  constexpr S operator()(S mean, S log_std, S x) const {
    const S z = (x - mean) * math::exp(-log_std);
    return S(-0.5) * z * z - log_std - S(kHalfLog2Pi);
  }
};
// The same density where the draw's noise is known: z is the noise itself.
struct SquashedLogDensity {
  static constexpr const char* kName = "squashed_log_density";
  template <class S>
  constexpr S operator()(S u, S log_std, S noise) const {
    const S slope = S(2) * (S(kLog2) - u - math::softplus(S(-2) * u));
    return S(-0.5) * noise * noise - log_std - S(kHalfLog2Pi) - slope;
  }
};
// The same density where a = tanh(u) is known, |a| < 1: u = artanh a, and the slope 1 - a^2 is (1 + a)(1 -
// a).
struct SquashedActionLogDensity {
  static constexpr const char* kName = "squashed_action_log_density";
  template <class S>
  constexpr S operator()(S mean, S log_std, S a) const {
    const S above = math::log(S(1) + a), below = math::log(S(1) - a);
    return NormalLogDensity{}(mean, log_std, S(0.5) * (above - below)) - above - below;
  }
};
struct Squash {
  static constexpr const char* kName = "squash";
  template <class S>
  constexpr S operator()(S u) const {
    return math::tanh(u);
  }
};

}  // namespace hardy::nn
