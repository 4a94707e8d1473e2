// The optimisers' formulas, written once for the CPU's loops (optimise.cc) and a device's kernels
// (cuda/nn/descent.cu): nothing but scalars in this header.
#pragma once

#include <cmath>
#include <cstdint>

namespace hardy::nn {

struct GroupSettings {
  enum class Rule { kAdam, kAdamW, kSgd, kStay };  // kStay: values stay, their averages follow
  Rule rule = Rule::kAdam;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  // kAdam, kSgd: added to the gradient; kAdamW: decoupled (Loshchilov, Hutter 2019)
  double momentum = 0;      // kSgd: b <- momentum b + gradient, value <- value - rate b
  double max_grad_norm = 0;     // 2-norm per agent over the group's tensors, before any decay; 0: no clipping
  double polyak = 0;            // target <- (1 - polyak) target + polyak value
  bool average_in_step = true;  // false: targets move in average() alone
};

// A group's numbers in one step, each rounded once from double: 1 - 0.999f is off by 1e-5 of itself. One
// division an element, for rate / bias1 * m / (sqrt(v) / root_bias2 + epsilon) with root_bias2 taken out of
// the brackets:
//   rate = learning rate * root_bias2 / bias1, epsilon = epsilon * root_bias2
struct DescentRates {
  GroupSettings::Rule rule;
  float rate, beta1, rest1, beta2, rest2, epsilon, decay, keep, momentum, polyak;
};

// Of step t, counted from 1.
constexpr DescentRates descent_rates(const GroupSettings& s, double learning_rate, double t) {
  using Rule = GroupSettings::Rule;
  const double bias1 = 1 - std::pow(s.beta1, t), root_bias2 = std::sqrt(1 - std::pow(s.beta2, t));
  const auto f = [](double x) { return static_cast<float>(x); };
  const bool sgd = s.rule == Rule::kSgd, decoupled = s.rule == Rule::kAdamW;
  return {s.rule,
          f(sgd ? learning_rate : learning_rate * root_bias2 / bias1),
          f(s.beta1),
          f(1 - s.beta1),
          f(s.beta2),
          f(1 - s.beta2),
          f(s.epsilon * root_bias2),
          decoupled ? 0.0f : f(s.weight_decay),
          decoupled ? f(1 - learning_rate * s.weight_decay) : 1.0f,
          f(s.momentum),
          f(s.polyak)};
}

// What gradients are multiplied by, of the sum of their squares: min(1, max_norm / (norm + 1e-6)), PyTorch's
// clip_grad_norm_; a norm that is NaN spreads, as it does there. max_norm 0: 1.
constexpr float clip_factor(double max_norm, double squares) {
  if (max_norm <= 0) return 1.0f;
  const double scale = max_norm / (std::sqrt(squares) + 1e-6);
  return scale > 1 ? 1.0f : static_cast<float>(scale);
}

// An element that several passes give in turn (engine/nn/accumulate.h), and the sum beside it, after pass
// `pass` of `passes`: the passes' mean after the last.
struct PassSum {
  float value, sum;
};
constexpr PassSum accumulated(float value, float sum, std::int64_t pass, std::int64_t passes) {
  const float now = pass == 0 ? value : sum + value;
  return {pass + 1 < passes ? value : now / static_cast<float>(passes), now};
}
// The sum so far, of passes whose number nobody knows.
constexpr PassSum added(float value, float sum, std::int64_t pass) {
  const float total = pass == 0 ? value : sum + value;
  return {total, total};
}

// An element after the step, and its moments.
struct Descended {
  float value, first, second;
};
constexpr Descended adam(const DescentRates& r, float clip, float gradient, float value, float first,
                         float second) {
  const float g = gradient * clip + r.decay * value;
  const float m = r.beta1 * first + r.rest1 * g;
  const float v = r.beta2 * second + r.rest2 * g * g;
  return {value * r.keep - r.rate * m / (std::sqrt(v) + r.epsilon), m, v};
}
// `first`: the momentum, where the group has one.
constexpr Descended sgd(const DescentRates& r, float clip, float gradient, float value, bool has_momentum,
                        float first) {
  const float g = gradient * clip + r.decay * value;
  const float direction = has_momentum ? r.momentum * first + g : g;
  return {value - r.rate * direction, direction, 0};
}
constexpr float averaged(float target, float value, float polyak) {
  return (1 - polyak) * target + polyak * value;
}

}  // namespace hardy::nn
