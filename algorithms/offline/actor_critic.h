// What the offline actor-critics share: settings, critics with their initial values, and the squashed
// Gaussian policy with a learnt temperature of SAC-N, EDAC, MSG and CQL.
#pragma once

#include <string>
#include <vector>

#include "algorithms/learning/method.h"

namespace hardy::algorithms {

struct ActorCriticSettings {
  std::int64_t batch = 256;
  std::vector<std::int64_t> hidden = {256, 256, 256};  // of all networks, as hidden_layers() reads them
  std::int64_t critics = 2;
  double gamma = 0.99, polyak = 0.005;
  double learning_rate = 3e-4, policy_learning_rate = 3e-4;
  bool normalise = false;

  void options(run::Schema& schema, const std::string& section);
  PolicySpec policy(Head head, int observation_size, int action_size) const;
  // Members begin as the released ensembles' (hidden weights bounded by the layer's output width, hidden
  // biases 0.1, a small last layer) or, plain, as PyTorch's layers.
  nn::MlpSpec ensemble(std::int64_t inputs) const;
  nn::MlpSpec plain_critics(std::int64_t inputs) const;
  Descent critic_descent() const {
    return {.learning_rate = nn::Schedule::constant(learning_rate), .polyak = polyak};
  }
  Descent policy_descent() const { return {.learning_rate = nn::Schedule::constant(policy_learning_rate)}; }
};

// Q_i(s, a) of all members [A, E, B]; s and a are [A, B, ...], or [A, E, B, ...] with rows of each member's
// own.
Tensor member_values(Update& u, const Network& q, Tensor observations, Tensor actions);
// TD3's smoothed target action: tanh of the network at the observations, plus normal noise of that deviation
// held to [-clip, clip], within [-1, 1]; [A, B, act].
Tensor smoothed_action(Update& u, const Network& policy, Tensor observations, double deviation, double clip);
// Over the members: [A, E, B] -> [A, B].
Tensor smallest(Graph& g, Tensor values);
// sum_i mean_b (Q_i - y)^2 / u, y [A, B] for all members or [A, E, B]; u [A, 1, B], or none for 1; [A].
Tensor squared_errors(Graph& g, Tensor values, Tensor y, Tensor u = {});

class SoftActor {
 public:
  // Registers the policy and log alpha (from 0); target entropy: minus the number of actions.
  SoftActor(Learner& learner, const ActorCriticSettings& settings, const PolicySpec& spec);

  // One draw for each row of observations [A, n, obs].
  nn::ActionSample sample(Update& u, Tensor observations, Tensor noise) const;
  nn::ActionSample sample(Update& u, Tensor observations, RandomStream stream) const;
  Tensor log_alpha(Update& u) const { return u.parameter(temperature_, 0); }  // [A, 1]
  // The policy climbs `value` [A, B] of its draws, alpha log pi - value, and alpha moves towards the target
  // entropy, -log alpha (log pi + target), both on these draws.
  void minimise(Update& u, const nn::ActionSample& now, Tensor value) const;

 private:
  Head head_;
  Network policy_, temperature_;
  double target_entropy_;
  Descent descent_;
};

}  // namespace hardy::algorithms
