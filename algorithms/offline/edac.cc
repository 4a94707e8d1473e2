// EDAC (An, Moon, Kim, Song 2021, arXiv 2110.01548): SAC-N whose critics' slopes in the actions are pushed
// apart, so that fewer of them do. The loss of the critics gains
//   eta / (N - 1) mean_b sum_{i != j} <u_i, u_j>,  u_i = grad_a Q_i(s, a) / |grad_a Q_i(s, a)|,
// whose gradient is a second derivative of the critics.
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

// x [A, B, n] for each of the members: [A, E, B, n].
Tensor for_members(Graph& g, Tensor x, std::int64_t members) {
  const Shape s = g.shape(x);
  return ops::stretch(g, ops::unsqueeze(g, x, 1), {s[0], members, s[1], s[2]});
}

// mean_b sum_{i != j} <u_i, u_j> of slopes [A, E, B, act]; [A]. The sum over pairs is |sum_i u_i|^2 - sum_i
// |u_i|^2.
Tensor alignment(Graph& g, Tensor slopes) {
  const Tensor length = ops::map(g, Root{}, ops::sum(g, ops::square(g, slopes), -1));
  const Tensor unit = ops::divide(g, slopes, ops::affine(g, length, 1, 1e-10));
  const Tensor together = ops::sum(g, ops::square(g, ops::sum(g, unit, 1)), -1);  // [A, 1, B, 1]
  const Tensor apart = ops::sum(g, ops::sum(g, ops::square(g, unit), -1), 1);     // [A, 1, B, 1]
  return ops::mean_per_agent(g, ops::subtract(g, together, apart));
}

class Edac final : public Method {
 public:
  Edac() { c_.critics = 10; }
  void options(run::Schema& schema) override {
    c_.options(schema, "EDAC");
    schema.option("eta", &eta_, "weight of the critics' diversity", 0.0);
  }
  void check() override {
    if (c_.critics < 2) throw Error("diversity needs two critics at least", "--critics 1");
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

    // 1. The policy climbs min_i Q_i, the temperature follows its entropy.
    Update& actor = learner.update("actor");
    {
      const Batch b = data.batch(actor);
      const nn::ActionSample now = pi.sample(actor, b.observations, RandomStream::kNoise);
      pi.minimise(actor, now, smallest(actor.graph(), member_values(actor, Q, b.observations, now.action)));
    }

    // 2. SAC-N's target; the data's actions once for each member, so that each slope is a row of its own.
    Update& critics = learner.update("critics");
    Graph& g = critics.graph();
    const Batch b = data.batch(critics);
    const nn::ActionSample next = pi.sample(critics, b.next_observations, RandomStream::kNextNoise);
    const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next.action));
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, SoftTarget{static_cast<float>(c_.gamma)}, b.rewards, b.terminals,
                                       q_next, next.log_prob, pi.log_alpha(critics)));
    const Tensor actions = for_members(g, b.actions, c_.critics);
    const Tensor q = member_values(critics, Q, for_members(g, b.observations, c_.critics), actions);
    const Tensor slopes = graph::differentiate(g, q, {actions})[0];
    const Tensor aligned = alignment(g, slopes);
    critics.minimise("q",
                     ops::add(g, squared_errors(g, q, y),
                              ops::affine(g, aligned, eta_ / static_cast<double>(c_.critics - 1))),
                     {Q}, c_.critic_descent());
    critics.report("value/q", ops::mean_per_agent(g, q));
    critics.report("alignment",
                   ops::affine(g, aligned, 1.0 / static_cast<double>(c_.critics * (c_.critics - 1))));
  }

 private:
  ActorCriticSettings c_;
  double eta_ = 1;
};

const RegisterMethod<Edac> registration("edac", "SAC-N with critics whose slopes are pushed apart");

}  // namespace
}  // namespace hardy::algorithms
