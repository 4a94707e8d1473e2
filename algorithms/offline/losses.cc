#include "algorithms/offline/losses.h"

#include "engine/nn/heads.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

Tensor imitation_loss(Graph& g, Head head, Tensor net, Tensor log_std, Tensor actions) {
  if (head == Head::kGaussian)
    return ops::negate(
        g, nn::gaussian_log_prob(g, net, ops::unsqueeze(g, ops::clamp(g, log_std, -5, 2), 1), actions));
  const Tensor error = ops::square(g, ops::subtract(g, ops::tanh(g, net), actions));
  return ops::squeeze(g, ops::sum(g, error, -1), -1);
}

PolicyNetworks add_policy(Learner& learner, const PolicySpec& spec) {
  PolicyNetworks policy{learner.network("policy", spec.mlp()), {}};
  if (spec.head == Head::kGaussian) policy.log_std = learner.vector("policy/log_std", spec.action_size, 0.0f);
  return policy;
}

void minimise_policy(Update& u, const PolicySpec& spec, const PolicyNetworks& policy, const Batch& batch,
                     Tensor weights, const Descent& descent) {
  Graph& g = u.graph();
  const Tensor log_std = policy.log_std.tensors.empty() ? Tensor{} : u.parameter(policy.log_std, 0);
  Tensor loss = imitation_loss(g, spec.head, u.apply(policy.net, batch.observations), log_std, batch.actions);
  if (weights) loss = ops::multiply(g, weights, loss);
  if (log_std)
    u.minimise("policy", ops::mean_per_agent(g, loss), {policy.net, policy.log_std}, descent);
  else
    u.minimise("policy", ops::mean_per_agent(g, loss), {policy.net}, descent);
}

}  // namespace hardy::algorithms
