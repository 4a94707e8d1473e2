#include "algorithms/online/sac.h"

#include <cmath>

#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

PolicySpec sac_policy(const SacSettings& settings, int observation_size, int action_size) {
  PolicySpec spec;
  spec.head = Head::kTanhGaussian;
  spec.observation_size = observation_size;
  spec.action_size = action_size;
  spec.hidden = hidden_layers(settings.hidden);
  spec.action_low.assign(static_cast<std::size_t>(action_size), -1.0f);
  spec.action_high.assign(static_cast<std::size_t>(action_size), 1.0f);
  return spec;
}

void build_sac(Learner& learner, const SacSettings& c, int obs, int act, const TransitionTables& replay) {
  const std::int64_t agents = learner.agents(), batch = c.batch;
  const nn::MlpSpec q_net{
      layer_widths(obs + act, hidden_layers(c.hidden), 1), c.critics, nn::Nonlinearity::kRelu, {}};
  const Network pi = learner.network("policy", sac_policy(c, obs, act).mlp());
  const Network q = learner.network("q", q_net), q_target = learner.target_of(q);
  const Network temperature = learner.vector("log_alpha", 1, static_cast<float>(std::log(c.initial_alpha)));
  const Descent descent{.learning_rate = nn::Schedule::constant(c.learning_rate)};
  const Descent critic_descent{.learning_rate = nn::Schedule::constant(c.learning_rate), .polyak = c.polyak};
  const TransitionSource source(replay, obs, act, batch);

  Update& critic = learner.update("critic");
  {
    Graph& g = critic.graph();
    const Batch b = source.batch(critic);
    const nn::ActionSample next = act_through(g, Head::kTanhGaussian, critic.apply(pi, b.next_observations),
                                              {}, critic.normal({agents, batch, act}, Stream::kNextNoise));
    const Tensor q_next = ops::reshape(
        g, ops::min(g, critic.apply(q_target, ops::concat(g, b.next_observations, next.action)), 1),
        {agents, batch});
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, SoftTarget{static_cast<float>(c.gamma)}, b.rewards, b.terminals,
                                       q_next, next.log_prob, critic.parameter(temperature, 0)));
    const Tensor values = ops::reshape(g, critic.apply(q, ops::concat(g, b.observations, b.actions)),
                                       {agents, c.critics, batch});
    const Tensor error = ops::square(g, ops::subtract(g, values, ops::unsqueeze(g, y, 1)));
    critic.minimise("q", ops::affine(g, ops::mean_per_agent(g, error), static_cast<double>(c.critics)), {q},
                    critic_descent);
    critic.report("value/q", ops::mean_per_agent(g, values));
  }

  Update& actor = learner.update("actor");
  {
    Graph& g = actor.graph();
    const Batch b = source.batch(actor);
    const nn::ActionSample now = act_through(g, Head::kTanhGaussian, actor.apply(pi, b.observations), {},
                                             actor.normal({agents, batch, act}, Stream::kNoise));
    const Tensor q_min = ops::reshape(
        g, ops::min(g, actor.apply(q, ops::concat(g, b.observations, now.action)), 1), {agents, batch});
    const Tensor log_alpha = actor.parameter(temperature, 0);
    const Tensor loss = ops::map(g, ActorLoss{}, now.log_prob, q_min, ops::stop_gradient(g, log_alpha));
    actor.minimise("policy", ops::mean_per_agent(g, loss), {pi}, descent);
    const double entropy = c.target_entropy != 0 ? c.target_entropy : -act;
    const Tensor temperature_loss = ops::map(g, TemperatureLoss{static_cast<float>(entropy)}, log_alpha,
                                             ops::stop_gradient(g, now.log_prob));
    actor.minimise("temperature", ops::mean_per_agent(g, temperature_loss), {temperature}, descent);
    actor.report("entropy", ops::negate(g, ops::mean_per_agent(g, now.log_prob)));
    actor.report("log_alpha", ops::reshape(g, log_alpha, {agents}));
  }

  learner.finish();
}

}  // namespace hardy::algorithms
