#include "engine/nn/heads.h"

#include "engine/ops/reshape.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Runs `build` over float operands and gives back its values.
std::vector<double> values_of(const std::vector<Operand>& operands,
                              const std::vector<std::vector<double>>& values, const Build& build,
                              bool doubles = true) {
  return doubles ? evaluate<double>(operands, build, values).value
                 : evaluate<float>(operands, build, values).value;
}

TEST(Heads, GaussianLogProbabilityIsTheClosedForm) {
  const Shape s{2, 3, 2};
  const auto mean = random_values(s, -2, 2, 1), log_std = random_values(s, -2, 1, 2),
             a = random_values(s, -3, 3, 3);
  const auto got = values_of({{s}, {s}, {s}}, {mean, log_std, a}, [](Graph& g, const auto& x) {
    return nn::gaussian_log_prob(g, x[0], x[1], x[2]);
  });
  for (std::size_t row = 0; row < 6; ++row) {
    double expected = 0;
    for (std::size_t d = 2 * row; d < 2 * row + 2; ++d) {
      const double sigma = std::exp(log_std[d]);
      expected +=
          std::log(std::exp(-std::pow((a[d] - mean[d]) / sigma, 2) / 2) / (sigma * std::sqrt(2 * kPi)));
    }
    EXPECT_NEAR(got[row], expected, 1e-12);
  }
}

TEST(Heads, TanhGaussianLogProbabilityIsTheChangeOfVariables) {
  const Shape s{1, 5, 2};
  const auto mean = random_values(s, -1, 1, 1), log_std = random_values(s, -1, 0.5, 2),
             noise = random_values(s, -2, 2, 3);
  const std::vector<Operand> operands{{s}, {s}, {s}};
  const auto action = values_of(operands, {mean, log_std, noise}, [](Graph& g, const auto& x) {
    return nn::tanh_gaussian(g, x[0], x[1], x[2]).action;
  });
  const auto got = values_of(operands, {mean, log_std, noise}, [](Graph& g, const auto& x) {
    return nn::tanh_gaussian(g, x[0], x[1], x[2]).log_prob;
  });
  for (std::size_t row = 0; row < 5; ++row) {
    double expected = 0;
    for (std::size_t d = 2 * row; d < 2 * row + 2; ++d) {
      const double sigma = std::exp(log_std[d]), u = mean[d] + sigma * noise[d];
      EXPECT_NEAR(action[d], std::tanh(u), 1e-14);
      expected += -noise[d] * noise[d] / 2 - std::log(sigma * std::sqrt(2 * kPi)) -
                  std::log(1 - std::tanh(u) * std::tanh(u));
    }
    EXPECT_NEAR(got[row], expected, 1e-10);
  }
}

// log(1 - tanh(u)^2) is -inf in floating point from u = 10 (f32) or 20 (f64) on; the true value is close to
// 2 (log 2 - |u|).
TEST(Heads, TanhGaussianLogProbabilityStaysFiniteAtSaturatedActions) {
  const Shape s{1, 4, 1};
  const std::vector<double> mean{15, -15, 40, -40}, log_std(4, 0.0), noise(4, 0.5);
  for (const bool doubles : {true, false}) {
    const auto got = values_of(
        {{s}, {s}, {s}}, {mean, log_std, noise},
        [](Graph& g, const auto& x) { return nn::tanh_gaussian(g, x[0], x[1], x[2]).log_prob; }, doubles);
    for (std::size_t i = 0; i < 4; ++i) {
      const double u = std::abs(mean[i] + 0.5),
                   expected = -0.125 - 0.5 * std::log(2 * kPi) - 2 * (std::log(2.0) - u);
      EXPECT_NEAR(got[i], expected, doubles ? 1e-10 : 1e-5 * expected);
    }
  }
}

TEST(Heads, TanhGaussianLogProbabilityOfGivenActionsIsTheChangeOfVariables) {
  const Shape s{1, 6, 2};
  const auto mean = random_values(s, -1, 1, 1), log_std = random_values(s, -1, 0.5, 2),
             action = random_values(s, -0.99, 0.99, 3);
  const auto got = [&](const std::vector<double>& a, bool doubles) {
    return values_of(
        {{s}, {s}, {s}}, {mean, log_std, a},
        [](Graph& g, const auto& x) { return nn::tanh_gaussian_log_prob(g, x[0], x[1], x[2]); }, doubles);
  };
  for (const bool doubles : {true, false}) {
    const auto found = got(action, doubles);
    for (std::size_t row = 0; row < 6; ++row) {
      double expected = 0;
      for (std::size_t d = 2 * row; d < 2 * row + 2; ++d) {
        const double sigma = std::exp(log_std[d]), z = (std::atanh(action[d]) - mean[d]) / sigma;
        expected += -z * z / 2 - std::log(sigma * std::sqrt(2 * kPi)) - std::log(1 - action[d] * action[d]);
      }
      EXPECT_NEAR(found[row], expected, doubles ? 1e-12 : 1e-4);
    }
  }
  // On the edge the density is that of the last float32 before it.
  const auto edge = got(std::vector<double>(12, 1.0), true),
             last = got(std::vector<double>(12, 1 - std::ldexp(1.0, -24)), true);
  EXPECT_EQ(edge, last);
  for (const double x : edge) EXPECT_TRUE(std::isfinite(x));
}

const Shape kLogits{2, 64, 5};

