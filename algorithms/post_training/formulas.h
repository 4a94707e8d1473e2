// The unified policy-gradient estimator, token by token: what stands before grad log pi. Nothing but scalars
// in this header, which every device compiles.
#pragma once

#include "engine/base/dual.h"

namespace hardy::algorithms {

// 1_stable: which tokens an update may still move.
enum class Mask {
  kNone,
  kClip,      // PPO: 0 where the ratio has left [1 - low, 1 + high] and A would push it further
  kDualClip,  // and 0 where A < 0 and the ratio is above `dual`
  kCap,       // CISPO: clip(ratio, 1 - low, 1 + high) / ratio; low = 1 caps one side alone
  kSoft,      // SAPO: 4 s (1 - s), s = sigmoid(tau (ratio - 1)), tau by the sign of A
  kBand,      // IcePop: 0 outside of [1 - low, 1 + high], whatever A
  kPositive   // CRR, filtered cloning, RFT: 0 where A <= 0
};

// pi_ref of (1 / pi_ref) grad pi, written as the factor pi / pi_ref of grad log pi.
enum class Reference {
  kPolicy,     // pi_theta: 1
  kBehaviour,  // pi_old: r = pi / pi_old
  kTruncated,  // max(pi_old, pi / cap): min(r, cap)
  kSequence,   // GSPO: pi / s, s = (prod_t r_t)^(1/L)
  kOne         // pi itself; of a density it has a unit and no meaning
};

// f' of a reshaped likelihood.
enum class Likelihood {
  kPlain,
  kShaped  // LUFFY: f(pi) = pi / (pi + g), f' = g / (pi + g)^2
};

// c = mask (pi / pi_ref) f' A: a detached number. Log ratios are held within +-20, a sequence's mean one
// below 10, where the exponential is still finite and far beyond any mask.
struct TokenCoefficient {
  static constexpr const char* kName = "token_coefficient";
  Mask mask = Mask::kNone;
  Reference reference = Reference::kPolicy;
  Likelihood likelihood = Likelihood::kPlain;
  double low = 0.2, high = 0.2, dual = 3, cap = 2, shape = 0.1, tau_positive = 1, tau_negative = 1.05;

  // log pi and log pi_old of the token, the mean of their difference over the sequence, the advantage.
  template <class S>
  constexpr S operator()(S log_prob, S log_behaviour, S mean_log_ratio, S advantage) const {
    const bool sequence = reference == Reference::kSequence;
    const S ratio = math::exp(sequence ? math::min(mean_log_ratio, S(10))
                                       : math::clamp(S(log_prob - log_behaviour), -20, 20));
    return masked(ratio, advantage) * factor(log_prob, ratio) * advantage;
  }

 private:
  template <class S>
  static constexpr S number(double x) {
    return S(static_cast<math::Scalar<S>>(x));
  }

  template <class S>
  constexpr S masked(S ratio, S advantage) const {
    const S least = number<S>(1 - low), most = number<S>(1 + high), none = S(0), all = S(1);
    const bool up = advantage > none, down = advantage < none;
    const bool clipped = (up && ratio > most) || (down && ratio < least);
    switch (mask) {
      case Mask::kNone:
        return all;
      case Mask::kClip:
        return math::where(clipped, none, all);
      case Mask::kDualClip:
        return math::where(clipped || (down && ratio > number<S>(dual)), none, all);
      case Mask::kCap:
        return math::min(math::max(ratio, least), most) / ratio;
      case Mask::kSoft: {
        const S s = all / (all + math::exp(number<S>(up ? tau_positive : tau_negative) * (all - ratio)));
        return S(4) * s * (all - s);
      }
      case Mask::kBand:
        return math::where(ratio < least || ratio > most, none, all);
      case Mask::kPositive:
        return math::where(up, all, none);
    }
    return all;
  }

  template <class S>
  constexpr S factor(S log_prob, S ratio) const {
    S f = S(1);
    switch (reference) {
      case Reference::kPolicy:
        break;
      case Reference::kBehaviour:
      case Reference::kSequence:
        f = ratio;
        break;
      case Reference::kTruncated:
        f = math::min(ratio, number<S>(cap));
        break;
      case Reference::kOne:
        f = math::exp(log_prob);
        break;
    }
    if (likelihood == Likelihood::kShaped) {
      const S below = math::exp(log_prob) + number<S>(shape);
      f = f * number<S>(shape) / (below * below);
    }
    return f;
  }
};

// A penalty on the divergence from a reference policy, as its estimators are put into losses; x = log pi -
// log pi_reference, samples on-policy.
enum class Divergence {
  kNone,
  kK1,      // x: no gradient in expectation
  kK2,      // x^2 / 2: grad KL(pi || reference)
  kK3,      // e^-x - 1 + x: grad KL(reference || pi)
  kRatioK3  // pi / sg[pi] times k3: grad KL(pi || reference), with k3's value
};

// What the penalty adds to c, for a weight of 1.
struct DivergenceCoefficient {
  static constexpr const char* kName = "divergence_coefficient";
  Divergence divergence = Divergence::kNone;
  template <class S>
  constexpr S operator()(S log_prob, S log_reference) const {
    const S x = math::clamp(S(log_prob - log_reference), -20, 20), fall = S(1) - math::exp(-x);
    switch (divergence) {
      case Divergence::kNone:
        return S(0);
      case Divergence::kK1:
        return S(-1);
      case Divergence::kK3:
        return -fall;
      case Divergence::kK2:
      case Divergence::kRatioK3:
        return -x;  // k3 + 1 - e^-x = x
    }
    return S(0);
  }
};

}  // namespace hardy::algorithms
