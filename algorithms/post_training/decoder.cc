#include "algorithms/post_training/decoder.h"

#include <algorithm>

#include "algorithms/learning/executor.h"
#include "engine/ops/decode_attention.h"
#include "engine/ops/gemm.h"
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

constexpr std::int64_t kFewest = 16;  // rows below which a graph of half as many gains nothing

AlignedMemory<float> floats(const Shape& shape) {
  return AlignedMemory<float>(
      static_cast<float*>(allocate_zeroed(static_cast<std::size_t>(shape.elements()) * sizeof(float))));
}

}  // namespace

Decoder::Decoder(const nn::Transformer& network, const std::string& name, nn::ParameterStore& store,
                 const std::vector<std::uint64_t>& seeds, const DecoderSizes& sizes, std::int32_t end)
    : network_(network),
      sizes_(sizes),
      end_(end),
      agents_(store.agents()),
      answer_room_(ops::turned_room(sizes.longest_answer)),
      prompt_room_(ops::turned_room(std::max<std::int64_t>(1, sizes.longest_prompt - 1))),
      seeds_(seed_words(seeds)),
      counts_(static_cast<std::size_t>(agents_ * sizes.prompts), 0) {
  const std::int64_t rows = sizes.prompts * sizes.answers;
  const auto [prompt_keys, prompt_values] = network.cache_shapes(agents_, sizes.prompts, prompt_room_);
  const auto [keys, values] = network.cache_shapes(agents_, rows, answer_room_);
  for (std::int64_t l = 0; l < network.spec().layers; ++l)
    layers_.push_back({floats(prompt_keys), floats(prompt_values), floats(keys), floats(values)});
  const std::vector<nn::TensorSpec> specs = network.tensors(name, agents_);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    packed_.emplace_back();
    if (!network.is_packed(i)) continue;
    const Shape& shape = specs[i].shape;
    const std::int64_t size = packed_size(shape[1], shape[2]);
    packed_.back() = {store.value(store.find(specs[i].name)), shape[1], shape[2], size,
                      floats({agents_, size})};
  }
  build_prefill(name, store);
  build_step(rows, name, store);
  for (std::int64_t n = (rows + 1) / 2; n >= kFewest; n = (n + 1) / 2) build_step(n, name, store);
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

void Decoder::build_step(std::int64_t rows, const std::string& name, nn::ParameterStore& store) {
  steps_.push_back(std::make_unique<Step>());
  Step& step = *steps_.back();
  graph::Graph& g = step.graph;
  step.rows = rows;
  step.in = sequences_in(g, agents_, rows, 1, network_.spec().learned_positions);
  const auto [prompt_keys, prompt_values] = network_.cache_shapes(agents_, sizes_.prompts, prompt_room_);
  const auto [own_keys, own_values] = network_.cache_shapes(agents_, rows, answer_room_);
  std::vector<std::pair<Tensor, float*>> places;
  const auto held = [&](std::vector<Tensor>& tensors, const char* what, const Shape& shape, float* memory) {
    tensors.push_back(g.input(what + std::to_string(tensors.size()), DType::kF32, shape));
    places.emplace_back(tensors.back(), memory);
  };
  for (Layer& layer : layers_) {
    held(step.cache.prompts.keys, "prompt_keys", prompt_keys, layer.prompt_keys.get());
    held(step.cache.prompts.values, "prompt_values", prompt_values, layer.prompt_values.get());
    held(step.cache.own.keys, "keys", own_keys, layer.keys.get());
    held(step.cache.own.values, "values", own_values, layer.values.get());
  }
  for (const Packed& weight : packed_) {
    step.cache.packed.emplace_back();
    if (!weight.memory) continue;
    const std::size_t at = step.cache.packed.size() - 1;
    step.cache.packed[at] = g.input("packed" + std::to_string(at), DType::kF32, {agents_, weight.size});
    places.emplace_back(step.cache.packed[at], weight.memory.get());
  }
  const auto numbers = [&](const char* what, std::int64_t each) {
    return g.input(what, DType::kI32, {agents_, each});
  };
  step.cache.prompt = numbers("prompt", rows);
  step.cache.count = numbers("count", sizes_.prompts);
  step.cache.first = numbers("own_first", rows);
  step.cache.last = numbers("own_last", rows);
  const std::vector<Tensor> parameters = parameters_in(g, network_, name, agents_);
  const Tensor hidden = network_.hidden(g, parameters, step.in, &step.cache);
  step.keys = g.input("draws", DType::kI32, {agents_, rows, 4});
  const Tensor words = g.input("seeds", DType::kI32, {agents_, 2});
  const ops::Sampled drawn =
      ops::sample_tokens(g, hidden, network_.head(parameters), step.keys, words, sizes_.temperature);
  step.token = drawn.token, step.log_prob = drawn.log_prob, step.entropy = drawn.entropy;
  step.plan = std::make_unique<graph::Plan>(g, std::vector<Tensor>{step.token, step.log_prob, step.entropy},
                                            graph::PlanOptions{.agents = agents_});
  bind_parameters(*step.plan, parameters, network_, name, store);
  for (const auto& [tensor, memory] : places) step.plan->bind(tensor, memory);
  step.plan->bind(words, seeds_.data());
  step.plan->bind(step.cache.count, counts_.data());
}

