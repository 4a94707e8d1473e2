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
  if (temperature)
    s.option("beta", &beta, "inverse temperature of the policy's weights", 0.0)
        .option("advantage-quantile", &advantage_quantile,
                "beta times the advantage over its size: this running quantile of |advantage|; 0: as it is",
                0.0, 0.999);
  s.option("weight-cap", &weight_cap, temperature ? "largest weight exp(beta adv)" : "largest weight", 0.0)
      .option("return-temperature", &return_temperature,
              "T: rows of episodes that returned more are imitated more, times exp(p / T), p in (0, 1] the "
              "rank of the return; 0: all alike",
              0.0)
      .option("head", &head, "the policy's output", {"deterministic", "gaussian"})
      .option(
          "average", &average,
          "the policy that acts is a running mean of the one that learns: the share that enters it at each "
          "step, e.g. 0.001; 0: the one that learns acts",
          0.0, 1.0)
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

Tensor scaled_advantage(Update& u, Tensor advantage, double quantile) {
  if (quantile == 0) return advantage;
  Graph& g = u.graph();
  const Tensor last = u.state("advantage_scale", 1.0f);
  // Advantages that are all 0 draw it down without end: from here it would not come back.
  const Tensor c = ops::maximum(g, last, ops::fill(g, DType::kF32, g.shape(last), 1e-6));
  const Tensor column = ops::reshape(g, c, {u.agents(), 1});
  const Tensor seen = ops::stop_gradient(g, advantage);
  const Tensor outside = ops::mean_per_agent(g, ops::map(g, Exceeds{}, seen, column));
  u.set_state("advantage_scale", ops::map(g, FollowQuantile{quantile, 0.02}, c, outside));
  u.report("advantage_scale", ops::affine(g, c, 1));
  return ops::divide(g, seen, column);
}

void report_values(Update& u, Tensor q, Tensor td_error, Tensor advantage, Tensor weights, double cap) {
  Graph& g = u.graph();
  const Tensor at_cap = g.scalar(DType::kF32, cap * (1 - 1e-6));
  u.report("value/q", ops::mean_per_agent(g, q));
  u.report("td_error", ops::mean_per_agent(g, ops::map(g, Magnitude{}, td_error)));
  u.report("advantage", ops::mean_per_agent(g, advantage));
  u.report("weight", ops::mean_per_agent(g, weights));
  u.report("weight_at_cap", ops::mean_per_agent(g, ops::map(g, Exceeds{}, weights, at_cap)));
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
  const PolicyNetworks pi = add_policy(learner, spec, c_.average > 0);

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
  const Tensor weight =
      ops::stop_gradient(g, weights(g, scaled_advantage(u, advantage, c_.advantage_quantile)));
  minimise_policy(u, spec, pi, b, weight, c_.policy_descent());

  report_values(u, q, td_error, advantage, weight, c_.weight_cap);
}

}  // namespace hardy::algorithms
