#include "algorithms/post_training/estimator.h"

#include <cmath>
#include <cstdio>

#include "engine/base/error.h"
#include "engine/base/registry.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"

namespace hardy::algorithms {
namespace {

using graph::Graph;
using graph::Tensor;

// --- the table

using Parts = std::pair<const char*, Estimator>;  // what it is, and its parts

Estimator parts(const TokenCoefficient& token, Advantage advantage, Aggregation aggregation) {
  Estimator e;
  e.token = token;
  e.advantage.kind = advantage;
  e.aggregation = aggregation;
  return e;
}

Registry<Parts> make_table() {
  using enum Aggregation;
  const TokenCoefficient plain{}, imitates{.reference = Reference::kPolicy},
      ratio{.reference = Reference::kBehaviour},
      clip{.mask = Mask::kClip, .reference = Reference::kBehaviour},
      wide{.mask = Mask::kClip, .reference = Reference::kBehaviour, .high = 0.28},
      raw{.reference = Reference::kOne};
  Registry<Parts> all("estimator", "estimator");
  const auto row = [&](const char* name, const char* about, const TokenCoefficient& token, Advantage a,
                       Aggregation w, bool union_group = false) {
    Estimator e = parts(token, a, w);
    e.union_group = union_group;
    all.add(name, {about, e});
  };
  row("sft", "supervised fine-tuning, cloning: demonstrations as they are", imitates, Advantage::kOne,
      kSequenceMean);
  row("reinforce", "REINFORCE", plain, Advantage::kReturn, kTokenSum);
  row("ppo", "PPO's clip, advantages given", clip, Advantage::kReturn, kTokenMean);
  row("grpo", "GRPO", clip, Advantage::kStandardised, kSequenceMean);
  row("dr_grpo", "Dr.GRPO: no deviation, a constant for the length", clip, Advantage::kCentred,
      kTokenSumFixed);
  row("rloo", "REINFORCE, leave one out: unbiased", plain, Advantage::kLeaveOneOut, kTokenSum);
  row("dapo", "DAPO: clip-higher, mean over tokens", wide, Advantage::kStandardised, kTokenMean);
  row("dual_clip", "PPO with a second clip for A < 0",
      {.mask = Mask::kDualClip, .reference = Reference::kBehaviour}, Advantage::kReturn, kTokenMean);
  row("cispo", "CISPO, the ratio capped above",
      {.mask = Mask::kCap, .reference = Reference::kBehaviour, .low = 1, .high = 0.28},
      Advantage::kStandardised, kTokenMean);
  row("cispo_two_sided", "CISPO, the ratio held on both sides",
      {.mask = Mask::kCap, .reference = Reference::kBehaviour, .high = 0.28}, Advantage::kStandardised,
      kTokenMean);
  row("gspo", "GSPO: the sequence's ratio", {.mask = Mask::kClip, .reference = Reference::kSequence},
      Advantage::kStandardised, kSequenceMean);
  row("sapo", "SAPO: a soft mask", {.mask = Mask::kSoft, .reference = Reference::kBehaviour},
      Advantage::kStandardised, kSequenceMean);
  row("tis", "truncated importance sampling", {.reference = Reference::kTruncated}, Advantage::kCentred,
      kTokenSumFixed);
  row("icepop", "masked importance sampling",
      {.mask = Mask::kBand, .reference = Reference::kBehaviour, .low = 0.5, .high = 1},
      Advantage::kStandardised, kSequenceMean);
  row("srft_demonstrations", "SRFT's demonstrations", raw, Advantage::kStandardised, kTokenSumTotal, true);
  row("luffy_demonstrations", "LUFFY's demonstrations: a reshaped likelihood",
      {.reference = Reference::kOne, .likelihood = Likelihood::kShaped}, Advantage::kCentred, kTokenSumTotal,
      true);
  row("dft", "reward-rectified fine-tuning", raw, Advantage::kOne, kSequenceMean);
  row("awr", "advantage-weighted regression", imitates, Advantage::kExponential, kTokenSum);
  row("awr_demonstrations", "its demonstrations, in the group", imitates, Advantage::kExponential, kTokenSum,
      true);
  row("rft", "rejection-sampling fine-tuning: what succeeded is imitated",
      {.mask = Mask::kPositive, .reference = Reference::kPolicy}, Advantage::kReturn, kSequenceMean);
  row("importance", "importance sampling without a mask", ratio, Advantage::kCentred, kTokenSumFixed);
  return all;
}

const Registry<Parts>& table() {
  static const Registry<Parts> all = make_table();
  return all;
}

// --- words

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}
std::string interval(double low, double high) { return "[" + number(low) + ", " + number(high) + "]"; }

std::string words(const TokenCoefficient& t) {
  const bool sequence = t.reference == Reference::kSequence;
  const std::string q = sequence ? "s" : "r", within = interval(1 - t.low, 1 + t.high);
  const std::string clip = "1[not (A > 0 and " + q + " > " + number(1 + t.high) + " or A < 0 and " + q +
                           " < " + number(1 - t.low) + ")] ";
  std::string text;
  switch (t.mask) {
    case Mask::kNone:
      break;
    case Mask::kClip:
      text = clip;
      break;
    case Mask::kDualClip:
      text = clip + "1[not (A < 0 and " + q + " > " + number(t.dual) + ")] ";
      break;
    case Mask::kCap:
      text = "clip(" + q + ", " + number(1 - t.low) + ", " + number(1 + t.high) + ") / " + q + " ";
      break;
    case Mask::kSoft:
      text = "4 sg (1 - sg), sg = sigmoid(tau (" + q + " - 1)), tau = " + number(t.tau_positive) +
             " for A > 0, " + number(t.tau_negative) + " else; times ";
      break;
    case Mask::kBand:
      text = "1[" + q + " in " + within + "] ";
      break;
    case Mask::kPositive:
      text = "1[A > 0] ";
      break;
  }
  switch (t.reference) {
    case Reference::kPolicy:
      break;
    case Reference::kBehaviour:
      text += "exp(log pi - log pi_old) ";
      break;
    case Reference::kTruncated:
      text += "min(exp(log pi - log pi_old), " + number(t.cap) + ") ";
      break;
    case Reference::kSequence:
      text += "exp(mean over the sequence of (log pi - log pi_old)) ";
      break;
    case Reference::kOne:
      text += "pi ";
      break;
  }
  if (t.likelihood == Likelihood::kShaped) text += number(t.shape) + " / (pi + " + number(t.shape) + ")^2 ";
  return text;
}

std::string words(const AdvantageSettings& a, bool union_group) {
  const std::string mean = union_group ? "mean with the demonstration" : "mean";
  switch (a.kind) {
    case Advantage::kOne:
      return "1";
    case Advantage::kReturn:
      return "R";
    case Advantage::kCentred:
      return "(R - " + mean + ")";
    case Advantage::kStandardised:
      return "(R - " + mean + ") / (std + " + number(a.epsilon) + ")";
    case Advantage::kLeaveOneOut:
      return "(R - mean of the others)";
    case Advantage::kExponential:
      return "min(exp((R - " + mean + ") / " + number(a.lambda) + "), " + number(a.cap) + ")";
  }
  return "";
}

std::string words(Aggregation w, double max_length) {
  const std::string longest = max_length > 0 ? number(max_length) : "Lmax";
  switch (w) {
    case Aggregation::kSequenceMean:
      return "1 / (B L)";
    case Aggregation::kTokenMean:
      return "1 / (sum of all L)";
    case Aggregation::kTokenSum:
      return "1 / B";
    case Aggregation::kTokenSumFixed:
      return "1 / (B " + longest + ")";
    case Aggregation::kTokenSumTotal:
      return "1 / " + longest;
  }
  return "";
}

std::string words(Divergence d) {
  switch (d) {
    case Divergence::kNone:
      return "";
    case Divergence::kK1:
      return "1";
    case Divergence::kK3:
      return "(1 - exp(log pi_reference - log pi))";
    case Divergence::kK2:
    case Divergence::kRatioK3:
      return "(log pi - log pi_reference)";
  }
  return "";
}

bool needs_length(Aggregation w) {
  return w == Aggregation::kTokenSumFixed || w == Aggregation::kTokenSumTotal;
}

void require(bool right, const std::string& key, double value, const std::string& range) {
  if (!right) throw Error("is not " + range, key + " " + number(value));
}

}  // namespace