void Decoder::pack(ThreadTeam& team) {
  for (const Packed& weight : packed_)
    for (std::int64_t a = 0; weight.memory && a < agents_; ++a)
      pack_b(weight.from + a * weight.in * weight.out, weight.out, weight.in, weight.out,
             weight.memory.get() + a * weight.size, team);
}

// All tokens of each prompt but the last, which the first step reads.
void Decoder::read_prompts(const std::vector<std::vector<DecoderPrompt>>& prompts, ThreadTeam& team) {
  std::ranges::fill(counts_, 0);
  if (!prefill_) return;
  const std::int64_t P = sizes_.prompts, T = sizes_.longest_prompt - 1;
  auto *tokens = prefill_->data<std::int32_t>(prefill_in_.tokens),
       *last = prefill_->data<std::int32_t>(prefill_in_.last);
  std::fill_n(tokens, agents_ * P * T, 0);
  std::fill_n(last, agents_ * P, 0);
  for (std::int64_t a = 0; a < agents_; ++a)
    for (std::size_t p = 0; p < prompts[static_cast<std::size_t>(a)].size(); ++p) {
      const std::vector<std::int32_t>& text = *prompts[static_cast<std::size_t>(a)][p].tokens;
      const std::int64_t row = a * P + static_cast<std::int64_t>(p);
      std::copy(text.begin(), text.end() - 1, tokens + row * T);
      last[row] = counts_[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(text.size()) - 1;
      flops_ += network_.flops_a_token() * static_cast<double>(text.size() - 1);
    }
  if (prefill_in_.positions)
    for (std::int64_t i = 0; i < agents_ * P * T; ++i)
      prefill_->data<std::int32_t>(prefill_in_.positions)[i] = static_cast<std::int32_t>(i % T);
  prefill_->run(team);
  keep_prompts(team);
}

void Decoder::keep_prompts(ThreadTeam& team) {
  const std::int64_t G = network_.spec().kv_heads, d = network_.spec().width / network_.spec().heads,
                     read = (sizes_.longest_prompt - 1) * G * d, room = prompt_room_ * G * d;
  std::vector<std::pair<const float*, const float*>> seen;  // a plan gives its memory out on one thread alone
  for (std::size_t l = 0; l < layers_.size(); ++l)
    seen.emplace_back(prefill_->data<float>(seen_.keys[l]), prefill_->data<float>(seen_.values[l]));
  team.run(agents_ * sizes_.prompts, [&](std::int64_t prompt) {
    const std::int64_t count = counts_[static_cast<std::size_t>(prompt)];
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      ops::turn_keys(seen[l].first + prompt * read, count, G, d, prompt_room_,
                     layers_[l].prompt_keys.get() + prompt * room);
      std::copy_n(seen[l].second + prompt * read, count * G * d,
                  layers_[l].prompt_values.get() + prompt * room);
    }
  });
}

// Rows that go on to the front of each agent's `to_rows`, in their order.
void Decoder::move_together(std::vector<Open>& open, std::int64_t from_rows, std::int64_t to_rows) {
  const std::int64_t row =
      answer_room_ * network_.spec().kv_heads * (network_.spec().width / network_.spec().heads);
  std::int64_t next = 0;
  std::size_t agent = 0;
  for (Open& o : open) {
    if (o.agent != agent) agent = o.agent, next = 0;
    const std::int64_t from = static_cast<std::int64_t>(agent) * from_rows + o.row,
                       to = static_cast<std::int64_t>(agent) * to_rows + next;
    if (from != to)
      for (Layer& layer : layers_)
        for (float* memory : {layer.keys.get(), layer.values.get()})
          std::copy_n(memory + from * row, row, memory + to * row);
    o.row = next++;
  }
}

