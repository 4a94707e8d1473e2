#include "algorithms/offline/actor_critic.h"

#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void ActorCriticSettings::options(run::Schema& s, const std::string& section) {
  s.section(section)
      .option("batch-size", &batch, "rows of a minibatch", 1, 1 << 20)
      .option("hidden", &hidden,
              "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
      .option("critics", &critics, "members of the critic ensemble", 1, 64)
      .option("gamma", &gamma, "discount", 0.0, 1.0)
      .option("polyak", &polyak, "share of the networks that enters their targets", 0.0, 1.0)
      .option("learning-rate", &learning_rate, "Adam's step for the critics", 0.0)
      .option("policy-learning-rate", &policy_learning_rate, "Adam's step for the policy", 0.0)
      .option("normalise", &normalise, "observations by the dataset's mean and standard deviation");
}

PolicySpec ActorCriticSettings::policy(Head head, int observation_size, int action_size) const {
  PolicySpec spec;
  spec.head = head;
  spec.observation_size = observation_size;
  spec.action_size = action_size;
  spec.hidden = hidden_layers(hidden);
  return spec;
}

nn::MlpSpec ActorCriticSettings::plain_critics(std::int64_t inputs) const {
  return {layer_widths(inputs, hidden_layers(hidden), 1), critics, nn::Nonlinearity::kRelu, {}};
}

nn::MlpSpec ActorCriticSettings::ensemble(std::int64_t inputs) const {
  nn::MlpSpec spec = plain_critics(inputs);
  spec.starts.assign(spec.layers(), {nn::Initialiser::fan_out_uniform(), nn::Initialiser::constant(0.1)});
  spec.starts.back() = {nn::Initialiser::uniform(3e-3), nn::Initialiser::uniform(3e-3)};
  return spec;
}

Tensor member_values(Update& u, const Network& q, Tensor observations, Tensor actions) {
  Graph& g = u.graph();
  return ops::squeeze(g, u.apply(q, ops::concat(g, observations, actions)), -1);
}

Tensor smoothed_action(Update& u, const Network& policy, Tensor observations, double deviation, double clip) {
  Graph& g = u.graph();
  const Tensor aim = ops::tanh(g, u.apply(policy, observations));
  const Tensor noise =
      ops::clamp(g, ops::affine(g, u.normal(g.shape(aim), RandomStream::kNextNoise), deviation), -clip, clip);
  return ops::clamp(g, ops::add(g, aim, noise), -1, 1);
}

Tensor smallest(Graph& g, Tensor values) { return ops::squeeze(g, ops::min(g, values, 1), 1); }

Tensor squared_errors(Graph& g, Tensor values, Tensor y, Tensor u) {
  const std::int64_t members = g.shape(values)[1];
  if (g.shape(y).rank() == 2) y = ops::unsqueeze(g, y, 1);
  Tensor error = ops::square(g, ops::subtract(g, values, y));
  if (u) error = ops::divide(g, error, u);
  return ops::affine(g, ops::mean_per_agent(g, error), static_cast<double>(members));
}

SoftActor::SoftActor(Learner& learner, const ActorCriticSettings& settings, const PolicySpec& spec)
    : head_(spec.head),
      policy_(learner.network("policy", spec.mlp())),
      temperature_(learner.vector("log_alpha", 1, 0.0f)),
      target_entropy_(-spec.action_size),
      descent_(settings.policy_descent()) {}

nn::ActionSample SoftActor::sample(Update& u, Tensor observations, Tensor noise) const {
  return act_through(u.graph(), head_, u.apply(policy_, observations), {}, noise);
}

nn::ActionSample SoftActor::sample(Update& u, Tensor observations, RandomStream stream) const {
  const Shape& s = u.graph().shape(observations);
  const std::int64_t actions = policy_.architecture->outputs() / 2;
  return sample(u, observations, u.normal({s[0], s[1], actions}, stream));
}

void SoftActor::minimise(Update& u, const nn::ActionSample& now, Tensor value) const {
  Graph& g = u.graph();
  const Tensor alpha = log_alpha(u);
  const Tensor loss = ops::map(g, ActorLoss{}, now.log_prob, value, ops::stop_gradient(g, alpha));
  u.minimise("policy", ops::mean_per_agent(g, loss), {policy_}, descent_);
  const Tensor gap = ops::map(g, TemperatureLoss{static_cast<float>(target_entropy_)}, alpha,
                              ops::stop_gradient(g, now.log_prob));
  u.minimise("temperature", ops::mean_per_agent(g, gap), {temperature_}, descent_);
  u.report("entropy", ops::negate(g, ops::mean_per_agent(g, now.log_prob)));
}

}  // namespace hardy::algorithms
