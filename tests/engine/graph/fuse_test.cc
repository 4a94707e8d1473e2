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

// What a device's plan does in one pass is, on the CPU as well, the gradient and its sum over the batch.
TEST(Fuse, TheMaskedGradientWithItsSumIsTheMaskedGradientAndTheBiasGradient) {
  Graph g;
  const Tensor dy = g.input("dy", DType::kF32, {2, 5, 3}), w = g.parameter("w", DType::kF32, {2, 4, 3}),
               y = g.input("y", DType::kF32, {2, 5, 4});
  const std::array both{std::pair{DType::kF32, Shape{2, 5, 4}}, std::pair{DType::kF32, Shape{2, 4}}};
  const std::vector<Tensor> joined =
      g.apply(ops::kLinearInputGradientReluBias, std::array{dy, w, y}, both, nullptr, 0);
  const Tensor dx = g.apply(ops::kLinearInputGradientRelu, {dy, w, y}, DType::kF32, {2, 5, 4}),
               db = g.apply(ops::kBiasGradient, {dx}, DType::kF32, {2, 4});
  Plan plan(g, {joined[0], joined[1], dx, db}, {.fuse = false});
  const Random random(1, RandomStream::kUser);
  for (const Tensor t : {dy, w, y})
    for (std::int64_t i = 0; i < g.shape(t).elements(); ++i)
      plan.data<float>(t)[i] = random.normal(static_cast<std::uint64_t>(100 * t.id + i));
  ThreadTeam team;
  plan.run(team);
  int masked = 0;
  for (std::int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(plan.data<float>(joined[0])[i], plan.data<float>(dx)[i]);
    masked += plan.data<float>(joined[0])[i] == 0;
  }
  EXPECT_GT(masked, 5);
  for (std::int64_t i = 0; i < 8; ++i) EXPECT_EQ(plan.data<float>(joined[1])[i], plan.data<float>(db)[i]);
  EXPECT_NE(plan.data<float>(db)[0], 0.0f);
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
