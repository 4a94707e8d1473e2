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

PolicyNetworks add_policy(Learner& learner, const PolicySpec& spec, bool averaged) {
  const std::string name = averaged ? "learning_policy" : "policy";
  PolicyNetworks policy{learner.network(name, spec.mlp()), {}};
  if (spec.head == Head::kGaussian)
    policy.log_std = learner.vector(name + "/log_std", spec.action_size, 0.0f);
  if (averaged) {
    learner.target_of(policy.net, "policy");
    if (spec.head == Head::kGaussian) learner.target_of(policy.log_std, "policy/log_std");
  }
  return policy;
}

void minimise_policy(Update& u, const PolicySpec& spec, const PolicyNetworks& policy, const Batch& batch,
                     Tensor weights, const Descent& descent, double redescend) {
  Graph& g = u.graph();
  const Tensor log_std = policy.log_std.tensors.empty() ? Tensor{} : u.parameter(policy.log_std, 0);
  const Tensor net = u.apply(policy.net, batch.observations);
  Tensor loss = imitation_loss(g, spec.head, net, log_std, batch.actions);
  for (const Tensor each : {weights, batch.imitation})
    if (each) loss = ops::multiply(g, each, loss);
  if (redescend > 0) {
    const Tensor mean = spec.head == Head::kGaussian ? net : ops::tanh(g, net);
    const Tensor error = ops::mean(g, ops::square(g, ops::subtract(g, mean, batch.actions)), -1);
    const Tensor believed =
        ops::stop_gradient(g, ops::exp(g, ops::affine(g, ops::squeeze(g, error, -1), -redescend)));
    u.report("believed", ops::mean_per_agent(g, believed));
    loss = ops::multiply(g, believed, loss);
  }
  if (log_std)
    u.minimise("policy", ops::mean_per_agent(g, loss), {policy.net, policy.log_std}, descent);
  else
    u.minimise("policy", ops::mean_per_agent(g, loss), {policy.net}, descent);
}

}  // namespace hardy::algorithms
