// The formulas of IQL and its relatives, each written once (engine/ops/pointwise.h) and compiled for every
// device from here: nothing but scalars in this header.
#pragma once

#include "engine/base/dual.h"

namespace hardy::algorithms {

// |tau - 1[adv < 0]| adv^2
struct Expectile {
  static constexpr const char* kName = "expectile";
  double tau;
  template <class S>
  constexpr S operator()(S advantage) const {
    using T = math::Scalar<S>;
    return math::where(advantage < S(0), S(static_cast<T>(1 - tau)), S(static_cast<T>(tau))) * advantage *
           advantage;
  }
};
// r + gamma (1 - terminal) v'
struct BootstrapTarget {
  static constexpr const char* kName = "bootstrap_target";
  double gamma;
  template <class S>
  constexpr S operator()(S reward, S terminal, S next_value) const {
    return reward + S(static_cast<math::Scalar<S>>(gamma)) * (S(1) - terminal) * next_value;
  }
};
// x^2 / (2 d) within |x| < d, |x| - d / 2 outside.
struct Huber {
  static constexpr const char* kName = "huber";
  template <class S>
  constexpr S operator()(S x, S d) const {
    const S size = math::abs(x);
    return math::where(size < d, S(0.5) * x * x / d, size - S(0.5) * d);
  }
};
// Huber's loss, but x^2 / (2 d) everywhere where `ends` is 1.
struct HuberWithin {
  static constexpr const char* kName = "huber_within";
  template <class S>
  constexpr S operator()(S x, S d, S ends) const {
    const S size = math::abs(x), square = S(0.5) * x * x / d;
    return math::where(size < d, square, math::where(ends > S(0), square, size - S(0.5) * d));
  }
};
// min(exp(beta adv), cap)
struct AdvantageWeight {
  static constexpr const char* kName = "advantage_weight";
  double beta, cap;
  template <class S>
  constexpr S operator()(S advantage) const {
    using T = math::Scalar<S>;
    return math::min(math::exp(S(static_cast<T>(beta)) * advantage), S(static_cast<T>(cap)));
  }
};
// min(u / b, cap)
struct CappedRatio {
  static constexpr const char* kName = "capped_ratio";
  double b, cap;
  template <class S>
  constexpr S operator()(S u) const {
    using T = math::Scalar<S>;
    return math::min(u / S(static_cast<T>(b)), S(static_cast<T>(cap)));
  }
};
// (exp(z) - z - 1) exp(-top), XQL's loss
struct Gumbel {
  static constexpr const char* kName = "gumbel";
  template <class S>
  constexpr S operator()(S z, S top) const {
    return math::exp(z - top) - (z + S(1)) * math::exp(-top);
  }
};
// 1[w > 0] w^2 + v / alpha of w = 1 + u / (2 alpha), SQL's loss
struct SparseValue {
  static constexpr const char* kName = "sparse_value";
  double alpha;
  template <class S>
  constexpr S operator()(S u, S v) const {
    using T = math::Scalar<S>;
    const S w = math::max(S(1) + u / S(static_cast<T>(2 * alpha)), S(0));
    return w * w + v / S(static_cast<T>(alpha));
  }
};
// min(max(1 + u / (2 alpha), 0), cap)
struct SparseWeight {
  static constexpr const char* kName = "sparse_weight";
  double alpha, cap;
  template <class S>
  constexpr S operator()(S u) const {
    using T = math::Scalar<S>;
    return math::clamp(S(1) + u / S(static_cast<T>(2 * alpha)), T(0), static_cast<T>(cap));
  }
};

// 1 where the TD error is larger than the threshold.
struct Exceeds {
  static constexpr const char* kName = "exceeds";
  template <class S>
  constexpr S operator()(S x, S d) const {
    return math::where(math::abs(x) > d, S(1), S(0));
  }
};
// Moves d so that a share p of the errors lies within it: d exp(rate (share outside - (1 - p))).
struct FollowQuantile {
  static constexpr const char* kName = "follow_quantile";
  double p, rate;
  template <class S>
  constexpr S operator()(S d, S outside) const {
    using T = math::Scalar<S>;
    return d * math::exp(S(static_cast<T>(rate)) * (outside - S(static_cast<T>(1 - p))));
  }
};
// |x|
struct Magnitude {
  static constexpr const char* kName = "magnitude";
  template <class S>
  constexpr S operator()(S x) const {
    return math::abs(x);
  }
};
// sqrt(x), with the slope of sqrt(1e-12) below that: lengths and deviations that may be 0.
struct Root {
  static constexpr const char* kName = "root";
  template <class S>
  constexpr S operator()(S x) const {
    return math::sqrt(math::max(x, S(1e-12)));
  }
};
// What UW-MSG divides a squared error by: ratio times the deviation, held to [least, most].
struct Uncertainty {
  static constexpr const char* kName = "uncertainty";
  double ratio, least, most;
  template <class S>
  constexpr S operator()(S deviation) const {
    using T = math::Scalar<S>;
    return math::clamp(S(static_cast<T>(ratio)) * deviation, static_cast<T>(least), static_cast<T>(most));
  }
};
// A standard normal's quantile, moved to [-1, 1]: 2 Phi(z) - 1, uniform there.
struct UniformOfNormal {
  static constexpr const char* kName = "uniform_of_normal";
  template <class S>
  constexpr S operator()(S z) const {
    return math::erf(z * S(0.70710678118654752440));
  }
};

}  // namespace hardy::algorithms
