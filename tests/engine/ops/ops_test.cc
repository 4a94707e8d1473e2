// Every op: its gradient against central differences in f64, f32 against f64, one thread against three.
#include "engine/nn/heads.h"
#include "engine/nn/mlp.h"
#include "engine/ops/gather.h"
#include "engine/ops/linear.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reshape.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

using T = const std::vector<Tensor>&;

TEST(Ops, ArithmeticHasTheRightGradients) {
  const std::vector<Operand> pair{{{2, 3, 5}}, {{2, 3, 5}, 0.5, 2}};
  check_op(pair, [](Graph& g, T x) { return ops::add(g, x[0], x[1]); });
  check_op(pair, [](Graph& g, T x) { return ops::subtract(g, x[0], x[1]); });
  check_op(pair, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
  check_op(pair, [](Graph& g, T x) { return ops::divide(g, x[0], x[1]); });
  check_op(pair, [](Graph& g, T x) { return ops::minimum(g, x[0], x[1]); });
  check_op(pair, [](Graph& g, T x) { return ops::maximum(g, x[0], x[1]); });
}

TEST(Ops, StretchedOperandsSumTheirGradients) {
  check_op({{{2, 3, 5}}, {{2, 1, 5}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
  check_op({{{2, 3, 5}}, {{2, 3, 1}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
  check_op({{{2, 1, 4, 3}}, {{2, 5, 1, 3}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
  check_op({{{2, 3, 700}}, {{2, 1, 1}}}, [](Graph& g, T x) { return ops::multiply(g, x[0], x[1]); });
}

TEST(Ops, UnaryFunctionsHaveTheRightGradients) {
  for (const auto& f : std::vector<Tensor (*)(Graph&, Tensor)>{
           ops::negate, ops::square, ops::exp, ops::softplus, ops::relu, ops::tanh, ops::gelu, ops::silu})
    check_op({{{2, 257}}}, [f](Graph& g, T x) { return f(g, x[0]); });
  check_op({{{2, 31}, 0.3, 3}}, [](Graph& g, T x) { return ops::log(g, x[0]); });
  check_op({{{2, 31}}}, [](Graph& g, T x) { return ops::clamp(g, x[0], -0.7, 0.4); });
}

TEST(Ops, ReductionsHaveTheRightGradientsOnEveryAxis) {
  for (int axis = 0; axis < 3; ++axis)
    for (const auto& f : std::vector<Tensor (*)(Graph&, Tensor, int)>{ops::sum, ops::mean, ops::max, ops::min,
                                                                      ops::logsumexp})
      check_op({{{3, 7, 33}}}, [&](Graph& g, T x) { return f(g, x[0], axis); });
  check_op({{{3, 7, 33}}}, [](Graph& g, T x) { return ops::mean_per_agent(g, x[0]); });
}

// As is its gradient; rounding and the sign of 0 are a multiplication's and an addition's of 0.
TEST(Ops, AMeanIsItsSumTimesOneOverNBitForBit) {
  for (const std::int64_t n : {1, 3, 7, 256, 771})
    for (const int axis : {1, 2}) {
      Graph g;
      const Tensor x = g.input("x", DType::kF32, axis == 1 ? Shape{2, n, 3} : Shape{2, 3, n});
      const Tensor mean = ops::mean(g, x, axis),
                   scaled = ops::affine(g, ops::sum(g, x, axis), 1.0 / static_cast<double>(n));
      const auto slope = [&](Tensor y) { return graph::differentiate(g, ops::square(g, y), {x})[0]; };
      const std::array outputs{mean, scaled, slope(mean), slope(scaled)};
      Plan plan(g, outputs);
      const Random random(1, RandomStream::kUser);
      for (std::int64_t i = 0; i < g.shape(x).elements(); ++i)
        plan.data<float>(x)[i] = i % 3 == 0 && n == 3 ? -0.0f : random.normal(static_cast<std::uint64_t>(i));
      ThreadTeam team;
      plan.run(team);
      for (std::size_t k : {0, 2})
        EXPECT_EQ(std::memcmp(plan.raw(outputs[k]), plan.raw(outputs[k + 1]),
                              static_cast<std::size_t>(g.shape(outputs[k]).elements()) * sizeof(float)),
                  0)
            << n << " along axis " << axis;
    }
}

TEST(Ops, QuantileHasTheRightGradientAndInterpolatesLinearly) {
  for (double alpha : {0.0, 0.1, 0.25, 0.5, 1.0})
    check_op({{{2, 5, 9}}}, [&](Graph& g, T x) { return ops::quantile(g, x[0], alpha, 1); });
  const auto e = evaluate<double>({{{1, 5, 1}}}, [](Graph& g, T x) { return ops::quantile(g, x[0], 0.1, 1); },
                                  {{3, 1, 5, 2, 4}});
  EXPECT_DOUBLE_EQ(e.value[0], 1.4);  // position 0.4 between 1 and 2
}

TEST(Ops, LinearLayersHaveTheRightGradients) {
  const Build layer = [](Graph& g, T x) {
    return ops::relu(g, ops::add_bias(g, ops::linear(g, x[0], x[1]), x[2]));
  };
  check_op({{{2, 5, 7}}, {{2, 7, 33}}, {{2, 33}}}, layer);
  check_op({{{2, 33, 17}}, {{2, 3, 17, 5}}, {{2, 3, 5}}}, layer);     // members share x
  check_op({{{2, 3, 17, 31}}, {{2, 3, 31, 1}}, {{2, 3, 1}}}, layer);  // each its own x, one column
}

TEST(Ops, AnMlpAndItsEnsembleHaveTheRightGradients) {
  const Build two = [](Graph& g, T x) {
    const Tensor h = ops::relu(g, ops::add_bias(g, ops::linear(g, x[0], x[1]), x[2]));
    return ops::add_bias(g, ops::linear(g, h, x[3]), x[4]);
  };
  check_op({{{2, 9, 4}}, {{2, 3, 4, 19}}, {{2, 3, 19}}, {{2, 3, 19, 2}}, {{2, 3, 2}}}, two, 1e-4);
}

TEST(Ops, HeadsHaveTheRightGradients) {
  const std::vector<Operand> three{{{2, 5, 3}}, {{2, 5, 3}, -1, 0.5}, {{2, 5, 3}}};
  check_op(
      three, [](Graph& g, T x) { return nn::tanh_gaussian(g, x[0], x[1], x[2]).log_prob; }, 1e-4);
  check_op(three, [](Graph& g, T x) { return nn::tanh_gaussian(g, x[0], x[1], x[2]).action; });
  check_op(
      three, [](Graph& g, T x) { return nn::gaussian_log_prob(g, x[0], x[1], x[2]); }, 1e-4);
  const std::vector<Operand> given{{{2, 5, 3}}, {{2, 5, 3}, -1, 0.5}, {{2, 5, 3}, -0.8, 0.8}};
  check_op(
      given, [](Graph& g, T x) { return nn::tanh_gaussian_log_prob(g, x[0], x[1], x[2]); }, 1e-4);
}

TEST(Ops, FusionAndReuseOfMemoryChangeNoBit) {
  const std::vector<Operand> operands{
      {{2, 37, 4}}, {{2, 3, 4, 19}}, {{2, 3, 19}}, {{2, 3, 19, 1}}, {{2, 3, 1}}};
  const Build net = [](Graph& g, T x) {
    const Tensor h = ops::relu(g, ops::add_bias(g, ops::linear(g, x[0], x[1]), x[2]));
    const Tensor q = ops::reshape(g, ops::add_bias(g, ops::linear(g, h, x[3]), x[4]), {2, 3, 37});
    return ops::exp(g, ops::negate(g, ops::square(g, ops::subtract(g, q, ops::quantile(g, q, 0.25, 1)))));
  };
  std::vector<std::vector<double>> values;
  for (std::size_t i = 0; i < operands.size(); ++i)
    values.push_back(random_values(operands[i].shape, -1, 1, i));
  const auto fused = evaluate<float>(operands, net, values, 2, true),
             plain = evaluate<float>(operands, net, values, 1, false);
  EXPECT_EQ(fused.value, plain.value);
  for (std::size_t k = 0; k < operands.size(); ++k)
    for (std::size_t i = 0; i < fused.gradients[k].size(); ++i)
      EXPECT_EQ(fused.gradients[k][i], plain.gradients[k][i]) << "operand " << k << " element " << i;
}

TEST(Ops, AnAgentDoesNotFeelItsNeighbours) {
  const auto operands = [](std::int64_t agents) {
    return std::vector<Operand>{{{agents, 37, 4}}, {{agents, 3, 4, 19}}, {{agents, 3, 19}}};
  };
  const Build layer = [](Graph& g, T x) {
    return ops::relu(g, ops::add_bias(g, ops::linear(g, x[0], x[1]), x[2]));
  };
  std::vector<std::vector<double>> together, alone;
  for (std::size_t i = 0; i < 3; ++i) {
    together.push_back(random_values(operands(3)[i].shape, -1, 1, i));
    const std::size_t each = together.back().size() / 3;
    alone.emplace_back(together.back().begin() + static_cast<std::ptrdiff_t>(each),
                       together.back().begin() + static_cast<std::ptrdiff_t>(2 * each));
  }
  const auto many = evaluate<float>(operands(3), layer, together, 2),
             one = evaluate<float>(operands(1), layer, alone);
  for (std::size_t i = 0; i < one.value.size(); ++i)
    EXPECT_EQ(one.value[i], many.value[one.value.size() + i]);
}

TEST(Ops, ShapeErrorsNameTheOpAndItsOperands) {
  Graph g;
  const Tensor x = g.input("observations", DType::kF32, {1, 4, 11}),
               w = g.parameter("v/w0", DType::kF32, {1, 12, 8});
  try {
    ops::linear(g, x, w);
    FAIL() << "no error";
  } catch (const Error& e) {
    const std::string m = e.message();
    for (const char* part :
         {"op linear", "input observations f32[1, 4, 11]", "parameter v/w0 f32[1, 12, 8]", "11", "12"})
      EXPECT_NE(m.find(part), std::string::npos) << m;
  }
}

}  // namespace
}  // namespace hardy::test
