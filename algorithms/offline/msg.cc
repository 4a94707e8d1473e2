// MSG (Ghasemipour, Gu, Nachum 2022, arXiv 2205.13703): an ensemble in which every critic follows a target of
// its own, and a policy that climbs mean - k std over them: pessimism without sharing targets.
#include "algorithms/offline/msg.h"

#include "algorithms/offline/formulas.h"
#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void MsgMethod::options(run::Schema& schema, const std::string& section) {
  c_.options(schema, section);
  schema.option("pessimism", &pessimism_, "standard deviations below the mean that the policy climbs", 0.0);
}

void MsgMethod::check() {
  if (c_.critics < 2) throw Error("a standard deviation needs two critics at least", "--critics 1");
}

PolicySpec MsgMethod::policy(int observation_size, int action_size) const {
  return c_.policy(Head::kTanhGaussian, observation_size, action_size);
}

void MsgMethod::build(Learner& learner, const DataSource& data) const {
  const SoftActor pi(learner, c_, policy(data.observation_size(), data.action_size()));
  const Network Q = learner.network("q", c_.ensemble(data.observation_size() + data.action_size()));
  const Network Q_target = learner.target_of(Q);

  // 1. The policy climbs the lower bound mean_i Q_i - k std_i Q_i.
  Update& actor = learner.update("actor");
  {
    Graph& g = actor.graph();
    const Batch b = data.batch(actor);
    const nn::ActionSample now = pi.sample(actor, b.observations, RandomStream::kNoise);
    const Tensor values = member_values(actor, Q, b.observations, now.action);
    const Tensor bound =
        ops::subtract(g, ops::mean(g, values, 1), ops::affine(g, deviation(g, values), pessimism_));
    pi.minimise(actor, now, ops::squeeze(g, bound, 1));
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
  critics.minimise("q", critic_loss(critics, q, y), {Q}, c_.critic_descent());
  critics.report("value/q", ops::mean_per_agent(g, q));
}

Tensor MsgMethod::critic_loss(Update& critics, Tensor q, Tensor y) const {
  return squared_errors(critics.graph(), q, y);
}

Tensor MsgMethod::deviation(Graph& g, Tensor values) const {
  const Tensor squares = ops::sum(g, ops::square(g, ops::subtract(g, values, ops::mean(g, values, 1))), 1);
  return ops::map(g, Root{}, ops::affine(g, squares, 1.0 / static_cast<double>(c_.critics - 1)));
}

namespace {

class Msg final : public MsgMethod {
 public:
  void options(run::Schema& schema) override { MsgMethod::options(schema, "MSG"); }
};

const RegisterMethod<Msg> registration("msg", "an ensemble of critics with targets of their own");

}  // namespace
}  // namespace hardy::algorithms
