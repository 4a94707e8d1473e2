// CQL (Kumar, Zhou, Tucker, Levine 2020, arXiv 2006.04779), CQL(H): soft actor-critic whose critics are
// pressed down where the data are not,
//   alpha (log sum_a exp Q(s, a) - Q(s, a_data)),
// the sum estimated from uniform actions and the policy's at s and s', each corrected by its density.
#include <cmath>

#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/formulas.h"
#include "algorithms/offline/losses.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Cql final : public Method {
 public:
  Cql() { c_.policy_learning_rate = 3e-5; }
  void options(run::Schema& schema) override {
    c_.options(schema, "CQL");
    schema.option("conservatism", &conservatism_, "weight alpha of the term above", 0.0)
        .option("proposals", &proposals_, "actions of each kind that estimate the sum", 1, 1024);
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  double discount() const override { return c_.gamma; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(Head::kTanhGaussian, observation_size, action_size);
  }

  void build(Learner& learner, const DataSource& data) const override {
    const SoftActor pi(learner, c_, policy(data.observation_size(), data.action_size()));
    const Network Q = learner.network("q", c_.plain_critics(data.observation_size() + data.action_size()));
    const Network Q_target = learner.target_of(Q);

    // 1. The policy climbs min_i Q_i, the temperature follows its entropy.
    Update& actor = learner.update("actor");
    {
      const Batch b = data.batch(actor);
      const nn::ActionSample now = pi.sample(actor, b.observations, RandomStream::kNoise);
      pi.minimise(actor, now, smallest(actor.graph(), member_values(actor, Q, b.observations, now.action)));
    }

    // 2. y = r + gamma (1 - d) min_i Q'_i(s', a'), a' ~ pi(s'): no entropy in the target.
    Update& critics = learner.update("critics");
    Graph& g = critics.graph();
    const Batch b = data.batch(critics);
    const nn::ActionSample next = pi.sample(critics, b.next_observations, RandomStream::kNextNoise);
    const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next.action));
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, q_next));
    const Tensor q = member_values(critics, Q, b.observations, b.actions);

    // 3. log sum_a exp Q_i(s, a) over 3 n proposals, and how far it lies above the data's Q_i.
    const Tensor everywhere = ops::logsumexp(g, proposed_values(critics, pi, Q, b), 3);  // [A, E, B, 1]
    const Tensor above = ops::subtract(g, ops::squeeze(g, everywhere, 3), q);
    const Tensor gap = ops::affine(g, ops::mean_per_agent(g, above), static_cast<double>(c_.critics));
    critics.minimise("q", ops::add(g, squared_errors(g, q, y), ops::affine(g, gap, conservatism_)), {Q},
                     c_.critic_descent());
    critics.report("value/q", ops::mean_per_agent(g, q));
    critics.report("conservative_gap", gap);
  }

 private:
  // Q_i(s, a) - log density(a) of n actions of each kind [A, E, B, 3 n].
  Tensor proposed_values(Update& u, const SoftActor& pi, const Network& Q, const Batch& b) const {
    Graph& g = u.graph();
    const std::int64_t n = proposals_, A = b.agents, B = b.rows;
    const auto n_times = [&](Tensor states) {  // [A, B n, obs], a state's copies side by side
      const std::int64_t width = g.shape(states).back();
      return ops::reshape(g, ops::stretch(g, ops::unsqueeze(g, states, 2), {A, B, n, width}),
                          {A, B * n, width});
    };
    const Tensor states = n_times(b.observations);
    const Tensor noise = u.normal({A, 3 * B * n, b.action_size}, RandomStream::kProposals);
    const auto part = [&](std::int64_t k) { return ops::slice(g, noise, 1, k * B * n, (k + 1) * B * n); };
    const auto value = [&](Tensor action, Tensor log_density) {  // [A, E, B, n]
      const Tensor q = ops::reshape(g, member_values(u, Q, states, action), {A, c_.critics, B, n});
      return ops::subtract(g, q, log_density);
    };
    const auto of_policy = [&](Tensor from, std::int64_t k) {
      const nn::ActionSample drawn = pi.sample(u, from, part(k));
      return value(ops::stop_gradient(g, drawn.action),
                   ops::reshape(g, ops::stop_gradient(g, drawn.log_prob), {A, 1, B, n}));
    };
    const Tensor uniform = value(ops::map(g, UniformOfNormal{}, part(0)),
                                 g.scalar(DType::kF32, -b.action_size * std::log(2.0)));  // on [-1, 1]
    return ops::concat(g, {uniform, of_policy(states, 1), of_policy(n_times(b.next_observations), 2)}, 3);
  }

  ActorCriticSettings c_;
  double conservatism_ = 10;
  std::int64_t proposals_ = 10;
};

const RegisterMethod<Cql> registration("cql",
                                       "soft actor-critic with critics that are conservative off the data");

}  // namespace
}  // namespace hardy::algorithms
