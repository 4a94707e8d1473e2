// Tokens drawn from a language model's head, with the log-probabilities that token_log_probs gives for them.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

struct Sampled {
  graph::Tensor token;              // i32 [A, N]
  graph::Tensor log_prob, entropy;  // [A, N], of the hidden rows' type
};

// hidden [A, N, d], f32 or f64; weight [A, V, d], or [1, V, d] for all agents; keys i32 [A, N, 4]: a row's
// own words, of which its draw is a function, with the agent's seed (seeds i32 [A, 2], its low and high
// word), and nothing else: not of its place nor of the rows beside it. The four words are a Philox counter
// under a key that RandomStream::kToken of the seed gives, so that no other draw of the seed shares a number
// with them.
//
// One uniform a row picks the token at which the probabilities softmax(W h / temperature), added in the order
// of the tokens, pass it. At temperature 0 it is the largest logit's, the first of equal ones, and log_prob
// and entropy are those at temperature 1. On the CPU log_prob and entropy have the bits of token_log_probs of
// the same row, weight, temperature and token. Nothing has a gradient.
Sampled sample_tokens(graph::Graph& g, graph::Tensor hidden, graph::Tensor weight, graph::Tensor keys,
                      graph::Tensor seeds, double temperature);

}  // namespace hardy::ops
