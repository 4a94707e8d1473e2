#include "engine/graph/fuse.h"

#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

struct Layer {
  Graph g;
  Tensor x = g.input("x", DType::kF32, {1, 4, 3}), w = g.parameter("w", DType::kF32, {1, 3, 3}),
         b = g.parameter("b", DType::kF32, {1, 3});
  Tensor apply(Tensor t) { return ops::add_bias(g, ops::linear(g, t, w), b); }
};

TEST(Fuse, ALayerAndItsGradientsAreFourKernels) {
  Layer l;
  const Tensor h = ops::relu(l.g, l.apply(l.x));
  const Tensor y = l.apply(h);
  const auto d = graph::differentiate(l.g, ops::sum_per_agent(l.g, y), {l.w, l.b, l.x});
  const std::string steps = Plan(l.g, d).describe();
  EXPECT_NE(steps.find("linear_bias [1, 4, 3]"), std::string::npos) << steps;
  EXPECT_NE(steps.find("linear_input_gradient_relu"), std::string::npos) << steps;
  EXPECT_NE(steps.find("linear_weight_bias_gradient"), std::string::npos) << steps;
  EXPECT_EQ(steps.find("relu_gradient\n"), std::string::npos) << steps;
  EXPECT_EQ(steps.find("bias_gradient [1, 3]\nbias"), std::string::npos) << steps;
}

TEST(Fuse, KeepsTheInnerOfTwoActivations) {
  Layer l;
  const Tensor y = ops::tanh(l.g, ops::relu(l.g, l.apply(l.x)));
  ThreadTeam team;
  Plan plan(l.g, {y});
  fill<float>(plan, l.b, {-3, -3, -3});
  plan.run(team);
  EXPECT_EQ(plan.data<float>(y)[0], 0);  // tanh(relu(-3)), not tanh(-3)
}

TEST(Fuse, LeavesAloneWhatAnOutputOrAnotherReaderNeeds) {
  Layer l;
  const Tensor product = ops::linear(l.g, l.x, l.w), z = ops::add_bias(l.g, product, l.b),
               y = ops::relu(l.g, z);
  ThreadTeam team;
  Plan plan(l.g, {product, z, y});
  fill<float>(plan, l.x, std::vector<double>(12, 1));
  fill<float>(plan, l.w, std::vector<double>(9, 1));
  fill<float>(plan, l.b, {-4, 0, 4});
  plan.run(team);
  EXPECT_EQ(plan.data<float>(product)[0], 3);
  EXPECT_EQ(plan.data<float>(z)[0], -1);
  EXPECT_EQ(plan.data<float>(y)[0], 0);
  EXPECT_EQ(plan.data<float>(y)[2], 7);
}

}  // namespace
}  // namespace hardy::test
