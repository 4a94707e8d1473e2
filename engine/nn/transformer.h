// A decoder-only transformer over sequences of tokens: embedding, layers of causal grouped-query attention
// and of a gated feed-forward part, each behind a root-mean-square norm (Vaswani et al. 2017; Touvron et al.
// 2023, arXiv 2302.13971: rotary positions, RMSNorm, SwiGLU). Its parameters are <name>/embedding [A, V, d],
// then for each layer norm1 [A, d], qkv [A, d, (H + 2 G) d / H], out, norm2, up (gate and value side by
// side), down; then norm [A, d], and head [A, V, d] where the embedding does not serve for it too.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/nn/network.h"

namespace hardy::nn {

struct TransformerSpec {
  std::int64_t vocabulary = 0, width = 64, layers = 2, heads = 4;
  std::int64_t kv_heads = 0;  // heads share keys and values in groups; 0: each has its own
  std::int64_t inner = 0;     // of the feed-forward part; 0: 4 widths of GELU, 8/3 of SwiGLU, in whole eights
  std::int64_t context = 64;  // positions at most
  bool tied = true;           // the embedding is the head
  bool learned_positions = false;  // added to the embedding; else rotary
  bool gelu = false;               // a plain feed-forward part; else SwiGLU
  double rotary_base = 10000, epsilon = 1e-5;

  // With the defaults filled in; an Error that names the number which does not fit.
  TransformerSpec checked() const;
};

// What an apply reads. S sequences, T tokens each: tokens i32 [A, S * T]; token t of a sequence stands at
// position first + t; tokens from position `last` on are padding (i32 [A, S] both). positions i32 [A, S * T],
// first + t, only with learned positions.
struct TokenSequences {
  std::int64_t S = 0, T = 0;
  graph::Tensor tokens, first, last;
  graph::Tensor positions = {};
};

// Keys and values of tokens, a pair a layer, [A, S, T, G, d / H].
struct KeysAndValues {
  std::vector<graph::Tensor> keys, values;
};

// What a graph reads that decodes one token a row: inputs. P prompts' keys (turned) and values are there for
// all rows that continue them; this step's keys and values are written to the rows' own, in place. Shapes as
// ops::decode_attention has them, d / H for d.
struct DecodingCache {
  KeysAndValues prompts, own;
  // Of each parameter that is_packed(), in its place: as ops::linear_packed takes it.
  std::vector<graph::Tensor> packed;
  graph::Tensor prompt, count;  // i32 [A, S]: the row's prompt; i32 [A, P]: tokens of each that are held
  graph::Tensor first, last;    // i32 [A, S]: own tokens before; nobody is there unless first < last
};

class Transformer final : public Architecture {
 public:
  explicit Transformer(const TransformerSpec& spec) : spec_(spec.checked()) {}

  const TransformerSpec& spec() const { return spec_; }
  // The last layer's tokens behind the last norm, [A, S * T, d]. Padding holds numbers that nothing else
  // depends on. With a cache, T = 1: keys and values are read from it, and this step's are written into it.
  // A token's bits depend on itself and the tokens before it alone. `seen`: if not null, gets each layer's
  // keys and values.
  graph::Tensor hidden(graph::Graph& g, std::span<const graph::Tensor> parameters, const TokenSequences& in,
                       const DecodingCache* cache = nullptr, KeysAndValues* seen = nullptr) const;
  // Whether decoding reads this parameter packed: the weights of layers' products, but those of a few
  // columns.
  bool is_packed(std::size_t parameter) const;
  // [A, V, d]: logits of a token are its inner products with the head's rows.
  graph::Tensor head(std::span<const graph::Tensor> parameters) const {
    return spec_.tied ? parameters.front() : parameters.back();
  }
  // Of a decoding cache's keys and values, for so many sequences of at most so many positions.
  std::pair<Shape, Shape> cache_shapes(std::int64_t agents, std::int64_t sequences,
                                       std::int64_t positions) const;
  std::int64_t parameters() const;  // of an agent
  // Multiply-adds of one token's forward pass beside attention's scores, twice over: floating-point
  // operations.
  double flops_a_token() const;

  std::vector<TensorSpec> tensors(const std::string& name, std::int64_t agents) const override;
  graph::Tensor apply(graph::Graph& g, std::span<const graph::Tensor> parameters, graph::Tensor x,
                      const std::string& label) const override;  // an Error: it takes sequences
  std::int64_t inputs() const override { return spec_.vocabulary; }
  std::int64_t outputs() const override { return spec_.width; }
  nlohmann::json describe() const override;

 private:
  TransformerSpec spec_;
};
using TransformerPtr = std::shared_ptr<const Transformer>;

}  // namespace hardy::nn