std::string Estimator::explain() const {
  std::string text =
      "c = " + words(aggregation, max_length) + " " + words(token) + words(advantage, union_group);
  if (divergence != Divergence::kNone && divergence_weight != 0)
    text +=
        " - " + words(aggregation, max_length) + " " + number(divergence_weight) + " " + words(divergence);
  if (token.reference == Reference::kSequence)
    text += "; s = exp(mean over the sequence of (log pi - log pi_old))";
  else if (token.mask != Mask::kNone && token.mask != Mask::kPositive)
    text += "; r = exp(log pi - log pi_old)";
  return text;
}

std::vector<std::string> Estimator::doubts() const {
  std::vector<std::string> all;
  if (divergence == Divergence::kK1 && divergence_weight != 0)
    all.push_back(
        "k1 in the loss has no gradient in expectation: nothing holds the policy near its reference; k2 "
        "has the gradient of KL(pi || reference)");
  if (divergence == Divergence::kK3 && divergence_weight != 0)
    all.push_back(
        "k3 in the loss has the gradient of KL(reference || pi), the other direction; k2 has that of "
        "KL(pi || reference)");
  if (token.reference == Reference::kSequence && aggregation != Aggregation::kSequenceMean)
    all.push_back(
        "a sequence's ratio with an aggregation that is no mean over each sequence weighs long "
        "sequences by their length");
  if (token.mask == Mask::kCap)
    all.push_back(token.low >= 1 ? "there are two CISPOs: this one caps the ratio above alone; "
                                   "cispo_two_sided holds it on both sides"
                                 : "there are two CISPOs: this one holds the ratio on both sides; cispo caps "
                                   "it above alone");
  if (token.reference == Reference::kOne)
    all.push_back("pi_ref = 1 is no unbiased estimate: the least likely tokens get the least gradient");
  return all;
}

