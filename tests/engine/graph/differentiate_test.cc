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

TEST(Differentiate, RulesMayBeDifferentiatedAgain) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF64, {1});
  const Tensor y = ops::multiply(g, x, ops::relu(g, ops::tanh(g, x)));
  const Tensor first = graph::differentiate(g, y, {x})[0];
  const Tensor second = graph::differentiate(g, first, {x})[0];
  ASSERT_TRUE(second);
}

}  // namespace
}  // namespace hardy::test
