#include "algorithms/post_training/decoder.h"

#include <algorithm>

#include "algorithms/learning/executor.h"
#include "engine/ops/sample_tokens.h"

namespace hardy::algorithms {
namespace {

using graph::Tensor;

// The graph's view of a network's parameters, bound to where they lie.
std::vector<Tensor> parameters_in(graph::Graph& g, const nn::Transformer& network, const std::string& name,
                                  std::int64_t agents) {
  std::vector<Tensor> all;
  for (const nn::TensorSpec& t : network.tensors(name, agents))
    all.push_back(g.parameter(t.name, DType::kF32, t.shape));
  return all;
}
void bind_parameters(graph::Plan& plan, const std::vector<Tensor>& parameters, const nn::Transformer& network,
                     const std::string& name, nn::ParameterStore& store) {
  const std::vector<nn::TensorSpec> specs = network.tensors(name, store.agents());
  for (std::size_t i = 0; i < specs.size(); ++i)
    plan.bind(parameters[i], store.value(store.find(specs[i].name)));
}

nn::TokenSequences sequences_in(graph::Graph& g, std::int64_t A, std::int64_t S, std::int64_t T,
                                bool positions) {
  nn::TokenSequences in{S, T, g.input("tokens", DType::kI32, {A, S * T}),
                        g.input("first", DType::kI32, {A, S}), g.input("last", DType::kI32, {A, S})};
  if (positions) in.positions = g.input("positions", DType::kI32, {A, S * T});
  return in;
}

}  // namespace

Decoder::Decoder(const nn::Transformer& network, const std::string& name, nn::ParameterStore& store,
                 const std::vector<std::uint64_t>& seeds, const DecoderSizes& sizes, std::int32_t end)
    : network_(network), sizes_(sizes), end_(end), agents_(store.agents()) {
  build_prefill(name, store);
  build_step(name, store, seeds);
}

void Decoder::build_prefill(const std::string& name, nn::ParameterStore& store) {
  if (sizes_.longest_prompt < 2) return;  // the last token of a prompt is read by the first step
  graph::Graph& g = prefill_graph_;
  prefill_in_ =
      sequences_in(g, agents_, sizes_.prompts, sizes_.longest_prompt - 1, network_.spec().learned_positions);
  const std::vector<Tensor> parameters = parameters_in(g, network_, name, agents_);
  network_.hidden(g, parameters, prefill_in_, nullptr, &seen_);
  std::vector<Tensor> outputs = seen_.keys;
  outputs.insert(outputs.end(), seen_.values.begin(), seen_.values.end());
  prefill_ = std::make_unique<graph::Plan>(g, outputs, graph::PlanOptions{.agents = agents_});
  bind_parameters(*prefill_, parameters, network_, name, store);
}

void Decoder::build_step(const std::string& name, nn::ParameterStore& store,
                         const std::vector<std::uint64_t>& seeds) {
  graph::Graph& g = step_graph_;
  const std::int64_t rows = sizes_.prompts * sizes_.answers;
  step_in_ = sequences_in(g, agents_, rows, 1, network_.spec().learned_positions);
  const Shape cache = network_.cache_shape(agents_, rows);
  for (std::int64_t l = 0; l < network_.spec().layers; ++l) {
    cache_.keys.push_back(g.input("keys" + std::to_string(l), DType::kF32, cache));
    cache_.values.push_back(g.input("values" + std::to_string(l), DType::kF32, cache));
  }
  const std::vector<Tensor> parameters = parameters_in(g, network_, name, agents_);
  const Tensor hidden = network_.hidden(g, parameters, step_in_, &cache_);
  keys_ = g.input("draws", DType::kI32, {agents_, rows, 4});
  const Tensor words = g.input("seeds", DType::kI32, {agents_, 2});
  const ops::Sampled drawn =
      ops::sample_tokens(g, hidden, network_.head(parameters), keys_, words, sizes_.temperature);
  token_ = drawn.token, log_prob_ = drawn.log_prob, entropy_ = drawn.entropy;
  step_ = std::make_unique<graph::Plan>(g, std::vector<Tensor>{token_, log_prob_, entropy_},
                                        graph::PlanOptions{.agents = agents_});
  bind_parameters(*step_, parameters, network_, name, store);
  seeds_ = seed_words(seeds);
  step_->bind(words, seeds_.data());
}

// A prompt's keys and values, to the cache of each of its answers.
void Decoder::copy_prompts(const std::vector<std::vector<DecoderPrompt>>& prompts, ThreadTeam& team) {
  const Shape cache = network_.cache_shape(1, 1);
  const std::int64_t token = cache[3] * cache[4], row = cache[2] * token,
                     read = (sizes_.longest_prompt - 1) * token;
  std::vector<std::pair<const float*, float*>> layers;  // a plan gives its memory out on one thread alone
  for (std::size_t l = 0; l < seen_.keys.size(); ++l) {
    layers.emplace_back(prefill_->data<float>(seen_.keys[l]), step_->data<float>(cache_.keys[l]));
    layers.emplace_back(prefill_->data<float>(seen_.values[l]), step_->data<float>(cache_.values[l]));
  }
  team.run(agents_ * sizes_.prompts, [&](std::int64_t task) {
    const std::int64_t a = task / sizes_.prompts, p = task % sizes_.prompts;
    const auto& own = prompts[static_cast<std::size_t>(a)];
    if (p >= static_cast<std::int64_t>(own.size())) return;
    const auto count =
        (static_cast<std::int64_t>(own[static_cast<std::size_t>(p)].tokens->size()) - 1) * token;
    for (const auto& [from, to] : layers)
      for (std::int64_t i = 0; i < sizes_.answers; ++i)
        std::copy_n(from + task * read, count, to + (task * sizes_.answers + i) * row);
  });
}

std::vector<std::vector<std::vector<DecodedAnswer>>> Decoder::decode(
    const std::vector<std::vector<DecoderPrompt>>& prompts, std::int32_t step, ThreadTeam& team) {
  const std::int64_t P = sizes_.prompts, n = sizes_.answers, T = sizes_.longest_prompt - 1;
  const double flops = network_.flops_a_token();
  if (prefill_) {
    auto* tokens = prefill_->data<std::int32_t>(prefill_in_.tokens);
    auto* last = prefill_->data<std::int32_t>(prefill_in_.last);
    std::fill_n(tokens, agents_ * P * T, 0);
    std::fill_n(last, agents_ * P, 0);
    for (std::int64_t a = 0; a < agents_; ++a)
      for (std::size_t p = 0; p < prompts[static_cast<std::size_t>(a)].size(); ++p) {
        const std::vector<std::int32_t>& text = *prompts[static_cast<std::size_t>(a)][p].tokens;
        const std::int64_t row = a * P + static_cast<std::int64_t>(p);
        std::copy(text.begin(), text.end() - 1, tokens + row * T);
        last[row] = static_cast<std::int32_t>(text.size()) - 1;
        flops_ += flops * static_cast<double>(text.size() - 1);
      }
    if (prefill_in_.positions)
      for (std::int64_t i = 0; i < agents_ * P * T; ++i)
        prefill_->data<std::int32_t>(prefill_in_.positions)[i] = static_cast<std::int32_t>(i % T);
    prefill_->run(team);
    copy_prompts(prompts, team);
  }

  std::vector<std::vector<std::vector<DecodedAnswer>>> answers(prompts.size());
  const std::int64_t rows = P * n;
  auto *tokens = step_->data<std::int32_t>(step_in_.tokens),
       *first = step_->data<std::int32_t>(step_in_.first), *last = step_->data<std::int32_t>(step_in_.last),
       *keys = step_->data<std::int32_t>(keys_);
  std::fill_n(last, agents_ * rows, 0);  // nobody there
  std::fill_n(first, agents_ * rows, 0);
  std::fill_n(tokens, agents_ * rows, 0);
  std::fill_n(keys, agents_ * rows * 4, 0);
  struct Open {
    std::int64_t row;
    DecodedAnswer* answer;
  };
  std::vector<Open> open;
  for (std::size_t a = 0; a < prompts.size(); ++a) {
    answers[a].assign(prompts[a].size(), std::vector<DecodedAnswer>(static_cast<std::size_t>(n)));
    for (std::size_t p = 0; p < prompts[a].size(); ++p)
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t row = (static_cast<std::int64_t>(a) * P + static_cast<std::int64_t>(p)) * n + i;
        const std::vector<std::int32_t>& text = *prompts[a][p].tokens;
        tokens[row] = text.back();
        first[row] = static_cast<std::int32_t>(text.size()) - 1;
        last[row] = first[row] + 1;
        keys[4 * row + 1] = prompts[a][p].id;
        keys[4 * row + 2] = static_cast<std::int32_t>(i);
        keys[4 * row + 3] = step;
        open.push_back({row, &answers[a][p][static_cast<std::size_t>(i)]});
      }
  }
  for (std::int64_t position = 0; position < sizes_.longest_answer && !open.empty(); ++position) {
    for (const Open& o : open) keys[4 * o.row] = static_cast<std::int32_t>(position);
    if (step_in_.positions) std::copy_n(first, agents_ * rows, step_->data<std::int32_t>(step_in_.positions));
    step_->run(team);
    flops_ += flops * static_cast<double>(open.size());
    std::erase_if(open, [&](const Open& o) {
      const std::int32_t token = step_->data<std::int32_t>(token_)[o.row];
      o.answer->tokens.push_back(token);
      o.answer->log_prob.push_back(step_->data<float>(log_prob_)[o.row]);
      o.answer->entropy += static_cast<double>(step_->data<float>(entropy_)[o.row]);
      o.answer->ended = token == end_;
      tokens[o.row] = token;
      ++first[o.row];
      last[o.row] = o.answer->ended ? 0 : first[o.row] + 1;
      return o.answer->ended;
    });
  }
  for (auto& of_agent : answers)
    for (auto& of_prompt : of_agent)
      for (DecodedAnswer& answer : of_prompt)
        answer.entropy /= std::max(1.0, static_cast<double>(answer.tokens.size()));
  return answers;
}

}  // namespace hardy::algorithms
