// The robust decision transformer (Xu et al., ICLR 2025, arXiv 2407.04285): a decision transformer that
// predicts rewards beside actions, with three changes: dropout of the tokens' embeddings; each step's errors
// weighted by a Gaussian of themselves, so that what the model cannot believe pulls little; and, late in
// training, elements of the data whose error is an outlier among those seen so far are written over by the
// prediction.
#include "algorithms/offline/formulas.h"
#include "algorithms/offline/sequence_model.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/write_where.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Rdt final : public SequenceModel {
 public:
  Rdt() { embedding_dropout_ = 0.2; }
  void options(run::Schema& schema) override {
    SequenceModel::options(schema, "robust decision transformer");
    schema.section("robustness")
        .option("wmse-action", &action_weight_,
                "c: a step's action error weighs exp(-c times its mean square); 0: all weigh the same", 0.0)
        .option("wmse-reward", &reward_weight_, "likewise, of the scaled reward's error", 0.0)
        .option("reward-coef", &reward_coef_, "weight of the rewards' loss", 0.0)
        .option("correct-actions", &correct_actions_,
                "deviations from the mean beyond which an action's error is an outlier, and the data's "
                "action the "
                "prediction from then on; 0: never",
                0.0)
        .option("correct-rewards", &correct_rewards_, "likewise, of rewards; returns to go follow", 0.0)
        .option("correct-start", &correct_start_, "step from which on data are corrected", 0);
  }
  bool corrects_data() const override { return correct_actions_ > 0 || correct_rewards_ > 0; }

  void build(Learner& learner, const DataSource& data) const override {
    Update& u = learner.update("update");
    Graph& g = u.graph();
    const Predicted p = predict(learner, u, data, true);
    const WindowBatch& w = p.data;
    const Network head = learner.network("rewards", reward_head(g.shape(p.of_actions).back()));
    const Tensor rewards = ops::unsqueeze(g, ops::affine(g, w.rewards, reward_scale_), 3),
                 made = ops::reshape(g, u.apply(head, p.of_actions), g.shape(rewards));
    const Tensor of_actions = masked_error(g, w, p.actions, w.actions,
                                           weights(g, p.actions, w.actions, action_weight_)),
                 of_rewards = masked_error(g, w, made, rewards, weights(g, made, rewards, reward_weight_));
    u.minimise("policy", ops::add(g, of_actions, ops::affine(g, of_rewards, reward_coef_)), {p.policy, head},
               descent());
    u.report("error/actions", of_actions);
    u.report("error/rewards", of_rewards);
    correct(u, w, p.actions, made, rewards);
  }

 private:
  static nn::MlpSpec reward_head(std::int64_t width) {
    nn::MlpSpec spec;
    spec.widths = {width, width, 1};
    spec.nonlinearity = nn::Nonlinearity::kGelu;
    spec.starts.assign(2,
                       {nn::Initialiser::uniform(0.02 * 1.7320508075688772), nn::Initialiser::constant(0)});
    return spec;
  }
  static Tensor squared(Graph& g, Tensor x, Tensor y) {
    return ops::stop_gradient(g, ops::square(g, ops::subtract(g, x, y)));
  }
  // exp(-c mean (x - y)^2) of each step, [A, B, T, 1].
  static Tensor weights(Graph& g, Tensor x, Tensor y, double c) {
    return ops::stop_gradient(g, ops::exp(g, ops::affine(g, ops::mean(g, squared(g, x, y), -1), -c)));
  }

  // 1 where a step's error, summed over its dimensions, is further from the running mean of errors than
  // `threshold` deviations, and data are corrected yet; [A, B T]. Mean and variance then take the batch in
  // (Chan, Golub, LeVeque 1983).
  Tensor outliers(Update& u, const WindowBatch& w, const std::string& what, Tensor errors, double threshold,
                  Tensor step) const {
    Graph& g = u.graph();
    const Shape one{w.agents, 1, 1, 1}, flat{w.agents};
    const auto wide = [&](Tensor x) { return ops::reshape(g, x, one); };
    const Tensor count = u.state(what + "/count", 1e-4f), mean = u.state(what + "/mean", 0),
                 variance = u.state(what + "/variance", 1), valid = ops::unsqueeze(g, w.valid, 3);
    const Tensor away = ops::square(g, ops::subtract(g, errors, wide(mean)));
    const Tensor beyond = ops::map(g, Exceeds{}, away, ops::affine(g, wide(variance), threshold * threshold)),
                 late = ops::map(g, Exceeds{}, wide(step),
                                 g.scalar(DType::kF32, static_cast<double>(correct_start_) - 0.5));

    const Tensor n = ops::sum_per_agent(g, valid), total = ops::add(g, count, n);
    const Tensor batch_mean = ops::divide(g, ops::sum_per_agent(g, ops::multiply(g, errors, valid)), n);
    const Tensor spread = ops::sum_per_agent(
        g, ops::multiply(g, ops::square(g, ops::subtract(g, errors, wide(batch_mean))), valid));
    const Tensor shift = ops::subtract(g, batch_mean, mean), share = ops::divide(g, n, total);
    const Tensor between = ops::multiply(g, ops::square(g, shift), ops::multiply(g, count, share));
    u.set_state(what + "/mean", ops::add(g, mean, ops::multiply(g, shift, share)));
    u.set_state(
        what + "/variance",
        ops::divide(g, ops::add(g, ops::multiply(g, variance, count), ops::add(g, spread, between)), total));
    u.set_state(what + "/count", total);
    const Tensor which = ops::multiply(g, ops::multiply(g, beyond, late), valid);
    u.report("corrected/" + what, ops::divide(g, ops::sum_per_agent(g, which), n));
    return ops::reshape(g, which, {w.agents, w.windows * w.steps});
  }

  void correct(Update& u, const WindowBatch& w, Tensor actions, Tensor made, Tensor rewards) const {
    if (!corrects_data()) return;
    Graph& g = u.graph();
    const Tensor step = u.state("steps", 0);
    u.set_state("steps", ops::affine(g, step, 1, 1));
    const auto flat = [&](Tensor x) {
      return ops::reshape(g, ops::stop_gradient(g, x), {w.agents, w.windows * w.steps, g.shape(x).back()});
    };
    if (correct_actions_ > 0) {
      const Tensor which =
          outliers(u, w, "actions", ops::sum(g, squared(g, actions, w.actions), -1), correct_actions_, step);
      u.write(ops::write_where(g, w.action_table, w.rows, flat(actions), which).table);
    }
    if (correct_rewards_ > 0) {
      const Tensor which = outliers(u, w, "rewards", squared(g, made, rewards), correct_rewards_, step);
      const ops::Written written =
          ops::write_where(g, w.reward_table, w.rows, ops::affine(g, flat(made), 1 / reward_scale_), which);
      u.write(written.table);
      u.write(ops::add_before(g, w.return_table, w.rows,
                              ops::reshape(g, w.timesteps, {w.agents, w.windows * w.steps}), written.change));
    }
  }

  double action_weight_ = 1, reward_weight_ = 1, reward_coef_ = 1, correct_actions_ = 6, correct_rewards_ = 6;
  std::int64_t correct_start_ = 50000;
};

const RegisterMethod<Rdt> registration("rdt", "robust decision transformer: errors weighted, data corrected");

}  // namespace
}  // namespace hardy::algorithms
