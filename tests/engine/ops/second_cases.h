// Everything that a loss can pass through, each as a small graph: what the tests of second derivatives walk,
// on the CPU against central differences and on a device against the CPU.
#pragma once

#include <string>
#include <vector>

#include "algorithms/offline/formulas.h"
#include "algorithms/online/formulas.h"
#include "engine/nn/formulas.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rms_norm.h"
#include "engine/ops/softmax.h"
#include "engine/ops/take.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {

struct SecondCase {
  std::string name;
  std::vector<Operand> operands;
  Build build;
};

// The gradient of |op|^2 / 2 by operand k: a value whose own gradients are the op's second derivatives.
inline Tensor first_derivative(Graph& g, const Build& build, const std::vector<Tensor>& operands,
                               std::size_t k) {
  const Tensor y = build(g, operands);
  const Tensor loss = ops::sum_to(g, ops::affine(g, ops::square(g, y), 0.5), Shape{1});
  return graph::differentiate(g, loss, {operands[k]})[0];
}

namespace second {

inline Tensor indices(Graph& g, std::int64_t n, std::int32_t limit) {
  return ops::random_index(g, n, g.scalar(DType::kI32, limit), g.input("seeds", DType::kI32, {2, 2}),
                           g.input("step", DType::kI32, {1, 2}), RandomStream::kUser);
}
template <class F>
SecondCase formula(const F& f, int n) {
  std::vector<Operand> operands(static_cast<std::size_t>(n), Operand{{2, 7}, 0.5, 2.5});
  operands[0] = {{2, 7}};
  return {F::kName, operands, [f, n](Graph& g, const std::vector<Tensor>& x) {
            if constexpr (requires(double s) { f(s); }) return ops::map(g, f, x[0]);
            if constexpr (requires(double s) { f(s, s); }) return ops::map(g, f, x[0], x[1]);
            if constexpr (requires(double s) { f(s, s, s); }) return ops::map(g, f, x[0], x[1], x[2]);
            if constexpr (requires(double s) { f(s, s, s, s, s); })
              return ops::map(g, f, x[0], x[1], x[2], x[3], x[4]);
          }};
}

}  // namespace second