// The draws of the categorical head for given logits, and what depends on them.
struct Drawn {
  std::vector<std::int32_t> action;
  std::vector<double> log_prob, again;
};
Drawn draw(const std::vector<double>& logits, std::int32_t step, const Shape& shape = kLogits,
           int threads = 1) {
  Graph g;
  const Tensor x = g.input("logits", DType::kF32, shape),
               seeds = g.input("seeds", DType::kI32, {shape[0], 2}), t = g.input("step", DType::kI32, {1, 2});
  const nn::ActionSample sample = nn::categorical(g, x, seeds, t, RandomStream::kUser);
  const Tensor given = g.input("action", DType::kI32, {shape[0], shape[1]});
  const Tensor again = nn::categorical_log_prob(g, x, given);
  Plan plan(g, {sample.action, sample.log_prob, again});
  fill<float>(plan, x, logits);
  for (std::int32_t a = 0; a < shape[0]; ++a) {
    plan.data<std::int32_t>(seeds)[2 * a] = 11 + a;
    plan.data<std::int32_t>(seeds)[2 * a + 1] = 0;
  }
  plan.data<std::int32_t>(t)[0] = step;
  plan.data<std::int32_t>(t)[1] = 0;
  std::fill_n(plan.data<std::int32_t>(given), shape[0] * shape[1], 0);
  ThreadTeam team(threads);
  plan.run(team);
  Drawn d;
  d.action.assign(plan.data<std::int32_t>(sample.action),
                  plan.data<std::int32_t>(sample.action) + shape[0] * shape[1]);
  d.log_prob = read<float>(plan, sample.log_prob, {shape[0], shape[1]});
  std::copy(d.action.begin(), d.action.end(), plan.data<std::int32_t>(given));
  plan.run(team);
  d.again = read<float>(plan, again, {shape[0], shape[1]});
  return d;
}

TEST(Heads, CategoricalDrawsAreRandomCategoricalsOwnForAnyThreadCount) {
  const auto logits = random_values(kLogits, -3, 3, 5);
  for (const std::int32_t step : {0, 7}) {
    const Drawn d = draw(logits, step);
    EXPECT_EQ(draw(logits, step, kLogits, 3).action, d.action);
    for (std::size_t row = 0; row < 128; ++row) {
      std::vector<double> weights;
      float top = -INFINITY;
      for (std::size_t k = 0; k < 5; ++k) top = std::max(top, static_cast<float>(logits[5 * row + k]));
      for (std::size_t k = 0; k < 5; ++k)
        weights.push_back(std::exp(static_cast<double>(static_cast<float>(logits[5 * row + k])) - top));
      const Random random(11 + row / 64, RandomStream::kUser, static_cast<std::uint64_t>(step));
      EXPECT_EQ(static_cast<std::size_t>(d.action[row]), random.categorical(row % 64, weights)) << row;
    }
  }
}

TEST(Heads, CategoricalDrawsKeepTheirProbabilitiesAndNeverTheImpossible) {
  const Shape shape{1, 20000, 4};
  const double p[4] = {0.5, 0.3, 0.2, 0};
  std::vector<double> logits;
  for (std::int64_t i = 0; i < shape[1]; ++i)
    for (const double q : p) logits.push_back(std::log(q) + 3);  // -inf for the last
  const Drawn d = draw(logits, 1, shape);
  double count[4] = {};
  for (const std::int32_t a : d.action) ++count[a];
  EXPECT_EQ(count[3], 0);
  double chi_square = 0;
  for (int k = 0; k < 3; ++k) chi_square += std::pow(count[k] - 20000 * p[k], 2) / (20000 * p[k]);
  EXPECT_LT(chi_square, 13.8);  // the 0.999-quantile with two degrees of freedom
}

TEST(Heads, ACategoricalDrawsLogProbabilityIsThatOfTheSameActionGiven) {
  const Drawn d = draw(random_values(kLogits, -3, 3, 6), 3);
  EXPECT_EQ(d.log_prob, d.again);  // bit for bit: an importance ratio of 1
}

TEST(Heads, CategoricalLogProbabilityAndEntropyAreTheEnumerations) {
  const Shape shape{1, 9, 4};
  const auto logits = random_values(shape, -30, 30, 8);
  const auto entropy = values_of({{shape}}, {logits},
                                 [](Graph& g, const auto& x) { return nn::categorical_entropy(g, x[0]); });
  const Drawn d = draw(logits, 0, shape);
  for (std::size_t row = 0; row < 9; ++row) {
    long double total = 0, expected = 0;
    for (std::size_t k = 0; k < 4; ++k) total += std::exp(static_cast<long double>(logits[4 * row + k]));
    for (std::size_t k = 0; k < 4; ++k) {
      const long double q = std::exp(static_cast<long double>(logits[4 * row + k])) / total;
      expected -= q * std::log(q);
    }
    EXPECT_NEAR(entropy[row], static_cast<double>(expected), 1e-12);
    const auto taken = static_cast<std::size_t>(d.action[row]);
    EXPECT_NEAR(d.log_prob[row], logits[4 * row + taken] - static_cast<double>(std::log(total)), 2e-5);
  }
}

TEST(Heads, CategoricalEntropyHasTheRightGradient) {
  check_op({{{2, 7, 5}}}, [](Graph& g, const auto& x) { return nn::categorical_entropy(g, x[0]); });
}

TEST(Heads, CategoricalNamesLogitsThatDoNotFit) {
  Graph g;
  const Tensor x = g.input("logits", DType::kF32, {2, 5}), seeds = g.input("seeds", DType::kI32, {2, 2}),
               t = g.input("step", DType::kI32, {1, 2});
  expect_shape_error([&] { nn::categorical(g, x, seeds, t, RandomStream::kUser); },
                     {"random_categorical", "[agents, rows, choices]", "input logits f32[2, 5]"});
}

}  // namespace
}  // namespace hardy::test
