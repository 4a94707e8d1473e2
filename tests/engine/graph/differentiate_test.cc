#include <cmath>

#include "engine/ops/random.h"
#include "engine/ops/take.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

TEST(Differentiate, SumsOverEveryPathToAValue) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF64, {1});
  const Tensor y = ops::multiply(g, x, ops::add(g, x, ops::square(g, x)));  // x^2 + x^3
  const Tensor d = graph::differentiate(g, y, {x})[0];
  Plan plan(g, {d});
  plan.data<double>(x)[0] = 3;
  ThreadTeam team;
  plan.run(team);
  EXPECT_DOUBLE_EQ(plan.data<double>(d)[0], 2 * 3 + 3 * 9);
}

TEST(Differentiate, GivesNothingWhereTheLossDoesNotDepend) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1, 3}), other = g.parameter("other", DType::kF32, {1, 3});
  const Tensor loss = ops::sum_per_agent(g, ops::multiply(g, ops::stop_gradient(g, other), x));
  const auto d = graph::differentiate(g, loss, {x, other});
  EXPECT_TRUE(d[0]);
  EXPECT_FALSE(d[1]);
}

TEST(Differentiate, AnAgentsGradientIsOfItsOwnLoss) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF64, {2, 2});
  const Tensor loss = ops::mean_per_agent(g, ops::square(g, x));
  const Tensor d = graph::differentiate(g, loss, {x})[0];
  Plan plan(g, {d});
  fill<double>(plan, x, {1, 2, 30, 40});
  ThreadTeam team;
  plan.run(team);
  EXPECT_EQ(read<double>(plan, d, {2, 2}), (std::vector<double>{1, 2, 30, 40}));
}

TEST(Differentiate, EqualGradientsHaveMemoryOfTheirOwn) {
  Graph g;
  const Tensor a = g.parameter("a", DType::kF32, {1, 2}), b = g.parameter("b", DType::kF32, {1, 2});
  const Tensor loss = ops::sum_per_agent(g, ops::square(g, ops::add(g, a, b)));
  const auto d = graph::differentiate(g, loss, {a, b});
  Plan plan(g, d);
  float da[2] = {}, db[2] = {};
  plan.bind(d[0], da);
  plan.bind(d[1], db);
  fill<float>(plan, a, {1, 2});
  ThreadTeam team;
  plan.run(team);
  EXPECT_EQ(da[1], 4);
  EXPECT_EQ(db[1], 4);
}

// f'' = d/dx of the nodes that compute f'.
double second_derivative(Tensor (*f)(Graph&, Tensor), double at) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF64, {1});
  const Tensor first = graph::differentiate(g, f(g, x), {x})[0];
  const Tensor second = graph::differentiate(g, first, {x})[0];
  Plan plan(g, {second});
  plan.data<double>(x)[0] = at;
  ThreadTeam team;
  plan.run(team);
  return plan.data<double>(second)[0];
}

TEST(Differentiate, RulesMayBeDifferentiatedAgain) {
  EXPECT_NEAR(second_derivative(ops::exp, 0.7), std::exp(0.7), 1e-15);
  EXPECT_NEAR(second_derivative(ops::log, 0.7), -1 / 0.49, 1e-14);
  EXPECT_EQ(second_derivative(ops::square, 0.7), 2);
  const double t = std::tanh(0.7), slope = 1 - t * t;  // (x tanh x)'' = 2 slope - 2 x t slope, where x > 0
  EXPECT_NEAR(second_derivative(
                  [](Graph& g, Tensor x) { return ops::multiply(g, x, ops::relu(g, ops::tanh(g, x))); }, 0.7),
              2 * slope - 2 * 0.7 * t * slope, 1e-14);
}

TEST(Differentiate, APenaltyOnASlopeAddsToTheGradient) {
  Graph g;  // Q = w a^3, dQ/da = 3 w a^2, d (dQ/da)^2 / dw = 18 w a^4
  const Tensor w = g.parameter("w", DType::kF64, {1}), a = g.parameter("a", DType::kF64, {1});
  const Tensor q = ops::multiply(g, w, ops::multiply(g, a, ops::square(g, a)));
  const Tensor slope = graph::differentiate(g, q, {a})[0];
  const Tensor d = graph::differentiate(g, ops::square(g, slope), {w})[0];
  Plan plan(g, {d});
  plan.data<double>(w)[0] = 0.5;
  plan.data<double>(a)[0] = 2;
  ThreadTeam team;
  plan.run(team);
  EXPECT_DOUBLE_EQ(plan.data<double>(d)[0], 18 * 0.5 * 16);
}

TEST(Differentiate, AnOpWithoutARuleIsNamedWithItsOperands) {
  static constexpr graph::Op kUnruly{.name = "unruly", .cpu = [](const graph::KernelCall&, ThreadTeam&) {}};
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1, 3}), other = g.input("other", DType::kF32, {1, 3});
  const Tensor y = g.apply(kUnruly, {x, other}, DType::kF32, {1, 3});
  expect_shape_error([&] { graph::differentiate(g, y, {x}); },
                     {"op unruly", "no gradient rule", "parameter x f32[1, 3]", "input other f32[1, 3]"});
  EXPECT_FALSE(graph::differentiate(g, ops::stop_gradient(g, y), {x})[0]);  // an end that is meant
  EXPECT_FALSE(graph::differentiate(g, y, {g.parameter("z", DType::kF32, {1, 3})})[0]);  // no way through it
}

TEST(Differentiate, AFormulasThirdDerivativeIsRefusedByName) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1});
  const Tensor first = graph::differentiate(g, ops::exp(g, x), {x})[0];
  const Tensor second = graph::differentiate(g, first, {x})[0];
  expect_shape_error([&] { graph::differentiate(g, second, {x}); }, {"op exp/d0/d0", "parameter x f32[1]"});
}

TEST(Differentiate, IntegersEndAGradientAndHaveNone) {
  Graph g;
  const Tensor logits = g.parameter("logits", DType::kF32, {1, 4, 3});
  const Tensor seeds = g.input("seeds", DType::kI32, {1, 2}), step = g.input("step", DType::kI32, {1, 2});
  const Tensor drawn = ops::random_categorical(g, logits, seeds, step, RandomStream::kUser);
  const Tensor loss = ops::sum_per_agent(g, ops::take(g, ops::stop_gradient(g, logits), drawn));
  EXPECT_FALSE(graph::differentiate(g, loss, {logits})[0]);
  expect_shape_error([&] { graph::differentiate(g, loss, {drawn}); }, {"f32 and f64", "i32[1, 4]"});
  expect_shape_error([&] { graph::differentiate(g, drawn, {logits}); }, {"f32 and f64", "i32[1, 4]"});
}

}  // namespace
}  // namespace hardy::test
