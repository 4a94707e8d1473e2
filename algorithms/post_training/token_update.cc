#include "algorithms/post_training/token_update.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/token_log_probs.h"

namespace hardy::algorithms {

TokenUpdate::TokenUpdate(Learner& learner, const nn::Transformer& transformer, const Network& network,
                         const Network* reference, const Estimator& rollouts, const Estimator& demonstrations,
                         double temperature, double entropy_weight, const Descent& descent,
                         const TokenUpdateSizes& sizes)
    : agents_(learner.agents()), S_(sizes.sequences), T_(sizes.tokens), mask_(rollouts.token) {
  const auto tokens = static_cast<std::size_t>(agents_ * S_ * T_),
             rows = static_cast<std::size_t>(agents_ * S_);
  for (auto* v : {&host_.tokens, &host_.positions, &host_.targets}) v->resize(tokens);
  for (auto* v : {&host_.first, &host_.last}) v->resize(rows);
  for (auto* v : {&host_.behaviour, &host_.counts, &host_.log_prob}) v->resize(tokens);
  for (auto* v : {&host_.rollout_weight, &host_.demonstration_weight, &host_.praise_weight,
                  &host_.imitation_weight, &host_.advantage, &host_.length})
    v->resize(rows);
  for (std::size_t i = 0; i < tokens; ++i)
    host_.positions[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(T_));
  seen_.resize(static_cast<std::size_t>(agents_));

  Update& u = learner.update("policy").accumulate(*this);
  graph::Graph& g = u.graph();
  const std::int64_t A = agents_, S = S_, T = T_;
  const auto integers = [&](const char* name, const Shape& shape, std::vector<std::int32_t>& memory) {
    return u.table(name, DType::kI32, shape, memory.data(), false);
  };
  const auto numbers = [&](const char* name, const Shape& shape, std::vector<float>& memory) {
    return u.table(name, DType::kF32, shape, memory.data(), false);
  };
  nn::TokenSequences in{S, T, integers("tokens", {A, S * T}, host_.tokens),
                        integers("first", {A, S}, host_.first), integers("last", {A, S}, host_.last)};
  if (transformer.spec().learned_positions) in.positions = integers("positions", {A, S * T}, host_.positions);
  const Tensor targets = integers("targets", {A, S * T}, host_.targets);
  const auto scored = [&](const Network& by) {
    const std::vector<Tensor> parameters = u.parameters(by);
    return ops::token_log_probs(g, transformer.hidden(g, parameters, in), transformer.head(parameters),
                                targets, temperature);
  };
  const ops::TokenLogProbs scores = scored(network);
  EstimatorInputs with{ops::reshape(g, scores.log_prob, {A, S, T}),
                       numbers("behaviour", {A, S, T}, host_.behaviour),
                       numbers("counts", {A, S, T}, host_.counts),
                       numbers("rollout_weight", {A, S, 1}, host_.rollout_weight),
                       numbers("advantage", {A, S, 1}, host_.advantage),
                       numbers("length", {A, S, 1}, host_.length),
                       std::nullopt};
  if (reference)
    with.log_reference = ops::stop_gradient(g, ops::reshape(g, scored(*reference).log_prob, {A, S, T}));
  Tensor imitation;
  if (sizes.entropy_weighted) {  // e^H and e^-H, H the mean over a row's tokens, detached
    const Tensor entropy = ops::multiply(g, ops::reshape(g, scores.entropy, {A, S, T}), with.token);
    const Tensor mean = ops::stop_gradient(g, ops::divide(g, ops::sum(g, entropy, -1), with.length));
    const Tensor praise =
        ops::multiply(g, numbers("praise_weight", {A, S, 1}, host_.praise_weight), ops::exp(g, mean));
    with.weight = ops::add(g, with.weight, ops::affine(g, praise, 0.1));
    imitation = ops::affine(g,
                            ops::multiply(g, numbers("imitation_weight", {A, S, 1}, host_.imitation_weight),
                                          ops::exp(g, ops::negate(g, mean))),
                            0.5);
  }
  Tensor loss = policy_gradient_loss(g, rollouts, with);
  if (entropy_weight > 0) {
    const Tensor entropy = ops::multiply(g, ops::reshape(g, scores.entropy, {A, S, T}),
                                         ops::multiply(g, with.weight, with.token));
    loss = ops::subtract(g, loss, ops::affine(g, ops::sum_per_agent(g, entropy), entropy_weight));
  }
  with.weight = numbers("demonstration_weight", {A, S, 1}, host_.demonstration_weight);
  with.log_reference.reset();
  loss = ops::add(g, loss, policy_gradient_loss(g, demonstrations, with));
  if (sizes.entropy_weighted) {
    with.weight = imitation, with.advantage = ops::fill(g, DType::kF32, {A, S, 1}, 1);
    loss = ops::add(g, loss, policy_gradient_loss(g, estimator_named("sft"), with));
  }
  u.leave(scores.log_prob, host_.log_prob.data());
  u.minimise("policy", loss, {network}, descent);
}

void TokenUpdate::set_rows(std::vector<std::vector<TokenRow>> rows) {
  rows_ = std::move(rows);
  for (auto& of_agent : rows_) std::ranges::stable_sort(of_agent, {}, &TokenRow::place);
  seen_.assign(static_cast<std::size_t>(agents_), {});
  passes_ = 0;
}

bool TokenUpdate::fill(std::int64_t pass) {
  std::size_t most = 0;
  for (const auto& rows : rows_) most = std::max(most, rows.size());
  const std::int64_t begin = pass * S_;
  if (pass > 0 && begin >= static_cast<std::int64_t>(most)) return false;
  passes_ = pass + 1;
  std::ranges::fill(host_.tokens, 0);
  std::ranges::fill(host_.targets, -1);
  for (auto* v : {&host_.behaviour, &host_.counts, &host_.rollout_weight, &host_.demonstration_weight,
                  &host_.praise_weight, &host_.imitation_weight, &host_.advantage})
    std::ranges::fill(*v, 0.0f);
  std::ranges::fill(host_.length, 1.0f);
  std::ranges::fill(host_.last, 0);
  for (std::int64_t a = 0; a < agents_; ++a) {
    const auto& rows = rows_[static_cast<std::size_t>(a)];
    for (std::int64_t s = 0; s < S_ && begin + s < static_cast<std::int64_t>(rows.size()); ++s) {
      const TokenRow& row = rows[static_cast<std::size_t>(begin + s)];
      const auto at = static_cast<std::size_t>(a * S_ + s), token = at * static_cast<std::size_t>(T_);
      const std::size_t p = row.prompt->size(), n = row.answer->size();
      std::ranges::copy(*row.prompt, host_.tokens.begin() + static_cast<std::ptrdiff_t>(token));
      for (std::size_t t = 0; t < n; ++t) {
        const std::size_t place = token + p - 1 + t;  // the position that this token is predicted at
        if (t + 1 < n) host_.tokens[place + 1] = (*row.answer)[t];
        host_.targets[place] = (*row.answer)[t];
        host_.counts[place] = 1;
        if (row.behaviour) host_.behaviour[place] = (*row.behaviour)[t];
      }
      host_.last[at] = static_cast<std::int32_t>(p + n - 1);
      host_.advantage[at] = row.advantage;
      host_.rollout_weight[at] = row.rollout_weight;
      host_.demonstration_weight[at] = row.demonstration_weight;
      host_.praise_weight[at] = row.praise_weight;
      host_.imitation_weight[at] = row.imitation_weight;
      host_.length[at] = static_cast<float>(n);
    }
  }
  return true;
}

void TokenUpdate::ran(std::int64_t pass) {
  for (std::int64_t a = 0; a < agents_; ++a) {
    Seen& seen = seen_[static_cast<std::size_t>(a)];
    const auto& rows = rows_[static_cast<std::size_t>(a)];
    for (std::int64_t s = 0; s < S_ && pass * S_ + s < static_cast<std::int64_t>(rows.size()); ++s) {
      const TokenRow& row = rows[static_cast<std::size_t>(pass * S_ + s)];
      const std::size_t first = static_cast<std::size_t>((a * S_ + s) * T_) + row.prompt->size() - 1;
      seen.tokens += static_cast<std::int64_t>(row.answer->size());
      seen.read += static_cast<std::int64_t>(row.prompt->size() + row.answer->size()) - 1;
      if (!row.behaviour) continue;
      for (std::size_t t = 0; t < row.answer->size(); ++t) {
        const double apart =
            static_cast<double>(host_.log_prob[first + t]) - static_cast<double>((*row.behaviour)[t]);
        seen.difference = std::max(seen.difference, std::abs(apart));
        const double ratio = std::exp(apart);
        seen.outside += ratio > 1 + mask_.high || ratio < 1 - mask_.low;
        ++seen.rollout_tokens;
      }
    }
  }
}

}  // namespace hardy::algorithms