void Estimator::check(bool densities) const {
  require(token.low >= 0 && token.low <= 1, "clip-low", token.low, "within [0, 1]");
  require(token.high >= 0 && std::isfinite(token.high), "clip-high", token.high, "at least 0");
  require(token.dual > 1, "dual-clip", token.dual, "above 1");
  require(token.cap > 0, "ratio-cap", token.cap, "above 0");
  require(token.shape > 0, "shape", token.shape, "above 0");
  require(advantage.epsilon >= 0, "std-epsilon", advantage.epsilon, "at least 0");
  require(advantage.lambda > 0, "lambda", advantage.lambda, "above 0");
  require(divergence_weight >= 0 && std::isfinite(divergence_weight), "kl-weight", divergence_weight,
          "at least 0");
  if (needs_length(aggregation)) require(max_length >= 1, "max-length", max_length, "at least 1");
  if (densities && (token.reference == Reference::kOne || token.likelihood == Likelihood::kShaped))
    throw Error("a density has a unit and may exceed 1: pi_ref = 1 has no meaning for continuous actions",
                token.likelihood == Likelihood::kShaped ? "likelihood shaped" : "reference one",
                "take pi_old or pi_theta as the reference");
}

Estimator estimator_named(const std::string& name) { return table().get(name).second; }

std::vector<std::pair<std::string, std::string>> estimators() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, parts] : table()) all.emplace_back(name, parts.first);
  return all;
}

double token_weight(Aggregation aggregation, double length, double sequences, double tokens,
                    double max_length) {
  switch (aggregation) {
    case Aggregation::kSequenceMean:
      return 1 / (sequences * length);
    case Aggregation::kTokenMean:
      return 1 / tokens;
    case Aggregation::kTokenSum:
      return 1 / sequences;
    case Aggregation::kTokenSumFixed:
      return 1 / (sequences * max_length);
    case Aggregation::kTokenSumTotal:
      return 1 / max_length;
  }
  return 0;
}

Tensor coefficients(Graph& g, const Estimator& e, const EstimatorInputs& in) {
  const Tensor log_prob = ops::stop_gradient(g, in.log_prob);
  const Tensor log_ratio = ops::multiply(g, ops::subtract(g, log_prob, in.log_behaviour), in.token);
  const Tensor mean_log_ratio = ops::divide(g, ops::sum(g, log_ratio, 2), in.length);
  Tensor c = ops::map(g, e.token, log_prob, in.log_behaviour, mean_log_ratio, in.advantage);
  if (e.divergence != Divergence::kNone && e.divergence_weight != 0) {
    if (!in.log_reference) throw Error("a divergence needs log-probabilities of its reference", "estimator");
    const Tensor pull = ops::map(g, DivergenceCoefficient{e.divergence}, log_prob, *in.log_reference);
    c = ops::add(g, c, ops::affine(g, pull, e.divergence_weight));
  }
  return ops::stop_gradient(g, ops::multiply(g, c, ops::multiply(g, in.weight, in.token)));
}

Tensor sum_of_sequences(Graph& g, Tensor x) { return ops::sum_per_agent(g, ops::sum(g, x, -1)); }

Tensor policy_gradient_loss(Graph& g, const Estimator& e, const EstimatorInputs& in) {
  return ops::negate(g, sum_of_sequences(g, ops::multiply(g, coefficients(g, e, in), in.log_prob)));
}

}  // namespace hardy::algorithms
