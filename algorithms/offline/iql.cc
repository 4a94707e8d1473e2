// Implicit Q-learning (Kostrikov, Nair, Levine 2021, arXiv 2110.06169), with two critics, a squared
// error and the minimum of the targets.
#include "algorithms/offline/implicit_q.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

class Iql final : public Method {
 public:
  void options(run::Schema& schema) override { c_.options(schema); }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  std::int64_t schedule_end() const override { return c_.schedule_steps; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(observation_size, action_size);
  }

  void build(Learner& learner, const DataSource& data) const override {
    Update& u = learner.update("update");
    Graph& g = u.graph();
    const Batch b = data.batch(u);
    const Network V =
        learner.network("v", {c_.value_widths(b.observation_size), 0, nn::Nonlinearity::kRelu, {}});
    const Network Q = learner.network(
        "q", {c_.value_widths(b.observation_size + b.action_size), 2, nn::Nonlinearity::kRelu, {}});
    const Network Q_target = learner.target_of(Q);
    const PolicySpec spec = policy(b.observation_size, b.action_size);
    const PolicyNetworks pi = add_policy(learner, spec);

    // 1. v' = V(s') with the old V.
    const Tensor v_next = ops::stop_gradient(g, state_values(u, V, b.next_observations));
    // 2. V: expectile regression on the smaller target critic.
    const Tensor q_min = ops::squeeze(g, ops::min(g, action_values(u, Q_target, b), 1), 1);
    const Tensor advantage =
        ops::subtract(g, ops::stop_gradient(g, q_min), state_values(u, V, b.observations));
    u.minimise("v", ops::mean_per_agent(g, ops::map(g, Expectile{c_.tau}, advantage)), {V},
               c_.value_descent());
    // 3. Q: the bootstrapped target, shared by both critics; then the targets follow.
    const Tensor y = ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, v_next);
    const Tensor q = action_values(u, Q, b);
    const Tensor td_error = ops::subtract(g, ops::unsqueeze(g, y, 1), q);
    u.minimise("q", ops::mean_per_agent(g, ops::square(g, td_error)), {Q}, c_.critic_descent());
    // 4. The policy imitates, weighted by the advantage of step 2.
    const Tensor weights =
        ops::stop_gradient(g, ops::map(g, AdvantageWeight{c_.beta, c_.weight_cap}, advantage));
    minimise_policy(u, spec, pi, b, weights, c_.policy_descent());

    u.report("value/q", ops::mean_per_agent(g, q));
    u.report("advantage", ops::mean_per_agent(g, advantage));
    u.report("weight", ops::mean_per_agent(g, weights));
  }

 private:
  ImplicitQSettings c_;
};

const RegisterMethod<Iql> registration("iql", "implicit Q-learning");

}  // namespace
}  // namespace hardy::algorithms
