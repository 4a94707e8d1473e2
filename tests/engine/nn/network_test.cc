// Networks by what they say of themselves.
#include "engine/nn/network.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/nn/mlp.h"

namespace hardy::nn {
namespace {

// Two layers of width 1 with weights 2 and 3 and biases 0.5 and -1, at x = -2 and 1.5.
std::vector<float> outputs(const Architecture& network) {
  graph::Graph g;
  std::vector<graph::Tensor> parameters;
  for (const TensorSpec& t : network.tensors("n", 1))
    parameters.push_back(g.parameter(t.name, DType::kF32, t.shape));
  const graph::Tensor x = g.input("x", DType::kF32, {1, 2, 1});
  const graph::Tensor y = network.apply(g, parameters, x, "n");
  graph::Plan plan(g, {y});
  const float values[] = {2, 0.5f, 3, -1};
  for (std::size_t i = 0; i < parameters.size(); ++i) plan.data<float>(parameters[i])[0] = values[i];
  plan.data<float>(x)[0] = -2;
  plan.data<float>(x)[1] = 1.5f;
  ThreadTeam team(1);
  plan.run(team);
  return {plan.data<float>(y), plan.data<float>(y) + 2};
}

TEST(Architecture, AnMlpThatWasMadeOfItsDescriptionIsTheSameFunction) {
  const double below = -3.5, above = 3.5;  // of the first layer
  const std::pair<Nonlinearity, std::pair<double, double>> all[] = {
      {Nonlinearity::kRelu, {0, above}},
      {Nonlinearity::kTanh, {std::tanh(below), std::tanh(above)}},
      {Nonlinearity::kGelu,
       {below * 0.5 * std::erfc(-below / std::sqrt(2.0)), above * 0.5 * std::erfc(-above / std::sqrt(2.0))}},
      {Nonlinearity::kSilu, {below / (1 + std::exp(-below)), above / (1 + std::exp(-above))}}};
  for (const auto& [nonlinearity, hidden] : all) {
    const ArchitecturePtr network = mlp({{1, 1, 1}, 0, nonlinearity, {}}),
                          again = described(network->describe(), "a file");
    EXPECT_EQ(network->describe(), again->describe());
    const std::vector<float> y = outputs(*again);
    EXPECT_NEAR(y[0], 3 * hidden.first - 1, 1e-5) << network->describe();
    EXPECT_NEAR(y[1], 3 * hidden.second - 1, 1e-5) << network->describe();
  }
}

TEST(Architecture, AnEnsembleKeepsItsMembersAndAVectorItsSize) {
  const ArchitecturePtr ensemble = described(mlp({{7, 16, 2}, 5, Nonlinearity::kRelu, {}})->describe(), "f");
  EXPECT_EQ(ensemble->inputs(), 7);
  EXPECT_EQ(ensemble->outputs(), 2);
  EXPECT_EQ(ensemble->members(), 5);
  EXPECT_EQ(ensemble->tensors("q", 3)[2].shape, (Shape{3, 5, 16, 2}));
  const ArchitecturePtr numbers = described(vector(4, 0.5f)->describe(), "f");
  ASSERT_EQ(numbers->tensors("log_std", 2).size(), 1u);
  EXPECT_EQ(numbers->tensors("log_std", 2)[0].shape, (Shape{2, 4}));
  EXPECT_EQ(numbers->tensors("log_std", 2)[0].name, "log_std");
}

TEST(Architecture, ADescriptionOfNoneIsRefusedWithItsFile) {
  const auto says = [](const nlohmann::json& description) {
    try {
      described(description, "a.ckpt");
    } catch (const Error& e) {
      return e.message();
    }
    return std::string();
  };
  EXPECT_EQ(says({{"kind", "mlpp"}}).find("a.ckpt: describes a network that is none: "), 0u);
  EXPECT_NE(says({{"kind", "mlpp"}}).find("mlp"), std::string::npos);
  EXPECT_NE(says({{"kind", "mlp"}, {"widths", "wide"}}).find("a.ckpt"), std::string::npos);
  EXPECT_NE(
      says({{"kind", "mlp"}, {"widths", {1, 1}}, {"members", 0}, {"nonlinearity", "sine"}}).find("sine"),
      std::string::npos);
  EXPECT_THROW(mlp({{3}, 0, Nonlinearity::kRelu, {}}), Error);
}

}  // namespace
}  // namespace hardy::nn
