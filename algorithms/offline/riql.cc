// Robust IQL (Yang et al., ICLR 2024, arXiv 2310.12955): IQL with (a) normalised observations, (b) a
// Huber loss on the TD error, (c) the alpha-quantile of K target critics. Each change has its switch.
#include "algorithms/offline/implicit_q.h"
#include "algorithms/offline/riql_presets.h"
#include "algorithms/offline/value_range.h"
#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Riql final : public Method {
 public:
  Riql() { c_.normalise = true; }

  void options(run::Schema& s) override {
    c_.options(s);
    s.section("robustness")
        .option("critics", &critics_, "K, members of the critic ensemble", 1, 64)
        .option("alpha", &alpha_, "quantile of the target critics; 0 is their minimum", 0.0, 1.0)
        .option("loss", &loss_, "of the TD error", {"huber", "squared"})
        .option("threshold", &threshold_,
                "d0 of the Huber loss, a number, or auto: the running quantile of |TD error| below")
        .option(
            "sigma", &sigma_,
            "the threshold as the released code's table names it, d0 = 1 / sigma^2; goes before --threshold; "
            "0: unused",
            0.0)
        .option("threshold-quantile", &quantile_,
                "with auto: the share of TD errors within the quadratic part", 0.01, 0.999)
        .option(
            "end-loss", &end_loss_,
            "of TD errors on rows that end their episode, whose targets are rewards alone: as the others', "
            "or squared, whose pull grows with the error",
            {"same", "squared"})
        .option("clamp-targets", &clamp_, "TD targets held to the bounds below")
        .option("target-bounds", &bounds_,
                "[-100, 1000], or what the 0.1 % and 99.9 % quantiles of the data's rewards allow at gamma",
                {"published", "data"})
        .option("redescend", &redescend_,
                "c: a row's imitation weighs exp(-c e) as well, e the mean square of pi(s) - a: what the "
                "policy cannot believe pulls little; 0: off",
                0.0)
        .option("statistics", &statistics_,
                "that observations are normalised by: mean and deviation, or the median and the distances "
                "from it",
                {"moments", "medians"})
        .presets(riql_preset,
                 "hardy, which needs no table (docs/offline.md), or the published setting of "
                 "ENV/ELEMENT/KIND, e.g. "
                 "hopper/dynamics/random");
  }
  void check() override {
    if (sigma_ > 0) threshold_ = to_text(1 / sigma_ / sigma_);
    if (threshold_ == "auto") return;
    fixed_ = to_double(threshold_).value_or(0);
    if (!(fixed_ > 0) || !std::isfinite(fixed_))
      throw Error("'" + threshold_ + "' is neither a positive number nor auto", "--threshold",
                  "e.g. 1, or auto");
  }
  std::string notes() const override {
    if (loss_ == "squared") return "TD loss: squared error";
    if (threshold_ == "auto")
      return "Huber threshold d0: auto, the running " + to_text(quantile_) + "-quantile of |TD error|";
    return "Huber threshold d0 = " + to_text(fixed_) + " (sigma = " + to_text(1 / std::sqrt(fixed_)) +
           " in the released code's table)";
  }
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  bool normalises_by_medians() const override { return statistics_ == "medians"; }
  bool weighs_rows() const override { return true; }
  double discount() const override { return c_.gamma; }
  double return_temperature() const override { return c_.return_temperature; }
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
    const Network Q = learner.network("q", critic(b.observation_size + b.action_size));
    const Network Q_target = learner.target_of(Q);
    const PolicySpec spec = policy(b.observation_size, b.action_size);
    const PolicyNetworks pi = add_policy(learner, spec, c_.average > 0);

    // 1. v' = V(s') with the old V.
    const Tensor v_next = ops::stop_gradient(g, state_values(u, V, b.next_observations));
    // 2. V: expectile regression on the alpha-quantile of the target critics.
    const Tensor q_alpha = ops::squeeze(g, ops::quantile(g, action_values(u, Q_target, b), alpha_, 1), 1);
    const Tensor advantage =
        ops::subtract(g, ops::stop_gradient(g, q_alpha), state_values(u, V, b.observations));
    u.minimise("v",
               ops::mean_per_agent(g, trusted(g, ops::map(g, Expectile{c_.tau}, advantage), b.action_trust)),
               {V}, c_.value_descent());
    // 3. Q: one clamped target for all critics, a robust loss; then the targets follow.
    Tensor y = ops::map(g, BootstrapTarget{c_.gamma}, b.rewards, b.terminals, v_next);
    if (clamp_) {
      const auto [least, most] = target_bounds(b);
      y = ops::clamp(g, y, least, most);
    }
    const Tensor q = action_values(u, Q, b);
    const Tensor td_error = ops::subtract(g, ops::unsqueeze(g, y, 1), q);
    const Tensor trust = b.trust ? ops::unsqueeze(g, b.trust, 1) : Tensor{};
    u.minimise("q", ops::mean_per_agent(g, trusted(g, td_loss(u, td_error, b), trust)), {Q},
               c_.critic_descent());
    // 4. The policy imitates, weighted by the advantage of step 2.
    const Tensor weights =
        ops::stop_gradient(g, ops::map(g, AdvantageWeight{c_.beta, c_.weight_cap},
                                       scaled_advantage(u, advantage, c_.advantage_quantile)));
    minimise_policy(u, spec, pi, b, trusted(g, weights, b.action_trust), c_.policy_descent(), redescend_);

    report_values(u, q, td_error, advantage, weights, c_.weight_cap);
  }

 private:
  // The released ensemble's start: hidden weights bounded by the layer's output width, hidden biases
  // 0.1, a small last layer.
  nn::MlpSpec critic(std::int64_t inputs) const {
    const nn::LayerStart hidden{nn::Initialiser::fan_out_uniform(), nn::Initialiser::constant(0.1)};
    const nn::LayerStart last{nn::Initialiser::uniform(3e-3), nn::Initialiser::uniform(3e-3)};
    const std::vector<std::int64_t> widths = c_.value_widths(inputs);
    std::vector<nn::LayerStart> starts(widths.size() - 2, hidden);
    starts.push_back(last);
    return {widths, critics_, nn::Nonlinearity::kRelu, starts};
  }

  // Rows weigh by how far they are believed, where somebody judged them.
  static Tensor trusted(Graph& g, Tensor x, Tensor trust) { return trust ? ops::multiply(g, x, trust) : x; }

  std::pair<double, double> target_bounds(const Batch& b) const {
    if (bounds_ == "published" || !b.reward_span) return {-100, 1000};
    return value_bounds(b.reward_span->first, b.reward_span->second, c_.gamma);
  }

  Tensor huber(Graph& g, Tensor td_error, Tensor d, const Batch& b) const {
    if (end_loss_ == "same") return ops::map(g, Huber{}, td_error, d);
    return ops::map(g, HuberWithin{}, td_error, d, ops::unsqueeze(g, b.terminals, 1));
  }

  Tensor td_loss(Update& u, Tensor td_error, const Batch& b) const {
    Graph& g = u.graph();
    if (loss_ == "squared") return ops::square(g, td_error);
    if (threshold_ != "auto") return huber(g, td_error, g.scalar(DType::kF32, fixed_), b);
    const Tensor d = u.state("huber_threshold", 1.0f);
    const Tensor d3 = ops::reshape(g, d, {b.agents, 1, 1});
    const Tensor outside =
        ops::mean_per_agent(g, ops::stop_gradient(g, ops::map(g, Exceeds{}, td_error, d3)));
    u.set_state("huber_threshold", ops::map(g, FollowQuantile{quantile_, 0.02}, d, outside));
    u.report("huber_threshold", ops::affine(g, d, 1));
    return huber(g, td_error, d3, b);
  }

  ImplicitQSettings c_;
  std::int64_t critics_ = 5;
  double alpha_ = 0.25, sigma_ = 0, quantile_ = 0.9, fixed_ = 1, redescend_ = 0;
  std::string loss_ = "huber", threshold_ = "auto", end_loss_ = "squared", bounds_ = "published",
              statistics_ = "moments";
  bool clamp_ = true;
};

const RegisterMethod<Riql> registration("riql",
                                        "robust IQL: normalised observations, Huber loss, critic quantile");

}  // namespace
}  // namespace hardy::algorithms