inline std::vector<SecondCase> second_cases() {
  using Values = const std::vector<Tensor>&;
  using Unary = Tensor (*)(Graph&, Tensor);
  using Binary = Tensor (*)(Graph&, Tensor, Tensor);
  using Reduce = Tensor (*)(Graph&, Tensor, int);
  std::vector<SecondCase> all;
  const auto unary = [&](const char* name, Unary op, double low = -1.5) {
    all.push_back({name, {{{2, 7}, low, 2.0}}, [op](Graph& g, Values x) { return op(g, x[0]); }});
  };
  const auto binary = [&](const char* name, Binary op) {  // stretched, as most are somewhere
    all.push_back(
        {name, {{{2, 3, 4}}, {{2, 1, 4}, 0.5, 2.0}}, [op](Graph& g, Values x) { return op(g, x[0], x[1]); }});
  };
  const auto reduction = [&](const char* name, Reduce op) {
    all.push_back({name, {{{2, 5, 3}}}, [op](Graph& g, Values x) { return op(g, x[0], 1); }});
  };
  binary("add", ops::add);
  binary("subtract", ops::subtract);
  binary("multiply", ops::multiply);
  binary("divide", ops::divide);
  binary("minimum", ops::minimum);
  binary("maximum", ops::maximum);
  unary("copy", ops::copy);
  unary("affine", [](Graph& g, Tensor x) { return ops::affine(g, x, 1.7, -0.3); });
  unary("square", ops::square);
  unary("exp", ops::exp);
  unary("log", ops::log, 0.4);
  unary("softplus", ops::softplus);
  unary("clamp", [](Graph& g, Tensor x) { return ops::clamp(g, x, -0.5, 0.75); });
  unary("relu", ops::relu);
  unary("tanh", ops::tanh);
  unary("gelu", ops::gelu);
  unary("silu", ops::silu);
  unary("softmax", ops::softmax);
  unary("log_softmax", ops::log_softmax);
  reduction("sum", ops::sum);
  reduction("mean", ops::mean);
  reduction("max", ops::max);
  reduction("min", ops::min);
  reduction("logsumexp", ops::logsumexp);
  all.push_back(
      {"linear", {{{2, 3, 4}}, {{2, 4, 5}}}, [](Graph& g, Values x) { return ops::linear(g, x[0], x[1]); }});
  all.push_back({"linear, members", {{{2, 3, 3, 4}}, {{2, 3, 4, 5}}}, [](Graph& g, Values x) {
                   return ops::linear(g, x[0], x[1]);
                 }});
  all.push_back({"linear, members that share x", {{{2, 3, 4}}, {{2, 3, 4, 5}}}, [](Graph& g, Values x) {
                   return ops::linear(g, x[0], x[1]);
                 }});
  all.push_back({"add_bias", {{{2, 3, 5}}, {{2, 5}}}, [](Graph& g, Values x) {
                   return ops::square(g, ops::add_bias(g, x[0], x[1]));
                 }});
  all.push_back({"rms_norm", {{{2, 3, 2, 6}}, {{1, 6}, 0.5, 1.5}}, [](Graph& g, Values x) {
                   return ops::rms_norm(g, x[0], x[1], 1e-3);
                 }});
  all.push_back({"layer_norm", {{{2, 3, 6}}, {{2, 6}, 0.5, 1.5}, {{2, 6}}}, [](Graph& g, Values x) {
                   return ops::layer_norm(g, x[0], x[1], x[2], 1e-5);
                 }});
  all.push_back({"gather_rows", {{{2, 5, 3}}}, [](Graph& g, Values x) {
                   return ops::square(g, ops::gather_rows(g, x[0], second::indices(g, 9, 5)));
                 }});
  all.push_back({"take", {{{2, 9, 5}}}, [](Graph& g, Values x) {
                   return ops::square(g, ops::take(g, x[0], second::indices(g, 9, 5)));
                 }});
  all.push_back({"concat and slice", {{{2, 3, 2}}, {{2, 3, 4}}}, [](Graph& g, Values x) {
                   const std::vector<Tensor> both{x[0], x[1]};
                   return ops::square(g, ops::slice(g, ops::concat(g, both, -1), -1, 1, 5));
                 }});
  all.push_back({"stretch", {{{2, 1, 3}}}, [](Graph& g, Values x) {
                   return ops::square(g, ops::stretch(g, x[0], {2, 4, 3}));
                 }});
  all.push_back({"reshape", {{{2, 6}}}, [](Graph& g, Values x) {
                   return ops::exp(g, ops::reshape(g, x[0], {2, 2, 3}));
                 }});
  all.push_back({"quantile", {{{2, 5, 3}}}, [](Graph& g, Values x) {
                   return ops::square(g, ops::quantile(g, x[0], 0.3, 1));
                 }});
  all.push_back(second::formula(algorithms::Expectile{0.7}, 1));
  all.push_back(second::formula(algorithms::BootstrapTarget{0.99}, 3));
  all.push_back(second::formula(algorithms::Huber{}, 2));
  all.push_back(second::formula(algorithms::AdvantageWeight{3.0, 100.0}, 1));
  all.push_back(second::formula(algorithms::Magnitude{}, 1));
  all.push_back({"root", {{{2, 7}, 0.5, 2.5}}, [](Graph& g, Values x) {
                   return ops::map(g, algorithms::Root{}, x[0]);
                 }});
  all.push_back(second::formula(algorithms::UniformOfNormal{}, 1));
  all.push_back(second::formula(algorithms::SoftTarget{0.99f}, 5));
  all.push_back(second::formula(algorithms::ActorLoss{}, 3));
  all.push_back(second::formula(algorithms::TemperatureLoss{-3.0f}, 2));
  all.push_back(second::formula(nn::Reparameterise{}, 3));
  all.push_back(second::formula(nn::NormalLogDensity{}, 3));
  all.push_back(second::formula(nn::SquashedLogDensity{}, 3));
  all.push_back(second::formula(nn::Squash{}, 1));
  return all;
}

}  // namespace hardy::test
