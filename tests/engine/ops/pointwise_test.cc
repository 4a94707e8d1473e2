#include "engine/ops/pointwise.h"

#include <limits>

#include "engine/ops/order_statistics.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

using T = const std::vector<Tensor>&;

// A loss of three operands, as a method would write it.
struct Blend {
  static constexpr const char* kName = "blend";
  float tau;
  template <class S> S operator()(S x, S y, S weight) const {
    const S gap = x - y;
    return math::where(gap < S(0), S(1 - tau), S(tau)) * math::square(gap) + weight * math::exp(-gap);
  }
};

TEST(Map, AUserFunctorHasTheRightGradientsStretchedOrNot) {
  const Build blend = [](Graph& g, T x) { return ops::map(g, Blend{0.75f}, x[0], x[1], x[2]); };
  check_op({{{2, 5, 7}}, {{2, 5, 7}}, {{2, 5, 7}}}, blend);
  check_op({{{2, 5, 7}}, {{2, 5, 1}}, {{2, 1, 1}}}, blend);
  check_op({{{2, 300, 40}}, {{2, 1, 40}}, {{2, 300, 1}}}, blend);
}

TEST(Map, AScalarGoesWithAnything) {
  check_op({{{2, 5, 7}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], g.scalar(g.type(x[0]), 2.5)); });
  check_op({{{2, 5}}, {{1}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
}

TEST(Map, APointwiseResultIsTheSameWhereverItsElementLies) {
  const Build f = [](Graph& g, T x) { return ops::gelu(g, ops::divide(g, x[0], ops::affine(g, ops::square(g, x[0]), 1, 0.3))); };
  const std::vector<double> x = random_values({1, 1000}, -2, 2, 3);
  const auto whole = evaluate<float>({{{1, 1000}}}, f, {x});
  for (std::size_t n : {1u, 3u, 17u, 31u}) {
    const auto part = evaluate<float>({{{1, static_cast<std::int64_t>(n)}}}, f, {{x.end() - static_cast<std::ptrdiff_t>(n), x.end()}});
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(part.value[i], whole.value[1000 - n + i]);
  }
}

TEST(Map, NoOpLosesANan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto value = [](const Build& f, const std::vector<double>& a, const std::vector<double>& b) {
    return evaluate<float>({{{1, 3}}, {{1, 3}}}, f, {a, b}).value[0];
  };
  const std::vector<double> bad{nan, 1, 2}, good{1, 2, 3}, last{1, 2, nan};
  for (const auto& f : std::vector<Tensor (*)(Graph&, Tensor, Tensor)>{ops::minimum, ops::maximum, ops::add, ops::divide}) {
    const Build build = [f](Graph& g, T x) { return f(g, x[0], x[1]); };
    EXPECT_TRUE(std::isnan(value(build, bad, good)));
    EXPECT_TRUE(std::isnan(value(build, good, bad)));
  }
  for (const auto& f : std::vector<Tensor (*)(Graph&, Tensor, int)>{ops::max, ops::min, ops::logsumexp, ops::sum}) {
    const Build build = [f](Graph& g, T x) { return f(g, x[0], 1); };
    EXPECT_TRUE(std::isnan(value(build, bad, good)));
    EXPECT_TRUE(std::isnan(value(build, last, good)));
  }
  for (const auto& f : std::vector<Tensor (*)(Graph&, Tensor)>{ops::relu, ops::tanh, ops::softplus, ops::gelu, ops::silu})
    EXPECT_TRUE(std::isnan(value([f](Graph& g, T x) { return f(g, x[0]); }, bad, good)));
  EXPECT_TRUE(std::isnan(value([](Graph& g, T x) { return ops::quantile(g, x[0], 0, 1); }, last, good)));
  EXPECT_TRUE(std::isnan(value([](Graph& g, T x) { return ops::clamp(g, x[0], -1, 1); }, bad, good)));
}

TEST(Reduce, NamesTheAxisThatIsMissing) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 4}), i = g.input("i", DType::kI32, {1, 4});
  expect_shape_error([&] { ops::mean(g, x, 2); }, {"op mean", "no such axis", "input x f32[1, 4]"});
  expect_shape_error([&] { ops::max(g, i, 1); }, {"op max", "f32 or f64", "input i i32[1, 4]"});
  expect_shape_error([&] { ops::stretch(g, x, {1, 5}); }, {"op stretch", "[1, 5]", "input x f32[1, 4]"});
  expect_shape_error([&] { ops::quantile(g, x, 1.5, 1); }, {"op quantile", "alpha"});
}

TEST(Reduce, LogSumExpNeitherOverflowsNorVanishes) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto e = evaluate<float>({{{1, 3, 2}}}, [](Graph& g, T x) { return ops::logsumexp(g, x[0], 2); },
                                 {{1000, 1000, -1000, -1000, -inf, -inf}});
  EXPECT_FLOAT_EQ(static_cast<float>(e.value[0]), 1000 + std::log(2.0f));
  EXPECT_FLOAT_EQ(static_cast<float>(e.value[1]), -1000 + std::log(2.0f));
  EXPECT_EQ(e.value[2], -inf);
}

}  // namespace
}  // namespace hardy::test
