#include "algorithms/offline/sequence_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/transitions.h"
#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void SequenceModel::options(run::Schema& s, const std::string& section) {
  s.section(section)
      .option("batch-size", &batch_, "windows of a minibatch", 1, 1 << 20)
      .option("context", &context_, "K, the steps of a window; the policy sees its last K", 1, 1024)
      .option("width", &width_, "of the transformer", 1, 1024)
      .option("layers", &layers_, "of the transformer", 1, 64)
      .option("heads", &heads_, "of a layer's attention; they divide the width", 1, 64)
      .option("episode-len", &times_, "steps of an episode, at most: each has an embedding", 1, 100000)
      .option("embedding-dropout", &embedding_dropout_, "share of the tokens' numbers dropped in training",
              0.0, 0.99)
      .option("residual-dropout", &residual_dropout_,
              "share dropped of what attention and feed-forward parts add", 0.0, 0.99)
      .option("learning-rate", &learning_rate_, "AdamW's step", 0.0)
      .option("weight-decay", &weight_decay_, "decoupled", 0.0)
      .option("warmup-steps", &warmup_, "steps over which the learning rate rises from 0", 0, 1 << 30)
      .option("reward-scale", &reward_scale_, "what returns to go and rewards are multiplied by", 1e-12)
      .option(
          "target-return", &target_,
          "the return that the policy is asked for when it acts, a number, or auto: the best of the file's "
          "episodes, corrupted rewards included")
      .option("normalise", &normalise_, "observations by the dataset's mean and standard deviation");
}

void SequenceModel::check() {
  if (width_ % heads_ != 0)
    throw Error("is no multiple of the heads, of which there are " + std::to_string(heads_),
                "--width " + std::to_string(width_), "e.g. --heads 1");
  target_return_.reset();
  if (target_ == "auto") return;
  target_return_ = to_double(target_);
  if (!target_return_ || !std::isfinite(*target_return_))
    throw Error("'" + target_ + "' is neither a number nor auto", "--target-return", "e.g. 3600, or auto");
}

PolicySpec SequenceModel::policy(int observation_size, int action_size) const {
  PolicySpec spec;
  spec.head = Head::kDeterministic;
  spec.observation_size = observation_size;
  spec.action_size = action_size;
  spec.hidden = {};
  spec.sequence = {.context = context_,
                   .width = width_,
                   .layers = layers_,
                   .heads = heads_,
                   .times = times_,
                   .return_scale = reward_scale_,
                   .target_return = target_return_.value_or(0)};
  return spec;
}

std::string SequenceModel::fit_policy(PolicySpec& policy, const datasets::Transitions& data) const {
  double best = -std::numeric_limits<double>::infinity(), total = 0;
  std::int64_t longest = 0, begin = 0, episodes = 0;
  for (std::int64_t row = 0; row < data.rows; ++row) {
    const auto i = static_cast<std::size_t>(row);
    total += static_cast<double>(data.rewards[i]);
    if (data.episode_end[i] == 0 && row + 1 < data.rows) continue;
    best = std::max(best, total);
    longest = std::max(longest, row + 1 - begin);
    begin = row + 1, total = 0, ++episodes;
  }
  if (longest > times_)
    throw Error("the dataset has an episode of " + std::to_string(longest) + " steps",
                "--episode-len " + std::to_string(times_), "give " + std::to_string(longest) + " at least");
  if (target_return_)
    return "the policy acts for a return of " + to_text(static_cast<float>(*target_return_));
  policy.sequence.target_return = best;
  return "the policy acts for a return of " + to_text(static_cast<float>(best)) + ", the best of " +
         grouped_text(episodes) + " episodes (--target-return)";
}

SequenceModel::Predicted SequenceModel::predict(Learner& learner, Update& u, const DataSource& data,
                                                bool of_actions) const {
  Graph& g = u.graph();
  const auto network = std::static_pointer_cast<const nn::DecisionTransformer>(
      policy(data.observation_size(), data.action_size()).network());
  Predicted p{data.windows(u), {}, {}, learner.network("policy", network)};
  const WindowBatch& w = p.data;
  const nn::StepWindows in{.B = w.windows,
                           .T = w.steps,
                           .returns = ops::affine(g, w.returns_to_go, reward_scale_),
                           .observations = w.observations,
                           .actions = w.actions,
                           .times = w.timesteps,
                           .token_starts = w.token_starts,
                           .token_ends = w.token_ends};
  const auto drops = [&u](double rate) {
    return [&u, rate](Graph&, Tensor x) { return u.dropout(x, rate); };
  };
  const std::vector<Tensor> tensors = u.parameters(p.policy);
  const nn::DecisionTransformer::Hidden hidden =
      network->hidden(g, tensors, in, of_actions, {drops(embedding_dropout_), drops(residual_dropout_)});
  p.actions = ops::reshape(g, network->actions(g, tensors, hidden.observations), g.shape(w.actions));
  p.of_actions = hidden.actions;
  return p;
}

Tensor SequenceModel::masked_error(Graph& g, const WindowBatch& data, Tensor x, Tensor y, Tensor weights) {
  Tensor error = ops::multiply(g, ops::square(g, ops::subtract(g, x, y)), ops::unsqueeze(g, data.valid, 3));
  if (weights) error = ops::multiply(g, error, weights);
  return ops::mean_per_agent(g, error);
}

Descent SequenceModel::descent() const {
  return {.learning_rate = nn::Schedule::constant(learning_rate_).warmed_up(warmup_),
          .rule = {.rule = nn::GroupSettings::Rule::kAdamW, .weight_decay = weight_decay_}};
}

}  // namespace hardy::algorithms
