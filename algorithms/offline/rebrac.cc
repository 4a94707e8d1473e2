// ReBRAC (Tarasov et al. 2023, arXiv 2305.09836): TD3+BC made minimal again: the distance to the data is a
// penalty of the policy and, with a weight of its own, of the values that critics bootstrap from; critics
// have layer normalisation.
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/losses.h"
#include "algorithms/offline/rebrac_presets.h"
#include "datasets/chosen_rows.h"
#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Rebrac final : public Method {
 public:
  Rebrac() { c_.batch = 1024, c_.learning_rate = c_.policy_learning_rate = 1e-3; }
  void options(run::Schema& schema) override {
    c_.options(schema, "ReBRAC");
    schema
        .option("actor-bc-coef", &actor_penalty_, "weight of the policy's squared distance to the data", 0.0)
        .option("critic-bc-coef", &critic_penalty_,
                "weight of the next action's squared distance to the data in the critics' targets", 0.0)
        .option("critic-ln", &layer_norm_, "layer normalisation behind each hidden layer of the critics")
        .option("normalise-q", &normalise_q_, "Q over the mean of |Q| in the policy's loss")
        .option("policy-noise", &noise_, "standard deviation of the target action's noise", 0.0)
        .option("noise-clip", &noise_clip_, "the noise is held within plus and minus this", 0.0)
        .option("policy-every", &every_, "steps of the critics to one of the policy and of all targets", 1,
                1000)
        .presets(rebrac_preset, "the published coefficients of TASK/DATASET, e.g. hopper/medium-replay");
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  double discount() const override { return c_.gamma; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(Head::kDeterministic, observation_size, action_size);
  }
  // The rows that have a next action.
  // Its own rows would lack the action that follows.
  bool goes_online() const override { return false; }
  std::string choose_rows(datasets::Transitions& t) const override {
    const std::int64_t left_out = datasets::add_next_actions(t);
    return left_out == 0
               ? ""
               : grouped_text(left_out) + " rows at the end of an episode that was cut have no next " +
                     "action and are left out";
  }

  void build(Learner& learner, const DataSource& data) const override {
    const PolicySpec spec = policy(data.observation_size(), data.action_size());
    const Network pi = learner.network("policy", starting(actor_mlp(spec), 1e-3));
    const Network pi_target = learner.target_of(pi);
    nn::MlpSpec critic = c_.plain_critics(data.observation_size() + data.action_size());
    critic.layer_norm = layer_norm_;
    const Network Q = learner.network("q", starting(critic, 3e-3)), Q_target = learner.target_of(Q);
    const auto distance = [](Graph& g, Tensor a, Tensor b) {
      return ops::squeeze(g, ops::sum(g, ops::square(g, ops::subtract(g, a, b)), -1), -1);
    };

    // 1. y = r + gamma (1 - d) (min_i Q'_i(s', a~) - beta_2 |a~ - a'|^2), a~ = pi'(s') + clipped noise, a'
    // the data's next action.
    Update& critics = learner.update("critics");
    {
      Graph& g = critics.graph();
      const Batch b = data.batch(critics);
      const Tensor next = smoothed_action(critics, pi_target, b.next_observations, noise_, noise_clip_);
      const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next));
      const Tensor penalty = ops::affine(g, distance(g, next, b.next_actions), critic_penalty_);
      const Tensor y =
          ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, ops::subtract(g, q_next, penalty));
      const Tensor q = member_values(critics, Q, b.observations, b.actions);
      critics.minimise("q", squared_errors(g, q, ops::stop_gradient(g, y)), {Q},
                       {.learning_rate = nn::Schedule::constant(c_.learning_rate)});
      critics.report("value/q", ops::mean_per_agent(g, q));
    }

    // 2. Every few steps the policy goes down beta_1 |pi(s) - a|^2 - lambda min_i Q_i(s, pi(s)), lambda
    // 1 / mean |Q|; then all targets follow.
    Update& actor = learner.update("actor").every(every_);
    Graph& g = actor.graph();
    const Batch b = data.batch(actor);
    const Tensor action = ops::tanh(g, actor.apply(pi, b.observations));
    const Tensor q = smallest(g, member_values(actor, Q, b.observations, action));
    Tensor climb = ops::mean_per_agent(g, q);
    if (normalise_q_) {
      actor.needs_whole_batch("the mean of |Q|");
      climb =
          ops::divide(g, climb, ops::mean_per_agent(g, ops::map(g, Magnitude{}, ops::stop_gradient(g, q))));
    }
    const Tensor imitation = ops::mean_per_agent(g, distance(g, action, b.actions));
    actor.minimise("policy", ops::subtract(g, ops::affine(g, imitation, actor_penalty_), climb), {pi},
                   {.learning_rate = nn::Schedule::constant(c_.policy_learning_rate), .polyak = c_.polyak});
    actor.follow({Q}, c_.polyak);
    actor.report("imitation", imitation);
  }

 private:
  static nn::MlpSpec actor_mlp(const PolicySpec& spec) {
    return {
        layer_widths(spec.observation_size, spec.hidden, spec.action_size), 0, nn::Nonlinearity::kRelu, {}};
  }
  // As published: hidden layers as PyTorch's with biases of 0.1, a small last one.
  static nn::MlpSpec starting(nn::MlpSpec spec, double last) {
    spec.starts.assign(spec.layers(), {nn::Initialiser::pytorch_linear(), nn::Initialiser::constant(0.1)});
    spec.starts.back() = {nn::Initialiser::uniform(last), nn::Initialiser::uniform(last)};
    return spec;
  }

  ActorCriticSettings c_;
  double actor_penalty_ = 1, critic_penalty_ = 1, noise_ = 0.2, noise_clip_ = 0.5;
  bool layer_norm_ = true, normalise_q_ = true;
  std::int64_t every_ = 2;
};

const RegisterMethod<Rebrac> registration("rebrac", "TD3+BC with penalties of the policy and of the targets");

}  // namespace
}  // namespace hardy::algorithms
