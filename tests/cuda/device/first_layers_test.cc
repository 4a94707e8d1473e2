// Layers of few inputs and their gradients, which are kernels with tiles of their own: every size around a
// tile, members that share their inputs and that do not, and one order of a sum whoever else is there.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/linear.h"
#include "engine/ops/pointwise.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

struct Size {
  std::int64_t rows, in, out;
};
// Around what a warp, a tile and a pass over inputs and rows take (cuda/ops/shallow.cu); 65 inputs, 33 that
// nobody shares, and 8 outputs are others' work, and so is the gradient of 1,025 rows.
constexpr Size kSizes[] = {{1, 1, 257},   {31, 23, 255}, {33, 31, 33},  {63, 32, 64},
                           {65, 33, 9},   {64, 3, 256},  {255, 63, 36}, {257, 64, 12},
                           {257, 65, 31}, {33, 17, 8},   {1025, 4, 20}, {128, 28, 65}};

enum class Members { kNone, kOwn, kShared };
constexpr Members kMembers[] = {Members::kNone, Members::kOwn, Members::kShared};

// relu or tanh of x w + b, of three members where there are some.
Tensor layer(Case& c, Members members, std::int64_t agents, const Size& s, bool relu = true) {
  const auto of = [&](bool each, std::initializer_list<std::int64_t> rest) {
    Shape shape{agents};
    if (each) shape.push_back(3);
    for (std::int64_t d : rest) shape.push_back(d);
    return shape;
  };
  const bool each = members != Members::kNone;
  const Tensor x = c.normal(DType::kF32, of(members == Members::kOwn, {s.rows, s.in})),
               w = c.normal(DType::kF32, of(each, {s.in, s.out}), 0.3),
               b = c.normal(DType::kF32, of(each, {s.out}));
  const Tensor y = ops::add_bias(c.g, ops::linear(c.g, x, w), b);
  return relu ? ops::relu(c.g, y) : ops::tanh(c.g, y);
}
std::string text(const Size& s, Members members) {
  return std::to_string(s.rows) + " rows, " + std::to_string(s.in) + " to " + std::to_string(s.out) +
         (members == Members::kNone  ? ""
          : members == Members::kOwn ? ", members"
                                     : ", members that share");
}

TEST(DeviceFirstLayers, OfEverySizeAndTheirGradientsAgree) {
  for (const Members members : kMembers)
    for (const Size& s : kSizes) {
      Case c;
      c.value_and_gradients(layer(c, members, 2, s));
      compare(c, 4e-6 * std::sqrt(s.rows + s.in), text(s, members));
    }
}

// tanh's mask is an op of its own, so that the bias gradient is the weight gradient's to make.
TEST(DeviceFirstLayers, BiasGradientsComeWithThoseOfTheWeights) {
  for (const Members members : kMembers)
    for (const Size& s : kSizes) {
      Case c;
      c.value_and_gradients(layer(c, members, 2, s, false));
      compare(c, 4e-6 * std::sqrt(s.rows + s.in), text(s, members));
    }
}

TEST(DeviceFirstLayers, WithoutABiasAgree) {
  for (const Size& s : kSizes) {
    Case c;
    const Tensor x = c.normal(DType::kF32, {2, s.rows, s.in}),
                 w = c.normal(DType::kF32, {2, 3, s.in, s.out}, 0.3);
    c.value_and_gradients(ops::linear(c.g, x, w));
    compare(c, 4e-6 * std::sqrt(s.rows + s.in), text(s, Members::kShared));
  }
}

TEST(DeviceFirstLayers, AnAgentsBitsDoNotDependOnHowManyThereAre) {
  for (const Members members : {Members::kOwn, Members::kShared}) {
    const Size s{70, 23, 72};
    const auto first_agents = [&](std::int64_t agents) {
      Case c;
      c.value_and_gradients(layer(c, members, agents, s));
      return first_of_agents(c, agents);
    };
    const auto alone = first_agents(1);
    ASSERT_EQ(alone.size(), 3u);  // y, dw, db
    EXPECT_EQ(alone, first_agents(30));
  }
}

}  // namespace
}  // namespace hardy::test
