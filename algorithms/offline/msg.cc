// MSG (Ghasemipour, Gu, Nachum 2022, arXiv 2205.13703): an ensemble in which every critic follows a target of
// its own, and a policy that climbs mean - k std over them: pessimism without sharing targets.
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/formulas.h"
#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Msg final : public Method {
 public:
  Msg() { c_.critics = 10; }
  void options(run::Schema& schema) override {
    c_.options(schema, "MSG");
    schema.option("pessimism", &pessimism_, "standard deviations below the mean that the policy climbs", 0.0);
  }
  void check() override {
    if (c_.critics < 2) throw Error("a standard deviation needs two critics at least", "--critics 1");
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(Head::kTanhGaussian, observation_size, action_size);
  }

  void build(Learner& learner, const DataSource& data) const override {
    const SoftActor pi(learner, c_, policy(data.observation_size(), data.action_size()));
    const Network Q = learner.network("q", c_.ensemble(data.observation_size() + data.action_size()));
    const Network Q_target = learner.target_of(Q);

    // 1. The policy climbs the lower bound mean_i Q_i - k std_i Q_i.
    Update& actor = learner.update("actor");
    {
      const Batch b = data.batch(actor);
      const nn::ActionSample now = pi.sample(actor, b.observations, RandomStream::kNoise);
      pi.minimise(actor, now,
                  lower_bound(actor.graph(), member_values(actor, Q, b.observations, now.action)));
    }

    // 2. y_i = r + gamma (1 - d) (Q'_i(s', a') - alpha log pi(a'|s')), a' ~ pi(s').
    Update& critics = learner.update("critics");
    Graph& g = critics.graph();
    const Batch b = data.batch(critics);
    const nn::ActionSample next = pi.sample(critics, b.next_observations, RandomStream::kNextNoise);
    const Tensor q_next = member_values(critics, Q_target, b.next_observations, next.action);
    const auto for_all = [&](Tensor x) { return ops::unsqueeze(g, x, 1); };
    const Tensor y = ops::stop_gradient(
        g, ops::map(g, SoftTarget{static_cast<float>(c_.gamma)}, for_all(b.rewards), for_all(b.terminals),
                    q_next, for_all(next.log_prob), for_all(pi.log_alpha(critics))));
    const Tensor q = member_values(critics, Q, b.observations, b.actions);
    critics.minimise("q", squared_errors(g, q, y), {Q}, c_.critic_descent());
    critics.report("value/q", ops::mean_per_agent(g, q));
  }

 private:
  // Over the members, the deviation with N - 1: [A, E, B] -> [A, B].
  Tensor lower_bound(Graph& g, Tensor values) const {
    const Tensor mean = ops::mean(g, values, 1);
    const Tensor squares = ops::sum(g, ops::square(g, ops::subtract(g, values, mean)), 1);
    const Tensor deviation =
        ops::map(g, Root{}, ops::affine(g, squares, 1.0 / static_cast<double>(c_.critics - 1)));
    return ops::squeeze(g, ops::subtract(g, mean, ops::affine(g, deviation, pessimism_)), 1);
  }

  ActorCriticSettings c_;
  double pessimism_ = 4;
};

const RegisterMethod<Msg> registration("msg", "an ensemble of critics with targets of their own");

}  // namespace
}  // namespace hardy::algorithms
