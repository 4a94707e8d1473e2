#include "algorithms/online/sac.h"

#include <cmath>

#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

struct Batch {
  Tensor s, a, r, s2, terminal;  // [A, B, obs], [A, B, act], [A, B], [A, B, obs], [A, B]
};

Batch sample(Learner& learner, Update& u, std::int64_t batch, int obs, int act, const ReplayTables& replay,
             std::vector<std::pair<Tensor, void*>>& places) {
  Graph& g = u.graph();
  const std::int64_t agents = learner.agents();
  const auto table = [&](const char* name, std::int64_t width, float* memory) {
    const Tensor t = g.input(name, DType::kF32, {agents, replay.capacity, width});
    places.emplace_back(t, memory);
    return t;
  };
  const Tensor rows = g.shared_input("replay rows", DType::kI32, {1});
  places.emplace_back(rows, replay.rows);
  const Tensor index = u.indices(batch, rows, Stream::kBatch);
  const auto column = [&](const char* name, float* memory) {
    return ops::reshape(g, ops::gather_rows(g, table(name, 1, memory), index), {agents, batch});
  };
  return {ops::gather_rows(g, table("observations", obs, replay.observations), index),
          ops::gather_rows(g, table("actions", act, replay.actions), index),
          column("rewards", replay.rewards),
          ops::gather_rows(g, table("next_observations", obs, replay.next_observations), index),
          column("terminals", replay.terminals)};
}

}  // namespace

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

void build_sac(Learner& learner, const SacSettings& c, int obs, int act, const ReplayTables& replay) {
  const std::int64_t agents = learner.agents(), batch = c.batch;
  const nn::MlpSpec q_net{
      layer_widths(obs + act, hidden_layers(c.hidden), 1), c.critics, nn::Nonlinearity::kRelu, {}};
  const Network pi = learner.network("policy", sac_policy(c, obs, act).mlp());
  const Network q = learner.network("q", q_net), q_target = learner.target_of(q);
  const Network temperature = learner.vector("log_alpha", 1, static_cast<float>(std::log(c.initial_alpha)));
  const Descent descent{.learning_rate = nn::Schedule::constant(c.learning_rate)};
  const Descent critic_descent{.learning_rate = nn::Schedule::constant(c.learning_rate), .polyak = c.polyak};
  std::vector<std::pair<Tensor, void*>> critic_places, actor_places;

  Update& critic = learner.update("critic");
  {
    Graph& g = critic.graph();
    const Batch b = sample(learner, critic, batch, obs, act, replay, critic_places);
    const nn::ActionSample next = act_through(g, Head::kTanhGaussian, critic.apply(pi, b.s2), {},
                                              critic.normal({agents, batch, act}, Stream::kNextNoise));
    const Tensor q_next = ops::reshape(
        g, ops::min(g, critic.apply(q_target, ops::concat(g, b.s2, next.action)), 1), {agents, batch});
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, SoftTarget{static_cast<float>(c.gamma)}, b.r, b.terminal, q_next,
                                       next.log_prob, critic.parameter(temperature, 0)));
    const Tensor values =
        ops::reshape(g, critic.apply(q, ops::concat(g, b.s, b.a)), {agents, c.critics, batch});
    const Tensor error = ops::square(g, ops::subtract(g, values, ops::unsqueeze(g, y, 1)));
    critic.minimise("q", ops::affine(g, ops::mean_per_agent(g, error), static_cast<double>(c.critics)), {q},
                    critic_descent);
    critic.report("value/q", ops::mean_per_agent(g, values));
  }

  Update& actor = learner.update("actor");
  {
    Graph& g = actor.graph();
    const Batch b = sample(learner, actor, batch, obs, act, replay, actor_places);
    const nn::ActionSample now = act_through(g, Head::kTanhGaussian, actor.apply(pi, b.s), {},
                                             actor.normal({agents, batch, act}, Stream::kNoise));
    const Tensor q_min =
        ops::reshape(g, ops::min(g, actor.apply(q, ops::concat(g, b.s, now.action)), 1), {agents, batch});
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
  for (const auto& [tensor, memory] : critic_places) learner.bind(critic, tensor, memory);
  for (const auto& [tensor, memory] : actor_places) learner.bind(actor, tensor, memory);
}

}  // namespace hardy::algorithms
