#include "engine/nn/initialise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/nn/mlp.h"

namespace hardy::nn {
namespace {

std::vector<float> drawn(std::int64_t fan_in, std::int64_t fan_out, const Initialiser& how,
                         std::uint64_t seed = 1, std::uint64_t tensor = 0, bool bias = false) {
  std::vector<float> x(static_cast<std::size_t>(bias ? fan_out : fan_in * fan_out), -7.0f);
  initialise(x, fan_in, fan_out, how, Random(seed, RandomStream::kInit, tensor));
  return x;
}

// Uniform on [-bound, bound]: within it, close to its ends, of its variance, and not shifted.
void expect_uniform(const std::vector<float>& x, double bound) {
  const auto [low, high] = std::ranges::minmax(x);
  EXPECT_GE(low, -bound);
  EXPECT_LE(high, bound);
  EXPECT_LT(low, -0.99 * bound);
  EXPECT_GT(high, 0.99 * bound);
  double mean = 0, square = 0;
  for (const float value : x)
    mean += value / static_cast<double>(x.size()), square += value * value / static_cast<double>(x.size());
  const double n = static_cast<double>(x.size());
  EXPECT_NEAR(mean, 0, 5 * bound / std::sqrt(3 * n));
  EXPECT_NEAR(square, bound * bound / 3, 5 * bound * bound * std::sqrt(4.0 / 45 / n));
}

TEST(Initialise, PyTorchLinearIsUniformWithinTheInverseRootOfTheInputWidth) {
  expect_uniform(drawn(17, 256, Initialiser::pytorch_linear()), 1 / std::sqrt(17.0));
  expect_uniform(drawn(256, 1024, Initialiser::pytorch_linear(), 1, 0, true),
                 1 / std::sqrt(256.0));  // the bias, too
}

TEST(Initialise, FanOutUniformTakesTheOutputWidth) {
  const std::vector<float> x = drawn(23, 256, Initialiser::fan_out_uniform());
  expect_uniform(x, 0.0625);  // not the 0.2085 that 23 inputs would give
}

TEST(Initialise, UniformAndConstantAreWhatTheySay) {
  expect_uniform(drawn(256, 64, Initialiser::uniform(3e-3)), 3e-3);
  for (const float value : drawn(4, 5, Initialiser::constant(0.1))) EXPECT_EQ(value, 0.1f);
}

// A square or tall weight has orthogonal columns, a wide one orthogonal rows, each of norm `gain`.
TEST(Initialise, OrthogonalWeightsAreOrthogonal) {
  for (const auto& [in, out] : {std::pair{64, 64}, std::pair{100, 7}, std::pair{5, 90}, std::pair{1, 3}}) {
    const double gain = std::sqrt(2.0);
    const std::vector<float> w = drawn(in, out, Initialiser::orthogonal(gain));
    const int small = std::min(in, out), large = std::max(in, out);
    for (int i = 0; i < small; ++i)
      for (int j = 0; j < small; ++j) {
        double dot = 0;
        for (int k = 0; k < large; ++k)
          dot += in >= out ? static_cast<double>(w[static_cast<std::size_t>(k * out + i)]) *
                                 w[static_cast<std::size_t>(k * out + j)]
                           : static_cast<double>(w[static_cast<std::size_t>(i * out + k)]) *
                                 w[static_cast<std::size_t>(j * out + k)];
        ASSERT_NEAR(dot, i == j ? gain * gain : 0, 1e-6) << in << " x " << out << ": " << i << ", " << j;
      }
  }
}

// Haar's distribution is symmetric: without the signs of R's diagonal a QR would favour one side.
TEST(Initialise, OrthogonalWeightsHaveNoFavouriteSide) {
  double mean = 0;
  constexpr int n = 2000;
  for (std::uint64_t seed = 0; seed < n; ++seed) mean += drawn(3, 3, Initialiser::orthogonal(1), seed)[0] / n;
  EXPECT_NEAR(mean, 0, 5 * std::sqrt(1.0 / 3 / n));
}

TEST(Initialise, OrthogonalBiasesAreZero) {
  for (const float value : drawn(8, 16, Initialiser::orthogonal(1), 1, 0, true)) EXPECT_EQ(value, 0.0f);
}

TEST(Initialise, TheSameKeyGivesTheSameValuesAndAnotherKeyOthers) {
  for (const Initialiser& how : {Initialiser::pytorch_linear(), Initialiser::orthogonal(1)}) {
    EXPECT_EQ(drawn(16, 16, how, 3, 4), drawn(16, 16, how, 3, 4));
    EXPECT_NE(drawn(16, 16, how, 3, 4), drawn(16, 16, how, 2, 4));
    EXPECT_NE(drawn(16, 16, how, 3, 4), drawn(16, 16, how, 3, 5));
  }
}

TEST(Mlp, NamesShapesAndStartsOfAnEnsemble) {
  MlpSpec spec;
  spec.widths = {23, 256, 1};
  spec.members = 5;
  spec.starts = {{Initialiser::fan_out_uniform(), Initialiser::constant(0.1)},
                 {Initialiser::uniform(3e-3), Initialiser::uniform(3e-3)}};
  const std::vector<TensorSpec> tensors = mlp(spec)->tensors("q", 2);
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].name, "q/w0");
  EXPECT_EQ(tensors[0].shape, (Shape{2, 5, 23, 256}));
  EXPECT_EQ(tensors[1].name, "q/b0");
  EXPECT_EQ(tensors[1].shape, (Shape{2, 5, 256}));
  EXPECT_EQ(tensors[1].fan_in, 23);
  EXPECT_EQ(tensors[3].shape, (Shape{2, 5, 1}));
  EXPECT_EQ(tensors[0].start.kind, Initialiser::Kind::kFanOut);
  EXPECT_EQ(tensors[2].start.value, 3e-3);
}

}  // namespace
}  // namespace hardy::nn
