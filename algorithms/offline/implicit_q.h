// What IQL and RIQL have in common: settings, networks, and the two steps that they share word for
// word (the expectile step on V and the advantage-weighted policy).
#pragma once

#include "algorithms/offline/losses.h"

namespace hardy::algorithms {

struct ImplicitQSettings {
  std::int64_t batch = 256;
  std::vector<std::int64_t> hidden = {256};  // of all networks, as hidden_layers() reads them
  double gamma = 0.99, polyak = 0.005, learning_rate = 3e-4;
  double tau = 0.7;         // expectile of V's loss
  double beta = 3.0;        // inverse temperature of the policy's weights
  double weight_cap = 100;  // of exp(beta adv)
  std::string head = "deterministic";
  std::int64_t schedule_steps = 3000000;  // the policy's learning rate falls to 0 over these by a cosine
  bool normalise = false;

  void options(run::Schema& schema);
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
    return {.learning_rate = nn::Schedule::cosine(learning_rate, 0, schedule_steps)};
  }
};

// The networks' outputs as [A, B] and [A, K, B].
Tensor state_values(Update& u, const Network& v, Tensor observations);
Tensor action_values(Update& u, const Network& q, const Batch& batch);

}  // namespace hardy::algorithms
