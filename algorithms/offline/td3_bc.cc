// TD3+BC (Fujimoto, Gu 2021, arXiv 2106.06860): TD3 whose policy is held to the data,
// max lambda Q(s, pi(s)) - (pi(s) - a)^2 with lambda = alpha / mean |Q|.
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/losses.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Td3Bc final : public Method {
 public:
  Td3Bc() { c_.hidden = {256}, c_.normalise = true; }
  void options(run::Schema& schema) override {
    c_.options(schema, "TD3+BC");
    schema.option("alpha", &alpha_, "weight of Q beside the imitation", 0.0)
        .option("policy-noise", &noise_, "standard deviation of the target action's noise", 0.0)
        .option("noise-clip", &noise_clip_, "the noise is held within plus and minus this", 0.0)
        .option("policy-every", &every_, "steps of the critics to one of the policy and of all targets", 1,
                1000);
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  double discount() const override { return c_.gamma; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(Head::kDeterministic, observation_size, action_size);
  }

  void build(Learner& learner, const DataSource& data) const override {
    const PolicySpec spec = policy(data.observation_size(), data.action_size());
    const Network pi = learner.network("policy", spec.mlp()), pi_target = learner.target_of(pi);
    const Network Q = learner.network("q", c_.plain_critics(data.observation_size() + data.action_size()));
    const Network Q_target = learner.target_of(Q);

    // 1. y = r + gamma (1 - d) min_i Q'_i(s', a'), a' = pi'(s') + clipped noise, within [-1, 1].
    Update& critics = learner.update("critics");
    {
      Graph& g = critics.graph();
      const Batch b = data.batch(critics);
      const Tensor next_action =
          smoothed_action(critics, pi_target, b.next_observations, noise_, noise_clip_);
      const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next_action));
      const Tensor y =
          ops::stop_gradient(g, ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, q_next));
      const Tensor q = member_values(critics, Q, b.observations, b.actions);
      critics.minimise("q", squared_errors(g, q, y), {Q},
                       {.learning_rate = nn::Schedule::constant(c_.learning_rate)});
      critics.report("value/q", ops::mean_per_agent(g, q));
    }

    // 2. Every few steps the policy climbs the first critic and imitates; then all targets follow.
    Update& actor = learner.update("actor").every(every_);
    Graph& g = actor.graph();
    const Batch b = data.batch(actor);
    const Tensor action = ops::tanh(g, actor.apply(pi, b.observations));
    const Tensor q = ops::slice(g, member_values(actor, Q, b.observations, action), 1, 0, 1);
    actor.needs_whole_batch("the mean of |Q|");
    const Tensor size = ops::mean_per_agent(g, ops::stop_gradient(g, ops::map(g, Magnitude{}, q)));
    const Tensor lambda = ops::divide(g, g.scalar(DType::kF32, alpha_), size);
    const Tensor imitation = ops::mean_per_agent(g, ops::square(g, ops::subtract(g, action, b.actions)));
    const Tensor loss = ops::subtract(g, imitation, ops::multiply(g, lambda, ops::mean_per_agent(g, q)));
    actor.minimise("policy", loss, {pi},
                   {.learning_rate = nn::Schedule::constant(c_.policy_learning_rate), .polyak = c_.polyak});
    actor.follow({Q}, c_.polyak);
    actor.report("imitation", imitation);
    actor.report("lambda", lambda);
  }

 private:
  ActorCriticSettings c_;
  double alpha_ = 2.5, noise_ = 0.2, noise_clip_ = 0.5;
  std::int64_t every_ = 2;
};

const RegisterMethod<Td3Bc> registration("td3_bc", "TD3 whose policy is held to the data");

}  // namespace
}  // namespace hardy::algorithms
