#include "engine/ops/rms_norm.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

const Build kNorm = [](Graph& g, const std::vector<Tensor>& x) { return ops::rms_norm(g, x[0], x[1], 1e-3); };

TEST(RmsNorm, HasTheRightGradients) {
  check_op({{{2, 7, 19}}, {{2, 19}, 0.5, 1.5}}, kNorm, 1e-4);
  check_op({{{2, 3, 5, 33}}, {{1, 33}, 0.5, 1.5}}, kNorm, 1e-4);
  check_op({{{3, 70}}, {{3, 70}, 0.5, 1.5}}, kNorm, 1e-4);
}

TEST(RmsNorm, MakesRowsWhoseMeanSquareIsTheGainsSquared) {
  const auto e = evaluate<double>({{{1, 4, 50}}, {{1, 50}}}, kNorm,
                                  {random_values({200}, -3, 5, 1), std::vector<double>(50, 2.0)});
  const std::vector<double> x = random_values({200}, -3, 5, 1);
  for (std::size_t row = 0; row < 4; ++row) {
    double squares = 0;
    for (std::size_t i = 0; i < 50; ++i) squares += x[row * 50 + i] * x[row * 50 + i] / 50;
    for (std::size_t i = 0; i < 50; ++i)
      EXPECT_NEAR(e.value[row * 50 + i], 2 * x[row * 50 + i] / std::sqrt(squares + 1e-3), 1e-13);
  }
}

TEST(RmsNorm, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 4, 8}), s = g.parameter("gain", DType::kF32, {3, 8});
  expect_shape_error([&] { ops::rms_norm(g, x, s); },
                     {"op rms_norm", "[A, n] or [1, n]", "input x f32[2, 4, 8]", "parameter gain f32[3, 8]"});
}

}  // namespace
}  // namespace hardy::test