void Decoder::run(Step& step, std::vector<Open>& open, std::int32_t position, std::int32_t key,
                  ThreadTeam& team) {
  graph::Plan& plan = *step.plan;
  const std::int64_t all = agents_ * step.rows;
  const auto numbers = [&](Tensor t, std::int64_t each = 1) {  // zeroed: nobody there
    auto* at = plan.data<std::int32_t>(t);
    std::fill_n(at, all * each, 0);
    return at;
  };
  auto *tokens = numbers(step.in.tokens), *first = numbers(step.in.first), *last = numbers(step.in.last),
       *prompt = numbers(step.cache.prompt), *own_first = numbers(step.cache.first),
       *own_last = numbers(step.cache.last), *keys = numbers(step.keys, 4),
       *positions = step.in.positions ? numbers(step.in.positions) : nullptr;
  for (const Open& o : open) {
    const std::int64_t row = static_cast<std::int64_t>(o.agent) * step.rows + o.row;
    tokens[row] = o.token;
    first[row] = static_cast<std::int32_t>(o.first);
    last[row] = first[row] + 1;
    if (positions) positions[row] = first[row];
    prompt[row] = static_cast<std::int32_t>(o.prompt);
    own_first[row] = position;
    own_last[row] = position + 1;
    const std::int32_t words[]{position, o.id, static_cast<std::int32_t>(o.rollout), key};
    std::ranges::copy(words, keys + 4 * row);
  }
  plan.run(team);
  flops_ += network_.flops_a_token() * static_cast<double>(open.size());
  const auto* token = plan.data<std::int32_t>(step.token);
  const auto *log_prob = plan.data<float>(step.log_prob), *entropy = plan.data<float>(step.entropy);
  std::erase_if(open, [&](Open& o) {
    const std::int64_t row = static_cast<std::int64_t>(o.agent) * step.rows + o.row;
    o.token = token[row];
    ++o.first;
    o.answer->tokens.push_back(o.token);
    o.answer->log_prob.push_back(log_prob[row]);
    o.answer->entropy += static_cast<double>(entropy[row]);
    return o.answer->ended = o.token == end_;
  });
}

std::vector<std::vector<std::vector<DecodedAnswer>>> Decoder::decode(
    const std::vector<std::vector<DecoderPrompt>>& prompts, std::int32_t step, ThreadTeam& team) {
  const std::int64_t n = sizes_.answers;
  pack(team);
  read_prompts(prompts, team);
  std::vector<std::vector<std::vector<DecodedAnswer>>> answers(prompts.size());
  std::vector<Open> open;
  for (std::size_t a = 0; a < prompts.size(); ++a) {
    answers[a].assign(prompts[a].size(), std::vector<DecodedAnswer>(static_cast<std::size_t>(n)));
    for (std::size_t p = 0; p < prompts[a].size(); ++p)
      for (std::int64_t i = 0; i < n; ++i) {
        const auto prompt = static_cast<std::int64_t>(p);
        const DecoderPrompt& text = prompts[a][p];
        open.push_back({a, prompt * n + i, prompt, i, static_cast<std::int64_t>(text.tokens->size()) - 1,
                        text.tokens->back(), text.id, &answers[a][p][static_cast<std::size_t>(i)]});
      }
  }
  std::size_t now = 0;
  std::vector<std::int64_t> rows(prompts.size());  // that an agent needs
  for (std::int32_t position = 0; position < sizes_.longest_answer && !open.empty(); ++position) {
    std::ranges::fill(rows, 0);
    for (const Open& o : open) ++rows[o.agent];
    std::size_t fits = now;
    while (fits + 1 < steps_.size() && steps_[fits + 1]->rows >= std::ranges::max(rows)) ++fits;
    if (fits != now) move_together(open, steps_[now]->rows, steps_[fits]->rows);
    now = fits;
    run(*steps_[now], open, position, step, team);
  }
  for (auto& of_agent : answers)
    for (auto& of_prompt : of_agent)
      for (DecodedAnswer& answer : of_prompt)
        answer.entropy /= std::max(1.0, static_cast<double>(answer.tokens.size()));
  return answers;
}

}  // namespace hardy::algorithms
