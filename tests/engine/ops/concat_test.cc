#include "engine/ops/concat.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

using T = const std::vector<Tensor>&;

TEST(Concat, HasTheRightGradientOnEveryAxis) {
  check_op({{{2, 3, 5}}, {{2, 3, 2}}, {{2, 3, 1}}}, [](Graph& g, T x) {
    return ops::concat(g, {x[0], x[1], x[2]}, -1);
  });
  check_op({{{2, 3, 5}}, {{2, 1, 5}}}, [](Graph& g, T x) { return ops::concat(g, {x[1], x[0]}, 1); });
  check_op({{{2, 3}}, {{1, 3}}}, [](Graph& g, T x) { return ops::concat(g, {x[0], x[1]}, 0); });
  check_op({{{2, 3}}}, [](Graph& g, T x) { return ops::concat(g, {x[0], x[0]}, 1); });
}

TEST(Concat, PutsItsOperandsSideBySide) {
  const auto e = evaluate<float>({{{1, 2, 2}}, {{1, 2, 1}}},
                                 [](Graph& g, T x) {
                                   return ops::concat(g, {x[0], x[1]}, -1);
                                 },
                                 {{1, 2, 3, 4}, {5, 6}});
  EXPECT_EQ(e.value, (std::vector<double>{1, 2, 5, 3, 4, 6}));
}

TEST(Concat, ThreadsDoNotChangeItsResult) {
  check_op({{{1, 3000, 3}}, {{1, 3000, 5}}}, [](Graph& g, T x) { return ops::concat(g, {x[0], x[1]}, -1); });
}

TEST(Concat, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor a = g.input("a", DType::kF32, {1, 2, 3}), b = g.input("b", DType::kF32, {1, 4, 3});
  expect_shape_error(
      [&] {
        ops::concat(g, {a, b}, -1);
      },
      {"op concat", "input a f32[1, 2, 3]", "input b f32[1, 4, 3]"});
  expect_shape_error([&] { ops::concat(g, {a, b}, 3); }, {"op concat", "no such axis"});
}

TEST(Slice, HasTheRightGradientOnEveryAxis) {
  check_op({{{4, 3, 5}}}, [](Graph& g, T x) { return ops::slice(g, x[0], 0, 1, 3); });
  check_op({{{4, 3, 5}}}, [](Graph& g, T x) { return ops::slice(g, x[0], 1, 0, 2); });
  check_op({{{4, 3, 5}}}, [](Graph& g, T x) { return ops::slice(g, x[0], -1, 4, 5); });
  check_op({{{2, 3, 5}}}, [](Graph& g, T x) {  // two uses add up
    return ops::multiply(g, ops::slice(g, x[0], -1, 0, 3), ops::slice(g, x[0], -1, 2, 5));
  });
}

TEST(Slice, RefusesARangeOutsideTheAxis) {
  Graph g;
  const Tensor a = g.input("a", DType::kF32, {1, 2, 3});
  expect_shape_error([&] { ops::slice(g, a, -1, 2, 4); },
                     {"op slice", "[2, 4)", "axis 2", "input a f32[1, 2, 3]"});
  expect_shape_error([&] { ops::slice(g, a, 1, 1, 1); }, {"op slice", "[1, 1)"});
}

}  // namespace
}  // namespace hardy::test
