// Soft actor-critic's formulas, compiled for every device from here: nothing but scalars in this header.
#pragma once

#include "engine/base/dual.h"

namespace hardy::algorithms {

// y = r + gamma (1 - terminal) (min Q' - alpha log pi')
struct SoftTarget {
  static constexpr const char* kName = "soft_target";
  float gamma;
  template <class S>
  constexpr S operator()(S reward, S terminal, S q_next, S log_prob_next, S log_alpha) const {
    return reward + S(gamma) * (S(1) - terminal) * (q_next - math::exp(log_alpha) * log_prob_next);
  }
};
// alpha log pi - Q
struct ActorLoss {
  static constexpr const char* kName = "actor_loss";
  template <class S>
  constexpr S operator()(S log_prob, S q, S log_alpha) const {
    return math::exp(log_alpha) * log_prob - q;
  }
};
// -log alpha (log pi + target entropy)
struct TemperatureLoss {
  static constexpr const char* kName = "temperature_loss";
  float target_entropy;
  template <class S>
  constexpr S operator()(S log_alpha, S log_prob) const {
    return -log_alpha * (log_prob + S(target_entropy));
  }
};

}  // namespace hardy::algorithms
