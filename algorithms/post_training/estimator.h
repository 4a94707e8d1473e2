// The unified policy-gradient estimator: every method of post-training is
//
//   grad = sum_t w_t 1_stable (1 / pi_ref) A grad pi = sum_t c_t grad log pi(a_t)
//
// with four parts chosen apart, mask, reference policy, advantage, likelihood, and an aggregation w. c is a
// detached number a token (or a step of a control policy), so that a method is a way to fill c and one
// backward pass of a weighted log-likelihood. Hybrid Post-Training (arXiv 2509.04419), table of instances.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/post_training/advantages.h"
#include "algorithms/post_training/formulas.h"
#include "engine/graph/graph.h"

namespace hardy::algorithms {

// w_t. The same data under another one is another objective; B sequences and their lengths are those of the
// whole optimiser batch, however it is split.
enum class Aggregation {
  kSequenceMean,   // 1 / (B L_i): GRPO's paper, GSPO
  kTokenMean,      // 1 / sum L: DAPO
  kTokenSum,       // 1 / B: REINFORCE
  kTokenSumFixed,  // 1 / (B Lmax): Dr.GRPO
  kTokenSumTotal   // 1 / Lmax: HPT's and LUFFY's scripts
};

struct Estimator {
  TokenCoefficient token;
  AdvantageSettings advantage;
  Aggregation aggregation = Aggregation::kTokenSumFixed;
  double max_length = 0;  // Lmax of the last two, in tokens
  Divergence divergence = Divergence::kNone;
  double divergence_weight = 0;
  bool union_group = false;  // the demonstration's return counts in its prompt's mean: SRFT, LUFFY

  // c as a formula, with this estimator's numbers: "c = w 1[...] exp(log pi - log pi_old) (R - mean)".
  std::string explain() const;
  // What is doubtful about the mix: a line each, none where nothing is.
  std::vector<std::string> doubts() const;
  // An Error that says what would be right: numbers outside their ranges, and pi_ref = 1 or a reshaped
  // likelihood where the policy gives densities.
  void check(bool densities) const;
};

// Rows of the table: "sft", "grpo", "dr_grpo", "rloo", "dapo", "gspo", "cispo", ...; an unknown name is an
// Error with the nearest.
Estimator estimator_named(const std::string& name);
std::vector<std::pair<std::string, std::string>> estimators();  // name, what it is

// w of a token of sequence i: `length` its own, the rest of the whole optimiser batch.
double token_weight(Aggregation aggregation, double length, double sequences, double tokens,
                    double max_length);

// [A, B, T] all: log pi, log pi_old (what the rollout saw; the policy's own where there was none), token (1
// where a token counts, 0 for prompt and padding), weight (w_t). advantage [A, B, 1], length [A, B, 1] (of
// each sequence, at least 1), log_reference only with a divergence.
struct EstimatorInputs {
  graph::Tensor log_prob, log_behaviour, token, weight, advantage, length;
  std::optional<graph::Tensor> log_reference;
};

// c [A, B, T], detached, 0 where `token` is.
graph::Tensor coefficients(graph::Graph& g, const Estimator& estimator, const EstimatorInputs& in);
// The sum of x [A, B, T] by agent, each sequence's first: zeros behind a sequence's end change no bit of it.
graph::Tensor sum_of_sequences(graph::Graph& g, graph::Tensor x);
// - sum_t c_t log pi(a_t): [A]. Its gradient is minus the estimator's; its value says nothing.
graph::Tensor policy_gradient_loss(graph::Graph& g, const Estimator& estimator, const EstimatorInputs& in);

}  // namespace hardy::algorithms
