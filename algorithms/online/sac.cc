// Soft actor-critic with a learnt temperature (Haarnoja et al. 2018, arXiv 1812.05905), from a replay that it
// fills.
#include <cmath>

#include "algorithms/learning/method.h"
#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Sac final : public Method {
 public:
  void options(run::Schema& s) override {
    s.section("soft actor-critic")
        .option("batch-size", &batch_, "rows of a minibatch", 1, 1 << 20)
        .option("hidden", &hidden_,
                "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
        .option("critics", &critics_, "members of the critic ensemble", 1, 64)
        .option("gamma", &gamma_, "discount", 0.0, 1.0)
        .option("polyak", &polyak_, "share of the critics that enters their targets at each step", 0.0, 1.0)
        .option("learning-rate", &learning_rate_, "Adam's step", 0.0)
        .option("target-entropy", &target_entropy_, "of the policy; 0: minus the number of actions")
        .option("initial-alpha", &initial_alpha_, "the temperature that it begins with", 1e-6);
  }
  DrawsFrom draws_from() const override { return DrawsFrom::kReplay; }
  std::int64_t batch_size() const override { return batch_; }
  PolicySpec policy(int observation_size, int action_size) const override {
    PolicySpec spec;
    spec.head = Head::kTanhGaussian;
    spec.observation_size = observation_size;
    spec.action_size = action_size;
    spec.hidden = hidden_layers(hidden_);
    return spec;
  }

  void build(Learner& learner, const DataSource& replay) const override {
    const int obs = replay.observation_size(), act = replay.action_size();
    const std::int64_t agents = learner.agents();
    const nn::MlpSpec q_net{
        layer_widths(obs + act, hidden_layers(hidden_), 1), critics_, nn::Nonlinearity::kRelu, {}};
    const Network pi = learner.network("policy", policy(obs, act).mlp());
    const Network q = learner.network("q", q_net), q_target = learner.target_of(q);
    const Network temperature = learner.vector("log_alpha", 1, static_cast<float>(std::log(initial_alpha_)));
    const Descent descent{.learning_rate = nn::Schedule::constant(learning_rate_)};
    const Descent critic_descent{.learning_rate = nn::Schedule::constant(learning_rate_), .polyak = polyak_};

    // 1. y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a'|s')), a' ~ pi(s'); then the targets
    // follow.
    Update& critic = learner.update("critic");
    {
      Graph& g = critic.graph();
      const Batch b = replay.batch(critic);
      const nn::ActionSample next =
          act_through(g, Head::kTanhGaussian, critic.apply(pi, b.next_observations), {},
                      critic.normal({agents, b.rows, act}, RandomStream::kNextNoise));
      const Tensor q_next = ops::reshape(
          g, ops::min(g, critic.apply(q_target, ops::concat(g, b.next_observations, next.action)), 1),
          {agents, b.rows});
      const Tensor y =
          ops::stop_gradient(g, ops::map(g, SoftTarget{static_cast<float>(gamma_)}, b.rewards, b.terminals,
                                         q_next, next.log_prob, critic.parameter(temperature, 0)));
      const Tensor values = ops::reshape(g, critic.apply(q, ops::concat(g, b.observations, b.actions)),
                                         {agents, critics_, b.rows});
      const Tensor error = ops::square(g, ops::subtract(g, values, ops::unsqueeze(g, y, 1)));
      critic.minimise("q", ops::affine(g, ops::mean_per_agent(g, error), static_cast<double>(critics_)), {q},
                      critic_descent);
      critic.report("value/q", ops::mean_per_agent(g, values));
    }

    // 2. The policy climbs min_i Q_i - alpha log pi, the temperature follows its entropy on the same draws.
    Update& actor = learner.update("actor");
    Graph& g = actor.graph();
    const Batch b = replay.batch(actor);
    const nn::ActionSample now = act_through(g, Head::kTanhGaussian, actor.apply(pi, b.observations), {},
                                             actor.normal({agents, b.rows, act}, RandomStream::kNoise));
    const Tensor q_min = ops::reshape(
        g, ops::min(g, actor.apply(q, ops::concat(g, b.observations, now.action)), 1), {agents, b.rows});
    const Tensor log_alpha = actor.parameter(temperature, 0);
    const Tensor loss = ops::map(g, ActorLoss{}, now.log_prob, q_min, ops::stop_gradient(g, log_alpha));
    actor.minimise("policy", ops::mean_per_agent(g, loss), {pi}, descent);
    const double entropy = target_entropy_ != 0 ? target_entropy_ : -act;
    const Tensor temperature_loss = ops::map(g, TemperatureLoss{static_cast<float>(entropy)}, log_alpha,
                                             ops::stop_gradient(g, now.log_prob));
    actor.minimise("temperature", ops::mean_per_agent(g, temperature_loss), {temperature}, descent);
    actor.report("entropy", ops::negate(g, ops::mean_per_agent(g, now.log_prob)));
    actor.report("log_alpha", ops::reshape(g, log_alpha, {agents}));
  }

 private:
  std::vector<std::int64_t> hidden_ = {256};
  std::int64_t batch_ = 256, critics_ = 2;
  double gamma_ = 0.99, polyak_ = 0.005, learning_rate_ = 3e-4;
  double target_entropy_ = 0;  // 0: minus the number of actions
  double initial_alpha_ = 1.0;
};

const RegisterMethod<Sac> registration("sac", "soft actor-critic, interacting with an environment");

}  // namespace
}  // namespace hardy::algorithms
