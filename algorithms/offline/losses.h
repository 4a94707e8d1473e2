// What IQL and its relatives share: their formulas, and the policy's imitation loss.
#pragma once

#include "algorithms/learning/method.h"
#include "algorithms/offline/formulas.h"
#include "engine/ops/pointwise.h"

namespace hardy::algorithms {

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
