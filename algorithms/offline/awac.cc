// AWAC (Nair, Gupta, Dalal, Levine 2020, arXiv 2006.09359): the policy imitates the data's actions, weighted
// by exp(A / lambda), A(s, a) = Q(s, a) - Q(s, pi(s)).
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/losses.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Awac final : public Method {
 public:
  void options(run::Schema& schema) override {
    c_.options(schema, "AWAC");
    schema.option("lambda", &lambda_, "temperature of the weights; 1/3 is usual on locomotion", 1e-6)
        .option("weight-cap", &cap_, "largest weight", 0.0);
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  double discount() const override { return c_.gamma; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(Head::kGaussian, observation_size, action_size);
  }

  void build(Learner& learner, const DataSource& data) const override {
    const PolicySpec spec = policy(data.observation_size(), data.action_size());
    const PolicyNetworks pi = add_policy(learner, spec);
    const Network Q = learner.network("q", c_.plain_critics(data.observation_size() + data.action_size()));
    const Network Q_target = learner.target_of(Q);
    const auto draw = [&](Update& u, Tensor observations, RandomStream stream) {
      Graph& g = u.graph();
      const Shape& s = g.shape(observations);
      const Tensor noise = u.normal({s[0], s[1], spec.action_size}, stream);
      const nn::ActionSample drawn =
          act_through(g, spec.head, u.apply(pi.net, observations), u.parameter(pi.log_std, 0), noise);
      return ops::clamp(g, drawn.action, -1, 1);
    };

    // 1. y = r + gamma (1 - d) min_i Q'_i(s', a'), a' ~ pi(s').
    Update& critics = learner.update("critics");
    {
      Graph& g = critics.graph();
      const Batch b = data.batch(critics);
      const Tensor next_action = draw(critics, b.next_observations, RandomStream::kNextNoise);
      const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next_action));
      const Tensor y =
          ops::stop_gradient(g, ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, q_next));
      const Tensor q = member_values(critics, Q, b.observations, b.actions);
      critics.minimise("q", squared_errors(g, q, y), {Q}, c_.critic_descent());
      critics.report("value/q", ops::mean_per_agent(g, q));
    }

    // 2. The policy imitates by the critics as they are now.
    Update& actor = learner.update("actor");
    Graph& g = actor.graph();
    const Batch b = data.batch(actor);
    const Tensor own = draw(actor, b.observations, RandomStream::kNoise);
    const Tensor advantage = ops::subtract(g, smallest(g, member_values(actor, Q, b.observations, b.actions)),
                                           smallest(g, member_values(actor, Q, b.observations, own)));
    const Tensor weights = ops::stop_gradient(g, ops::map(g, AdvantageWeight{1 / lambda_, cap_}, advantage));
    minimise_policy(actor, spec, pi, b, weights, c_.policy_descent());
    actor.report("advantage", ops::mean_per_agent(g, advantage));
    actor.report("weight", ops::mean_per_agent(g, weights));
  }

 private:
  ActorCriticSettings c_;
  double lambda_ = 1, cap_ = 100;
};

const RegisterMethod<Awac> registration("awac", "advantage-weighted actor-critic");

}  // namespace
}  // namespace hardy::algorithms
