#include "engine/nn/transformer.h"

#include <cmath>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/attention.h"
#include "engine/ops/concat.h"
#include "engine/ops/decode_attention.h"
#include "engine/ops/gather.h"
#include "engine/ops/gemm.h"
#include "engine/ops/linear.h"
#include "engine/ops/linear_packed.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rms_norm.h"
#include "engine/ops/rotary.h"
#include "engine/ops/write_rows.h"

namespace hardy::nn {
namespace {

using graph::Graph;
using graph::Tensor;

// Where a layer's tensors lie among the network's.
enum Part { kNorm1, kQkv, kOut, kNorm2, kUp, kDown, kParts };

}  // namespace

TransformerSpec TransformerSpec::checked() const {
  TransformerSpec s = *this;
  const auto require = [](bool right, const std::string& key, std::int64_t value, const std::string& why) {
    if (!right) throw Error(why, key + " " + std::to_string(value));
  };
  require(s.vocabulary >= 2, "vocabulary", s.vocabulary, "a transformer needs at least two tokens");
  require(s.layers >= 1, "layers", s.layers, "is not at least 1");
  require(s.heads >= 1 && s.width % s.heads == 0, "width", s.width,
          "is no multiple of the heads, of which there are " + std::to_string(s.heads));
  require(s.width / s.heads % 2 == 0, "width", s.width, "leaves a head an odd number of elements");
  if (s.kv_heads == 0) s.kv_heads = s.heads;
  require(s.kv_heads >= 1 && s.heads % s.kv_heads == 0, "kv-heads", s.kv_heads,
          "does not divide the heads, of which there are " + std::to_string(s.heads));
  if (s.inner == 0) s.inner = s.gelu ? 4 * s.width : (8 * s.width / 3 + 7) / 8 * 8;
  require(s.inner >= 1, "inner", s.inner, "is not at least 1");
  require(s.context >= 1, "context", s.context, "is not at least 1");
  return s;
}

std::pair<Shape, Shape> Transformer::cache_shapes(std::int64_t agents, std::int64_t sequences,
                                                  std::int64_t positions) const {
  const std::int64_t G = spec_.kv_heads, d = spec_.width / spec_.heads, room = ops::turned_room(positions);
  return {{agents, sequences, G, d, room}, {agents, sequences, room, G, d}};
}

std::vector<TensorSpec> Transformer::tensors(const std::string& name, std::int64_t agents) const {
  const TransformerSpec& s = spec_;
  const std::int64_t d = s.width, head = d / s.heads, qkv = (s.heads + 2 * s.kv_heads) * head;
  std::vector<TensorSpec> all;
  const auto add = [&](const std::string& part, const Shape& shape, std::int64_t in, std::int64_t out,
                       const Initialiser& start) {
    all.push_back({name + "/" + part, shape, in, out, 0, start});
  };
  // Uniform draws: tokens of deviation 1, so that what layers add does not drown them, or, where they are the
  // head as well, of 1 / sqrt(d), which gives logits of deviation 1; U(+-1 / sqrt(in)) for products, what
  // adds to the residual stream smaller by the root of how many do (Radford et al. 2019).
  const double size = s.tied ? 1 / std::sqrt(static_cast<double>(d)) : 1;
  const Initialiser tokens = Initialiser::uniform(size * std::sqrt(3.0)), one = Initialiser::constant(1),
                    product = Initialiser::pytorch_linear(),
                    free_head = Initialiser::uniform(1 / std::sqrt(static_cast<double>(d)));
  Initialiser onto_residual = product;
  onto_residual.value /= std::sqrt(2.0 * static_cast<double>(s.layers));
  add("embedding", {agents, s.vocabulary, d}, s.vocabulary, d, tokens);
  if (s.learned_positions) add("positions", {agents, s.context, d}, s.context, d, tokens);
  for (std::int64_t l = 0; l < s.layers; ++l) {
    const std::string layer = "layer" + std::to_string(l) + "/";
    const std::int64_t up = s.gelu ? s.inner : 2 * s.inner;
    add(layer + "norm1", {agents, d}, d, d, one);
    add(layer + "qkv", {agents, d, qkv}, d, qkv, product);
    add(layer + "out", {agents, d, d}, d, d, onto_residual);
    add(layer + "norm2", {agents, d}, d, d, one);
    add(layer + "up", {agents, d, up}, d, up, product);
    add(layer + "down", {agents, s.inner, d}, s.inner, d, onto_residual);
  }
  add("norm", {agents, d}, d, d, one);
  if (!s.tied) add("head", {agents, s.vocabulary, d}, s.vocabulary, d, free_head);
  return all;
}

std::int64_t Transformer::parameters() const {
  std::int64_t n = 0;
  for (const TensorSpec& t : tensors("", 1)) n += t.shape.elements();
  return n;
}

double Transformer::flops_a_token() const {
  const TransformerSpec& s = spec_;
  const std::int64_t head = s.width / s.heads, layer = s.width * (s.heads + 2 * s.kv_heads) * head +
                                                       s.width * s.width +
                                                       s.width * s.inner * (s.gelu ? 2 : 3);
  return 2.0 * static_cast<double>(s.layers * layer + s.vocabulary * s.width);
}

bool Transformer::is_packed(std::size_t parameter) const {
  const TransformerSpec& s = spec_;
  const std::size_t first = s.learned_positions ? 2 : 1;
  if (parameter < first || parameter >= first + static_cast<std::size_t>(s.layers) * kParts) return false;
  switch ((parameter - first) % kParts) {
    case kQkv:
      return packed_size(s.width, s.width / s.heads * (s.heads + 2 * s.kv_heads)) > 0;
    case kUp:
      return packed_size(s.width, s.gelu ? s.inner : 2 * s.inner) > 0;
    case kOut:
      return packed_size(s.width, s.width) > 0;
    case kDown:
      return packed_size(s.inner, s.width) > 0;
    default:
      return false;
  }
}

Tensor Transformer::hidden(Graph& g, std::span<const Tensor> parameters, const TokenSequences& in,
                           const DecodingCache* cache, KeysAndValues* seen) const {
  const TransformerSpec& s = spec_;
  const std::int64_t A = g.shape(in.tokens)[0], S = in.S, T = in.T, d = s.width, H = s.heads, G = s.kv_heads,
                     head = d / H;
  const auto linear = [&](Tensor of, std::size_t parameter) {
    const Tensor w = parameters[parameter];
    if (cache && is_packed(parameter))
      return ops::linear_packed(g, of, cache->packed[parameter], g.shape(w)[2]);
    return ops::linear(g, of, w, /*padded=*/true);
  };
  Tensor x = ops::gather_rows(g, parameters[0], in.tokens);
  std::size_t next = 1;
  if (s.learned_positions) x = ops::add(g, x, ops::gather_rows(g, parameters[next++], in.positions));
  for (std::int64_t l = 0; l < s.layers; ++l, next += kParts) {
    const std::span<const Tensor> layer = parameters.subspan(next, kParts);
    const Tensor qkv = linear(ops::rms_norm(g, x, layer[kNorm1], s.epsilon), next + kQkv);
    const auto heads_of = [&](std::int64_t from, std::int64_t count) {
      return ops::reshape(g, ops::slice(g, qkv, from * head, (from + count) * head), {A, S, T, count, head});
    };
    Tensor q, k, v;
    if (cache && !s.learned_positions) {
      const ops::Heads heads = ops::rotary_heads(g, qkv, in.first, {H, G}, s.rotary_base);
      q = heads.q, k = heads.k, v = heads.v;
    } else {
      q = heads_of(0, H), k = heads_of(H, G), v = heads_of(H + G, G);
      if (!s.learned_positions) {
        q = ops::rotary(g, q, in.first, s.rotary_base);
        k = ops::rotary(g, k, in.first, s.rotary_base);
      }
    }
    if (seen) {
      seen->keys.push_back(k);
      seen->values.push_back(v);
    }
    Tensor y;
    if (cache) {
      const auto at = static_cast<std::size_t>(l);
      v = ops::write_rows(g, cache->own.values[at], v, cache->first, cache->last);
      y = ops::decode_attention(g, cache->own.keys[at], v, q, k,
                                {cache->prompts.keys[at], cache->prompts.values[at], cache->prompt,
                                 cache->count, cache->first, cache->last})
              .y;
    } else {
      y = ops::attention(g, q, k, v, in.first, in.last);
    }
    x = ops::add(g, x, linear(ops::reshape(g, y, {A, S * T, d}), next + kOut));
    const Tensor up = linear(ops::rms_norm(g, x, layer[kNorm2], s.epsilon), next + kUp);
    const Tensor inner = s.gelu ? ops::gelu(g, up)
                                : ops::multiply(g, ops::silu(g, ops::slice(g, up, 0, s.inner)),
                                                ops::slice(g, up, s.inner, 2 * s.inner));
    x = ops::add(g, x, linear(inner, next + kDown));
  }
  return ops::rms_norm(g, x, parameters[next], s.epsilon);
}

Tensor Transformer::apply(Graph&, std::span<const Tensor>, Tensor, const std::string& label) const {
  throw Error("is a transformer, which takes sequences of tokens", label, "call hidden()");
}

nlohmann::json Transformer::describe() const {
  const TransformerSpec& s = spec_;
  return {{"kind", "transformer"}, {"vocabulary", s.vocabulary},
          {"width", s.width},      {"layers", s.layers},
          {"heads", s.heads},      {"kv_heads", s.kv_heads},
          {"inner", s.inner},      {"context", s.context},
          {"tied", s.tied},        {"learned_positions", s.learned_positions},
          {"gelu", s.gelu},        {"rotary_base", s.rotary_base},
          {"epsilon", s.epsilon}};
}

namespace {
const RegisterArchitecture registration("transformer", [](const nlohmann::json& d) -> ArchitecturePtr {
  TransformerSpec s;
  for (const auto& [key, place] :
       {std::pair{"vocabulary", &s.vocabulary}, std::pair{"width", &s.width}, std::pair{"layers", &s.layers},
        std::pair{"heads", &s.heads}, std::pair{"kv_heads", &s.kv_heads}, std::pair{"inner", &s.inner},
        std::pair{"context", &s.context}})
    *place = d.at(key).get<std::int64_t>();
  for (const auto& [key, place] :
       {std::pair{"tied", &s.tied}, std::pair{"learned_positions", &s.learned_positions},
        std::pair{"gelu", &s.gelu}})
    *place = d.at(key).get<bool>();
  s.rotary_base = d.at("rotary_base").get<double>();
  s.epsilon = d.at("epsilon").get<double>();
  return std::make_shared<Transformer>(s);
});
}  // namespace

}  // namespace hardy::nn
