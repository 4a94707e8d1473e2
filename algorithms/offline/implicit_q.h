// What IQL and its relatives have in common: settings, networks, and the step of those that differ in V's
// loss and the policy's weights alone.
#pragma once

#include "algorithms/offline/losses.h"

namespace hardy::algorithms {

struct ImplicitQSettings {
  std::int64_t batch = 256;
  std::vector<std::int64_t> hidden = {256};  // of all networks, as hidden_layers() reads them
  double gamma = 0.99, polyak = 0.005, learning_rate = 3e-4;
  double tau = 0.7;   // expectile of V's loss
  double beta = 3.0;  // inverse temperature of the policy's weights
  // > 0: advantages are divided by the running quantile of |advantage|, p this, before beta sees them
  // (scaled_advantage).
  double advantage_quantile = 0;
  double weight_cap = 100;        // of exp(beta adv)
  double return_temperature = 0;  // Method::return_temperature
  double average = 0;  // share of the policy that learns in the one that acts, at each step; 0: it acts
  std::string head = "deterministic";
  std::int64_t schedule_steps = 3000000;  // the policy's learning rate falls to 0 over these by a cosine
  bool normalise = false;

  // section: of the help. V's loss and the policy's weights have keys of their own where they are not IQL's.
  void options(run::Schema& schema, const std::string& section = "implicit Q-learning", bool expectile = true,
               bool temperature = true);
  PolicySpec policy(int observation_size, int action_size) const;
  // Widths of a network with one output, V or a member of Q.
  std::vector<std::int64_t> value_widths(std::int64_t inputs) const {
    return layer_widths(inputs, hidden_layers(hidden), 1);
  }
  Descent value_descent() const { return {.learning_rate = nn::Schedule::constant(learning_rate)}; }
  Descent critic_descent() const {
    return {.learning_rate = nn::Schedule::constant(learning_rate), .polyak = polyak};
  }
  Descent policy_descent() const {
    return {.learning_rate = nn::Schedule::cosine(learning_rate, 0, schedule_steps), .polyak = average};
  }
};

// The networks' outputs as [A, B] and [A, K, B].
Tensor state_values(Update& u, const Network& v, Tensor observations);
Tensor action_values(Update& u, const Network& q, const Batch& batch);

// The advantages over c, the running p-quantile of |advantage| of each agent, which is followed as RIQL's
// automatic threshold is, from 1 on; a state "advantage_scale", logged. For p = 0 the advantages as they are.
// With it beta has no unit: what share of the rows the policy imitates in effect no longer depends on the
// scale of the values. (MARWIL, Wang et al., 2018, divides by a running root mean square; a quantile does not
// feel the tail that corrupted rows make.)
Tensor scaled_advantage(Update& u, Tensor advantage, double quantile);

// What a step logs: means over the batch of Q, |TD error| (over the critics too), the advantage and the
// policy's weights, and the share of weights that are at their cap.
void report_values(Update& u, Tensor q, Tensor td_error, Tensor advantage, Tensor weights, double cap);

// A method that never asks for the value of an action that is not in the data. With u = min_i Q'_i(s, a) -
// V(s), a row's advantage, one step is:
//   1. v' = V(s') with the old V;
//   2. V goes down value_loss(u, V(s));
//   3. Q: r + gamma (1 - d) v' is the target of both critics, squared error; then their targets follow;
//   4. the policy imitates, weighted by weights(u), u of step 2.
class InSampleMethod : public Method {
 public:
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  double discount() const override { return c_.gamma; }
  std::int64_t schedule_end() const override { return c_.schedule_steps; }
  double return_temperature() const override { return c_.return_temperature; }
  PolicySpec policy(int observation_size, int action_size) const override {
    return c_.policy(observation_size, action_size);
  }
  void build(Learner& learner, const DataSource& data) const override;

 protected:
  // Of each row [A, B]; V's gradient flows in u and in v.
  virtual Tensor value_loss(Graph& g, Tensor u, Tensor v) const = 0;
  // What value_loss takes of the whole batch, so that the batch has no shards; "" for nothing.
  virtual std::string of_whole_batch() const { return ""; }
  // Of each row's imitation [A, B]; IQL's: min(exp(beta u), cap).
  virtual Tensor weights(Graph& g, Tensor u) const {
    return ops::map(g, AdvantageWeight{c_.beta, c_.weight_cap}, u);
  }

  ImplicitQSettings c_;
};

}  // namespace hardy::algorithms
