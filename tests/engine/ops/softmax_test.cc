#include "engine/ops/softmax.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

using T = const std::vector<Tensor>&;

TEST(Softmax, HasTheRightGradient) {
  check_op({{{2, 3, 19}}}, [](Graph& g, T x) { return ops::softmax(g, x[0]); });
  check_op({{{2, 600, 4}}}, [](Graph& g, T x) { return ops::softmax(g, x[0]); });
  check_op({{{2, 3, 19}}}, [](Graph& g, T x) { return ops::log_softmax(g, x[0]); });
  check_op({{{2, 600, 4}}}, [](Graph& g, T x) { return ops::log_softmax(g, x[0]); });
}

TEST(Softmax, EqualsItsClosedFormForTwoClassesAndSurvivesLargeInputs) {
  const std::vector<std::vector<double>> x{{1000, 1001, -2000, 0}};
  const auto p = evaluate<double>(
      {{{1, 2, 2}}}, [](Graph& g, T v) { return ops::softmax(g, v[0]); }, x);
  const auto log_p = evaluate<double>(
      {{{1, 2, 2}}}, [](Graph& g, T v) { return ops::log_softmax(g, v[0]); }, x);
  const double low = 1 / (1 + std::exp(1.0));
  EXPECT_DOUBLE_EQ(p.value[0], low);
  EXPECT_DOUBLE_EQ(p.value[1], 1 - low);
  EXPECT_DOUBLE_EQ(log_p.value[0], std::log(low));
  EXPECT_DOUBLE_EQ(log_p.value[2], -2000);
  EXPECT_DOUBLE_EQ(log_p.value[3], 0);
}

TEST(Softmax, RefusesIntegers) {
  Graph g;
  const Tensor a = g.input("a", DType::kI32, {1, 2});
  expect_shape_error([&] { ops::softmax(g, a); }, {"op softmax", "input a i32[1, 2]"});
}

}  // namespace
}  // namespace hardy::test
