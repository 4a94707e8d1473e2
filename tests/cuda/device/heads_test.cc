// Layers of few outputs and the masks behind them, whose kernels have sums of their own: every size of a pass
// over rows and inputs, and one order of a sum whoever else is there.
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "engine/ops/linear.h"
#include "engine/ops/pointwise.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

// Rows and inputs around what a warp, a block and a round of it take (cuda/ops/narrow.cu, linear.cu).
constexpr std::pair<std::int64_t, std::int64_t> kRowsAndInputs[] = {{1, 257},  {31, 255}, {33, 31},
                                                                    {255, 33}, {257, 1},  {300, 260}};

Tensor head(Case& c, DType type, std::int64_t agents, Tensor x, std::int64_t in, std::int64_t out) {
  const Tensor w = c.normal(type, {agents, in, out}, 0.3), b = c.normal(type, {agents, out});
  return ops::add_bias(c.g, ops::linear(c.g, x, w), b);
}

TEST(DeviceHeads, OfEverySizeAndTheirGradientsAgree) {
  for (const DType type : {DType::kF32, DType::kF64})
    for (const auto& [rows, in] : kRowsAndInputs)
      for (const std::int64_t out : {1, 6}) {
        Case c;
        const Tensor x = c.normal(type, {2, rows, in});
        const Tensor y = head(c, type, 2, x, in, out);
        c.value_and_gradients(out == 1 ? y : ops::tanh(c.g, y));
        compare(c, 4e-6 * std::sqrt(rows + in),
                std::to_string(rows) + " rows, " + std::to_string(in) + " to " + std::to_string(out));
      }
}

// Masks by a product in the same launch (1 and 6 outputs), and over what the library made (9).
TEST(DeviceHeads, MasksOfEverySizeAndTheirSumsAgree) {
  for (const DType type : {DType::kF32, DType::kF64})
    for (const auto& [rows, hidden] : kRowsAndInputs)
      for (const std::int64_t out : {1, 6, 9}) {
        Case c;
        const Tensor x = c.normal(type, {2, rows, 3});
        c.value_and_gradients(head(c, type, 2, ops::relu(c.g, head(c, type, 2, x, 3, hidden)), hidden, out));
        compare(c, 4e-6 * std::sqrt(rows + hidden),
                std::to_string(rows) + " rows, " + std::to_string(hidden) + " to " + std::to_string(out));
      }
}

TEST(DeviceHeads, AnAgentsBitsDoNotDependOnHowManyThereAre) {
  for (const std::int64_t out : {1, 6}) {
    const auto first_agents = [&](std::int64_t agents) {
      Case c;
      c.value_and_gradients(
          head(c, DType::kF32, agents, c.normal(DType::kF32, {agents, 300, 260}), 260, out));
      return first_of_agents(c, agents);
    };
    const auto alone = first_agents(1);
    ASSERT_EQ(alone.size(), 3u);  // y, dw, db
    EXPECT_EQ(alone, first_agents(7));
  }
}

}  // namespace
}  // namespace hardy::test
