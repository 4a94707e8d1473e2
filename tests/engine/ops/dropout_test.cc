// What dropout keeps, by its definition, and its gradient.
#include "engine/ops/dropout.h"

#include <gtest/gtest.h>

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kAgents = 3, kEach = 5 * 7001;  // more than a thread's piece
constexpr std::int32_t kSeeds[kAgents][2] = {{11, 0}, {-5, 7}, {12, -1}};

struct Dropped {
  std::vector<float> y, slope;
};
// Of x = 1, 2, 3, ... in each agent.
Dropped dropped(double rate, std::int64_t site, std::int32_t step, std::int32_t pass,
                std::int64_t agents = kAgents, std::int64_t first_agent = 0, int threads = 2) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {agents, 5, 7001}),
               seeds = g.input("seeds", DType::kI32, {agents, 2}),
               at = g.shared_input("step", DType::kI32, {1, 3});
  const Tensor y = ops::dropout(g, x, rate, seeds, at, site);
  const Tensor slope = graph::differentiate(g, ops::sum_per_agent(g, y), {x})[0];
  Plan plan(g, std::vector{y, slope});
  std::vector<float> values(static_cast<std::size_t>(agents * kEach));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % kEach + 1);
  plan.bind(x, values.data());
  for (std::int64_t a = 0; a < agents; ++a)
    for (int w = 0; w < 2; ++w) plan.data<std::int32_t>(seeds)[2 * a + w] = kSeeds[first_agent + a][w];
  const std::int32_t words[] = {step, 0, pass};
  std::copy_n(words, 3, plan.data<std::int32_t>(at));
  ThreadTeam team(threads);
  plan.run(team);
  return {{plan.data<float>(y), plan.data<float>(y) + agents * kEach},
          {plan.data<float>(slope), plan.data<float>(slope) + agents * kEach}};
}

std::uint64_t seed_of(std::int64_t agent) {
  return static_cast<std::uint32_t>(kSeeds[agent][0]) |
         std::uint64_t{static_cast<std::uint32_t>(kSeeds[agent][1])} << 32;
}

TEST(Dropout, KeepsWhereTheGeneratorsSixteenBitsAreNotBelowItsRate) {
  for (const std::int32_t pass : {0, 3}) {
    const Dropped d = dropped(0.3, 4, 9, pass);
    for (std::int64_t a = 0; a < kAgents; ++a) {
      const Random draws(seed_of(a), 104, 9);
      std::int64_t gone = 0;
      for (std::int64_t i = 0; i < kEach; ++i) {
        const std::int64_t draw = pass * kEach + i;
        const std::uint32_t word = draws.bits(static_cast<std::uint64_t>(draw / 2)),
                            half = draw % 2 == 0 ? word & 0xFFFF : word >> 16;
        const float factor =
            half < 19661 ? 0.0f : static_cast<float>(65536.0 / (65536 - 19661));  // 0.3 of 65536
        const auto at = static_cast<std::size_t>(a * kEach + i);
        ASSERT_EQ(d.y[at], static_cast<float>(i + 1) * factor) << a << " " << i;
        ASSERT_EQ(d.slope[at], factor);
        gone += factor == 0;
      }
      EXPECT_NEAR(static_cast<double>(gone) / kEach, 0.3, 0.01);  // four deviations
    }
  }
}

TEST(Dropout, BitsDependOnTheAgentsSeedTheStepAndTheSiteAlone) {
  const std::vector<float> all = dropped(0.5, 0, 2, 0, 3, 0, 1).y;
  EXPECT_EQ(all, dropped(0.5, 0, 2, 0, 3, 0, 3).y);
  const std::vector<float> alone = dropped(0.5, 0, 2, 0, 1, 1).y;
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + kEach));
  EXPECT_NE(all, dropped(0.5, 1, 2, 0).y);
  EXPECT_NE(all, dropped(0.5, 0, 3, 0).y);
}

TEST(Dropout, ARateOfNothingIsTheValueItself) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {2, 3}), seeds = g.input("seeds", DType::kI32, {2, 2}),
               step = g.shared_input("step", DType::kI32, {1, 3});
  EXPECT_EQ(ops::dropout(g, x, 0, seeds, step, 0), x);
  EXPECT_THROW(ops::dropout(g, x, 1, seeds, step, 0), Error);
  EXPECT_THROW(ops::dropout(g, x, 0.1, seeds, step, 900), Error);
  EXPECT_THROW(ops::dropout(g, x, 0.1, step, seeds, 0), Error);
}

}  // namespace
}  // namespace hardy::test
