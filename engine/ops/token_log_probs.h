// Log-probabilities of given tokens under a language model's head, without the logits of a batch ever in
// memory: product, log-softmax and choice in one op, chunk by chunk, computed again in the gradient.
#pragma once

#include "engine/graph/graph.h"
#include "engine/ops/attributes.h"

namespace hardy::ops {

struct TokenLogProbs {
  graph::Tensor log_prob, entropy;  // [A, N]
};

// hidden [A, N, d], f32 or f64; weight [A, V, d], or [1, V, d] for all agents; targets i32 [A, N], each in
// [0, V), or -1 for a row that is not asked for: 0 and 0, no gradient, no work. With z = W h / temperature
// and p = softmax(z): log_prob = log p_target, entropy = -sum_j p_j log p_j. A target past the last token
// gives NaN.
//
// Gradients by hidden and weight: dz_j = dlog_prob (1[j = target] - p_j) - dentropy p_j (log p_j + entropy).
// Rows whose two are both 0 add nothing and cost nothing on the CPU (on a device their share is an exact 0).
// A row's values and its gradient by hidden have the same bits whatever rows stand beside it; the weight's
// gradient is a sum over the rows that count, in their order. There is no second derivative. temperature > 0.
TokenLogProbs token_log_probs(graph::Graph& g, graph::Tensor hidden, graph::Tensor weight,
                              graph::Tensor targets, double temperature = 1);

}  // namespace hardy::ops
