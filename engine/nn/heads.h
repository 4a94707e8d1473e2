// What turns a network's outputs into actions and their log-probabilities. Rollout and training use
// these same functions, so that an importance ratio is exactly 1 before the first update.
#pragma once

#include "engine/base/random.h"
#include "engine/graph/graph.h"

namespace hardy::nn {

struct ActionSample {
  graph::Tensor action;    // [A, B, act], or i32 [A, B] of a choice
  graph::Tensor log_prob;  // [A, B]
};

// a = tanh(mean + e^log_std noise); log pi(a) = sum_d log N(u_d) - log(1 - tanh(u_d)^2), the last term in
// its overflow-free form 2 (log 2 - u - softplus(-2u)). All operands [A, B, act].
ActionSample tanh_gaussian(graph::Graph& g, graph::Tensor mean, graph::Tensor log_std, graph::Tensor noise);

// The log-density of the same law at an action that is given, [A, B]: with u = artanh a, sum_d log N(u_d) -
// log(1 - a_d^2). An action of +-1, as float32 rounds tanh(u) from |u| > 8.7 on, counts as the last number
// before it. All operands [A, B, act].
graph::Tensor tanh_gaussian_log_prob(graph::Graph& g, graph::Tensor mean, graph::Tensor log_std,
                                     graph::Tensor action);

// log N(action; mean, e^log_std), summed over the action's axis: [A, B]. log_std [A, B, act] or [A, 1, act].
graph::Tensor gaussian_log_prob(graph::Graph& g, graph::Tensor mean, graph::Tensor log_std,
                                graph::Tensor action);

// mean + e^log_std noise and its log-probability.
ActionSample gaussian(graph::Graph& g, graph::Tensor mean, graph::Tensor log_std, graph::Tensor noise);

// A choice among n. logits [A, B, n], action i32 [A, B]: log pi(a) = logit_a - log sum_k e^logit_k, [A, B].
graph::Tensor categorical_log_prob(graph::Graph& g, graph::Tensor logits, graph::Tensor action);
// - sum_k pi(k) log pi(k), [A, B]; at most log n.
graph::Tensor categorical_entropy(graph::Graph& g, graph::Tensor logits);
// A draw (ops::random_categorical: action i32 [A, B]) and its log-probability.
ActionSample categorical(graph::Graph& g, graph::Tensor logits, graph::Tensor seeds, graph::Tensor step,
                         RandomStream stream);

}  // namespace hardy::nn
