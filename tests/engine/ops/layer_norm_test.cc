#include "engine/ops/layer_norm.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

const Build kNorm = [](Graph& g, const std::vector<Tensor>& x) {
  return ops::layer_norm(g, x[0], x[1], x[2]);
};

TEST(LayerNorm, HasTheRightGradients) {
  check_op({{{2, 7, 19}}, {{2, 19}, 0.5, 1.5}, {{2, 19}}}, kNorm, 1e-4);
  check_op({{{2, 3, 5, 33}}, {{2, 3, 33}, 0.5, 1.5}, {{2, 3, 33}}}, kNorm, 1e-4);
}

TEST(LayerNorm, MakesRowsOfMeanShiftAndDeviationScale) {
  std::vector<double> x = random_values({1, 4, 100}, -3, 5, 1);
  const auto e = evaluate<double>({{{1, 4, 100}}, {{1, 100}}, {{1, 100}}}, kNorm,
                                  {x, std::vector<double>(100, 2.0), std::vector<double>(100, 7.0)});
  for (std::size_t row = 0; row < 4; ++row) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < 100; ++i) mean += e.value[row * 100 + i] / 100;
    for (std::size_t i = 0; i < 100; ++i) square += std::pow(e.value[row * 100 + i] - mean, 2) / 100;
    EXPECT_NEAR(mean, 7, 1e-12);
    EXPECT_NEAR(std::sqrt(square), 2, 1e-4);  // epsilon takes a little
  }
}

TEST(LayerNorm, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 4, 8}), s = g.parameter("scale", DType::kF32, {1, 9});
  expect_shape_error([&] { ops::layer_norm(g, x, s, s); },
                     {"op layer_norm", "input x f32[1, 4, 8]", "parameter scale f32[1, 9]"});
}

}  // namespace
}  // namespace hardy::test
