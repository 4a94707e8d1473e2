#include "engine/graph/graph.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

TEST(Graph, DescribesValuesByWhereTheyComeFrom) {
  Graph g;
  const Tensor x = g.input("observations", DType::kF32, {1, 2}), y = g.name(ops::relu(g, x), "v layer 0");
  EXPECT_EQ(g.describe(x), "input observations");
  EXPECT_EQ(g.describe(y), "relu (v layer 0)");
  EXPECT_EQ(g.describe(ops::exp(g, y)), "exp");
  EXPECT_EQ(g.describe(g.scalar(DType::kF32, 1)), "constant");
  EXPECT_EQ(g.describe(Tensor{}), "nothing");
}

TEST(Graph, RefusesOperandsThatAreNotItsOwn) {
  Graph g;
  EXPECT_THROW(ops::exp(g, Tensor{}), Error);
  EXPECT_THROW(ops::exp(g, Tensor{5}), Error);
}

TEST(Graph, ShapeErrorsNameEveryOperand) {
  Graph g;
  const Tensor a = g.input("a", DType::kF32, {2, 3}), b = g.parameter("b", DType::kF32, {2, 4});
  const Tensor c = g.input("c", DType::kF32, {2, 3, 1}), d = g.input("d", DType::kF64, {2, 3});
  expect_shape_error([&] { ops::add(g, a, b); },
                     {"op add", "axis 1", "input a f32[2, 3]", "parameter b f32[2, 4]"});
  expect_shape_error([&] { ops::add(g, a, c); }, {"op add", "ranks", "input c f32[2, 3, 1]"});
  expect_shape_error([&] { ops::add(g, a, d); }, {"op add", "types", "input d f64[2, 3]"});
}

}  // namespace
}  // namespace hardy::test
