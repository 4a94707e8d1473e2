// What the methods have in common that learn sequences of steps, decision transformers: settings, the
// network, the policy, and what a window of the data predicts of its actions.
#pragma once

#include <optional>
#include <string>

#include "algorithms/learning/method.h"
#include "engine/nn/decision_transformer.h"

namespace hardy::algorithms {

class SequenceModel : public Method {
 public:
  void check() override;
  DrawsFrom draws_from() const override { return DrawsFrom::kWindows; }
  std::int64_t window() const override { return context_; }
  std::int64_t batch_size() const override { return batch_; }
  bool normalises_observations() const override { return normalise_; }
  bool has_critic() const override { return false; }
  double clip_norm() const override { return 0.25; }
  PolicySpec policy(int observation_size, int action_size) const override;
  // The target return, the best of the data's episodes where the user names none. An Error where an episode
  // is longer than there are embeddings.
  std::string fit_policy(PolicySpec& policy, const datasets::Transitions& data) const override;

 protected:
  void options(run::Schema& schema, const std::string& section);

  // The policy's network on this step's windows, as training sees it: with dropout.
  struct Predicted {
    WindowBatch data;
    Tensor actions;     // [A, B, T, act]
    Tensor of_actions;  // the action tokens' outputs [A, B T, d], where they are asked for
    Network policy;
  };
  Predicted predict(Learner& learner, Update& update, const DataSource& data, bool of_actions) const;
  // mean over windows, steps and dimensions of weights (x - y)^2, padding as 0: x, y [A, B, T, n], weights
  // [A, B, T, 1] or none for 1; [A].
  static Tensor masked_error(Graph& g, const WindowBatch& data, Tensor x, Tensor y, Tensor weights = {});
  Descent descent() const;

  double embedding_dropout_ = 0.1, residual_dropout_ = 0.1;
  double reward_scale_ = 1e-3;

 private:
  using Method::options;

  std::int64_t batch_ = 64, context_ = 20, width_ = 128, layers_ = 3, heads_ = 1, times_ = 1000,
               warmup_ = 10000;
  double learning_rate_ = 1e-4, weight_decay_ = 1e-4;
  bool normalise_ = true;
  std::string target_ = "auto";
  std::optional<double> target_return_;
};

}  // namespace hardy::algorithms
