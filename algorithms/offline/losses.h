// The formulas that IQL and its relatives share, each written once (engine/ops/pointwise.h).
#pragma once

#include "algorithms/offline/method.h"
#include "engine/ops/pointwise.h"

namespace hardy::algorithms {

// |tau - 1[adv < 0]| adv^2
struct Expectile {
  static constexpr const char* kName = "expectile";
  double tau;
  template <class S>
  S operator()(S advantage) const {
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
  S operator()(S reward, S terminal, S next_value) const {
    return reward + S(static_cast<math::Scalar<S>>(gamma)) * (S(1) - terminal) * next_value;
  }
};

// x^2 / (2 d) within |x| < d, |x| - d / 2 outside.
struct Huber {
  static constexpr const char* kName = "huber";
  template <class S>
  S operator()(S x, S d) const {
    const S size = math::abs(x);
    return math::where(size < d, S(0.5) * x * x / d, size - S(0.5) * d);
  }
};

// min(exp(beta adv), cap)
struct AdvantageWeight {
  static constexpr const char* kName = "advantage_weight";
  double beta, cap;
  template <class S>
  S operator()(S advantage) const {
    using T = math::Scalar<S>;
    return math::min(math::exp(S(static_cast<T>(beta)) * advantage), S(static_cast<T>(cap)));
  }
};

// The supervised term of the policy, for each row [A, B]: sum_d (pi(s) - a)^2, or -log pi(a|s).
// `net` is the policy network's output, log_std [A, act] its parameter where the head has one.
Tensor imitation_loss(Graph& g, Head head, Tensor net, Tensor log_std, Tensor actions);

// The policy's networks in the learner: its mlp, and log_std for a Gaussian head.
struct PolicyNetworks {
  Network net;
  Network log_std;  // no tensors unless the head is Gaussian
};
PolicyNetworks add_policy(Learner& learner, const PolicySpec& spec);
// mean(weights * imitation loss), minimised over the policy's networks; weights [A, B], or none for 1.
void minimise_policy(Update& update, const PolicySpec& spec, const PolicyNetworks& policy, const Batch& batch,
                     Tensor weights, const Descent& descent);

}  // namespace hardy::algorithms
