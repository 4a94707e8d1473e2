// SAC-N (An, Moon, Kim, Song 2021, arXiv 2110.01548): soft actor-critic with the minimum over N critics,
// which is pessimism enough where N is large (10 on half-cheetah, 20 on walker, 200 and more on hopper).
#include "algorithms/offline/actor_critic.h"
#include "algorithms/online/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class SacN final : public Method {
 public:
  SacN() { c_.critics = 10; }
  void options(run::Schema& schema) override { c_.options(schema, "SAC-N"); }
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

    // 2. y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a'|s')), a' ~ pi(s'), for all critics.
    Update& critics = learner.update("critics");
    Graph& g = critics.graph();
    const Batch b = data.batch(critics);
    const nn::ActionSample next = pi.sample(critics, b.next_observations, RandomStream::kNextNoise);
    const Tensor q_next = smallest(g, member_values(critics, Q_target, b.next_observations, next.action));
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, SoftTarget{static_cast<float>(c_.gamma)}, b.rewards, b.terminals,
                                       q_next, next.log_prob, pi.log_alpha(critics)));
    const Tensor q = member_values(critics, Q, b.observations, b.actions);
    critics.minimise("q", squared_errors(g, q, y), {Q}, c_.critic_descent());
    critics.report("value/q", ops::mean_per_agent(g, q));
  }

 private:
  ActorCriticSettings c_;
};

const RegisterMethod<SacN> registration("sac_n", "soft actor-critic with the minimum over N critics");

}  // namespace
}  // namespace hardy::algorithms
