#include "algorithms/offline/implicit_q.h"

#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void ImplicitQSettings::options(run::Schema& s, const std::string& section, bool expectile,
                                bool temperature) {
  s.section(section)
      .option("batch-size", &batch, "rows of a minibatch", 1, 1 << 20)
      .option("hidden", &hidden,
              "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
      .option("gamma", &gamma, "discount", 0.0, 1.0)
      .option("polyak", &polyak, "share of the critics that enters their targets at each step", 0.0, 1.0)
      .option("learning-rate", &learning_rate, "Adam's step for V, Q and the policy", 0.0);
  if (expectile) s.option("tau", &tau, "expectile of V's loss", 0.0, 1.0);
  if (temperature) s.option("beta", &beta, "inverse temperature of the policy's weights", 0.0);
  s.option("weight-cap", &weight_cap, temperature ? "largest weight exp(beta adv)" : "largest weight", 0.0)
      .option("head", &head, "the policy's output", {"deterministic", "gaussian"})
      .option("schedule-steps", &schedule_steps,
              "the policy's learning rate falls to 0 over these by a cosine", 1)
      .option("normalise", &normalise, "observations by the dataset's mean and standard deviation");
}

PolicySpec ImplicitQSettings::policy(int observation_size, int action_size) const {
  PolicySpec spec;
  spec.head = head_named(head);
  spec.observation_size = observation_size;
  spec.action_size = action_size;
  spec.hidden = hidden_layers(hidden);
  return spec;
}

Tensor state_values(Update& u, const Network& v, Tensor observations) {
  return ops::squeeze(u.graph(), u.apply(v, observations), -1);
}

Tensor action_values(Update& u, const Network& q, const Batch& batch) {
  Graph& g = u.graph();
  return ops::squeeze(g, u.apply(q, ops::concat(g, batch.observations, batch.actions)), -1);
}

void InSampleMethod::build(Learner& learner, const DataSource& data) const {
  Update& u = learner.update("update");
  Graph& g = u.graph();
  if (const std::string what = of_whole_batch(); !what.empty()) u.needs_whole_batch(what);
  const Batch b = data.batch(u);
  const Network V =
      learner.network("v", {c_.value_widths(b.observation_size), 0, nn::Nonlinearity::kRelu, {}});
  const Network Q = learner.network(
      "q", {c_.value_widths(b.observation_size + b.action_size), 2, nn::Nonlinearity::kRelu, {}});
  const Network Q_target = learner.target_of(Q);
  const PolicySpec spec = c_.policy(b.observation_size, b.action_size);
  const PolicyNetworks pi = add_policy(learner, spec);

  // 1.
  const Tensor v_next = ops::stop_gradient(g, state_values(u, V, b.next_observations));
  // 2.
  const Tensor q_min = ops::squeeze(g, ops::min(g, action_values(u, Q_target, b), 1), 1);
  const Tensor v = state_values(u, V, b.observations);
  const Tensor advantage = ops::subtract(g, ops::stop_gradient(g, q_min), v);
  u.minimise("v", ops::mean_per_agent(g, value_loss(g, advantage, v)), {V}, c_.value_descent());
  // 3.
  const Tensor y = ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, v_next);
  const Tensor q = action_values(u, Q, b);
  const Tensor td_error = ops::subtract(g, ops::unsqueeze(g, y, 1), q);
  u.minimise("q", ops::mean_per_agent(g, ops::square(g, td_error)), {Q}, c_.critic_descent());
  // 4.
  const Tensor weight = ops::stop_gradient(g, weights(g, advantage));
  minimise_policy(u, spec, pi, b, weight, c_.policy_descent());

  u.report("value/q", ops::mean_per_agent(g, q));
  u.report("advantage", ops::mean_per_agent(g, advantage));
  u.report("weight", ops::mean_per_agent(g, weight));
}

}  // namespace hardy::algorithms
