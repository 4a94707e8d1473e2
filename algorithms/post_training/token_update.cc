#include "algorithms/post_training/token_update.h"

#include "engine/ops/arithmetic.h"
#include "engine/ops/reshape.h"
#include "engine/ops/token_log_probs.h"

namespace hardy::algorithms {

TokenUpdate::TokenUpdate(Learner& learner, const nn::Transformer& transformer, const Network& network,
                         const Network* reference, const Estimator& rollouts, const Estimator& demonstrations,
                         double temperature, double entropy_weight, const Descent& descent,
                         const TokenUpdateSizes& sizes)
    : SequenceUpdate(learner.agents(), sizes.sequences, sizes.tokens, rollouts.token),
      tokens_(static_cast<std::size_t>(sizes.tokens)) {
  const std::int64_t A = learner.agents(), S = sizes.sequences, T = sizes.tokens;
  const auto rows = static_cast<std::size_t>(A * S);
  for (auto* v : {&in_, &positions_, &targets_}) v->resize(rows * tokens_);
  for (auto* v : {&first_, &last_}) v->resize(rows);
  for (std::size_t i = 0; i < positions_.size(); ++i) positions_[i] = static_cast<std::int32_t>(i % tokens_);

  Update& u = learner.update("policy").accumulate(*this);
  graph::Graph& g = u.graph();
  const auto integers = [&](const char* name, const Shape& shape, std::vector<std::int32_t>& memory) {
    return u.table(name, DType::kI32, shape, memory.data(), false);
  };
  nn::TokenSequences in{S, T, integers("tokens", {A, S * T}, in_), integers("first", {A, S}, first_),
                        integers("last", {A, S}, last_)};
  if (transformer.spec().learned_positions) in.positions = integers("positions", {A, S * T}, positions_);
  const Tensor targets = integers("targets", {A, S * T}, targets_);
  const auto scored = [&](const Network& by) {
    const std::vector<Tensor> parameters = u.parameters(by);
    return ops::token_log_probs(g, transformer.hidden(g, parameters, in), transformer.head(parameters),
                                targets, temperature);
  };
  const auto by_sequence = [&](Tensor x) { return ops::reshape(g, x, {A, S, T}); };
  const ops::TokenLogProbs scores = scored(network);
  SequenceScores by{by_sequence(scores.log_prob), by_sequence(scores.entropy), std::nullopt};
  if (reference) by.log_reference = ops::stop_gradient(g, by_sequence(scored(*reference).log_prob));
  const SequenceLoss loss{rollouts, demonstrations, entropy_weight, sizes.entropy_weighted};
  u.minimise("policy", sequence_loss(u, arrays(), loss, by), {network}, descent);
}

void TokenUpdate::clear() {
  std::ranges::fill(in_, 0);
  std::ranges::fill(targets_, -1);
  std::ranges::fill(last_, 0);
}

void TokenUpdate::put(const TokenRow& row, std::size_t at) {
  const std::size_t begin = at * tokens_, p = row.prompt->size(), n = row.answer->size();
  std::ranges::copy(*row.prompt, in_.begin() + static_cast<std::ptrdiff_t>(begin));
  for (std::size_t t = 0; t < n; ++t) {
    const std::size_t place = begin + p - 1 + t;  // the position that this token is predicted at
    if (t + 1 < n) in_[place + 1] = (*row.answer)[t];
    targets_[place] = (*row.answer)[t];
  }
  last_[at] = static_cast<std::int32_t>(p + n - 1);
}

}  // namespace hardy::algorithms
