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
// averaged: the policy that acts is a running mean of the one that learns, which is returned; its descent's
// polyak is the share that enters at each step.
PolicyNetworks add_policy(Learner& learner, const PolicySpec& spec, bool averaged = false);
// mean(weights * imitation loss), minimised over the policy's networks; weights [A, B], or none for 1. Where
// the batch says how much its rows' imitation weighs, times that.
// redescend c > 0: a row weighs exp(-c e) as well, e the mean over the action's dimensions of (pi(s) - a)^2:
// what the policy cannot believe pulls little. No gradient flows in that weight.
void minimise_policy(Update& update, const PolicySpec& spec, const PolicyNetworks& policy, const Batch& batch,
                     Tensor weights, const Descent& descent, double redescend = 0);

}  // namespace hardy::algorithms
