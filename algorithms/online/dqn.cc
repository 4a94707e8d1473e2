// DQN (Mnih et al. 2015, Nature 518) for tasks of choices: epsilon-greedy interaction, a replay, a target
// network, a Huber loss. With double Q-learning (van Hasselt, Guez, Silver 2016, arXiv 1509.06461) and
// dueling heads (Wang et al. 2016, arXiv 1511.06581), each with its switch.
#include <algorithm>

#include "algorithms/learning/method.h"
#include "algorithms/offline/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/take.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Dqn final : public Method {
 public:
  void options(run::Schema& s) override {
    s.section("deep Q-network")
        .option("batch-size", &batch_, "rows of a minibatch", 1, 1 << 20)
        .option("hidden", &hidden_,
                "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
        .option("gamma", &gamma_, "discount", 0.0, 1.0)
        .option("learning-rate", &learning_rate_, "Adam's step", 0.0)
        .option("schedule-steps", &schedule_steps_,
                "learning steps over which the learning rate falls to 0, by a cosine", 1)
        .option("target-every", &target_every_, "learning steps between two copies of Q to its target", 1)
        .option("polyak", &polyak_, "share of Q that enters the target at each; 1: a copy", 0.0, 1.0)
        .option("double", &double_, "Q itself chooses the action that its target values")
        .option("dueling", &dueling_, "Q as a value and an advantage of each choice")
        .option("epsilon-start", &epsilon_start_, "share of uniform actions after the first random ones", 0.0,
                1.0)
        .option("epsilon-end", &epsilon_end_, "and in the end", 0.0, 1.0)
        .option("epsilon-steps", &epsilon_steps_, "environment steps from the one to the other, evenly", 1);
  }
  DrawsFrom draws_from() const override { return DrawsFrom::kReplay; }
  InteractionSettings interaction() const override {
    return {.environment = "cart_pole", .steps = 50000, .log_every = 500, .start_steps = 1000};
  }
  std::int64_t schedule_end() const override { return schedule_steps_; }
  double exploration(std::int64_t t) const override {
    const double share = std::min(1.0, static_cast<double>(t) / static_cast<double>(epsilon_steps_));
    return epsilon_start_ + share * (epsilon_end_ - epsilon_start_);
  }
  std::int64_t batch_size() const override { return batch_; }
  bool chooses() const override { return true; }
  PolicySpec policy(int observation_size, int choices) const override {
    PolicySpec spec;
    spec.head = dueling_ ? Head::kDuelingQ : Head::kGreedyQ;
    spec.observation_size = observation_size;
    spec.action_size = 1;
    spec.action_choices = choices;
    spec.hidden = hidden_layers(hidden_);
    return spec;
  }

  void build(Learner& learner, const DataSource& replay) const override {
    const PolicySpec spec = policy(replay.observation_size(), replay.action_size());
    const Network Q = learner.network("policy", spec.mlp());  // acts greedily
    const Network Q_target = learner.target_of(Q);
    const auto values = [&](Update& u, const Network& network, Tensor observations) {
      return q_values(u.graph(), spec.head, u.apply(network, observations));  // [A, B, choices]
    };

    // 1. y = r + gamma (1 - d) Q'(s', argmax_a Q'(s', a)); double: argmax_a Q(s', a).
    Update& u = learner.update("q");
    Graph& g = u.graph();
    const Batch b = replay.batch(u);
    const Tensor theirs = values(u, Q_target, b.next_observations);
    const Tensor chooser = double_ ? values(u, Q, b.next_observations) : theirs;
    // 1 at the first largest, 0 elsewhere: the slopes of the maximum.
    const Tensor greedy = graph::differentiate(g, ops::max(g, chooser, -1), {chooser})[0];
    const Tensor next = ops::squeeze(g, ops::sum(g, ops::multiply(g, greedy, theirs), -1), -1);
    const Tensor y =
        ops::stop_gradient(g, ops::map(g, BootstrapTarget{gamma_}, b.rewards, b.terminals, next));

    // 2. Q(s, a) of the choice that was made moves towards y: errors beyond 1 pull as those of 1 do.
    const Tensor q = ops::squeeze(g, ops::take(g, values(u, Q, b.observations), b.actions), -1);
    const Tensor loss = ops::map(g, Huber{}, ops::subtract(g, y, q), g.scalar(DType::kF32, 1));
    u.minimise("q", ops::mean_per_agent(g, loss), {Q},
               {.learning_rate = nn::Schedule::cosine(learning_rate_, 0, schedule_steps_)});
    u.report("value/q", ops::mean_per_agent(g, q));

    // 3. The target follows Q: a copy every so many steps, as published (--target-every 200 --polyak 1), or a
    // small share of it at each, which swings less.
    learner.update("target").every(target_every_).follow({Q}, polyak_);
  }

 private:
  std::vector<std::int64_t> hidden_ = {128};
  std::int64_t batch_ = 128, target_every_ = 1, epsilon_steps_ = 5000, schedule_steps_ = 50000;
  double gamma_ = 0.99, learning_rate_ = 5e-4, polyak_ = 0.005, epsilon_start_ = 1, epsilon_end_ = 0.05;
  bool double_ = true, dueling_ = false;
};

const RegisterMethod<Dqn> registration("dqn",
                                       "deep Q-network for choices, interacting; double and dueling if told");

}  // namespace
}  // namespace hardy::algorithms
