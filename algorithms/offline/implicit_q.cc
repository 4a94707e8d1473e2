#include "algorithms/offline/implicit_q.h"

#include "engine/ops/concat.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void ImplicitQSettings::options(run::Schema& s) {
  s.section("implicit Q-learning")
      .option("batch-size", &batch, "rows of a minibatch", 1, 1 << 20)
      .option("hidden", &hidden,
              "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
      .option("gamma", &gamma, "discount", 0.0, 1.0)
      .option("polyak", &polyak, "share of the critics that enters their targets at each step", 0.0, 1.0)
      .option("learning-rate", &learning_rate, "Adam's step for V, Q and the policy", 0.0)
      .option("tau", &tau, "expectile of V's loss", 0.0, 1.0)
      .option("beta", &beta, "inverse temperature of the policy's weights", 0.0)
      .option("weight-cap", &weight_cap, "largest weight exp(beta adv)", 0.0)
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

}  // namespace hardy::algorithms
