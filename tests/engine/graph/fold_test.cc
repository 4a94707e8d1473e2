// What depends on constants alone is computed once, when a plan is made, and changes no bit.
#include "engine/graph/fold.h"

#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

bool mentions(const Plan& plan, const std::string& op) {
  return plan.describe().find(op) != std::string::npos;
}

TEST(Fold, TheSeedOfAGradientIsScaledAndStretchedOnce) {
  for (const std::int64_t agents : {1, 3}) {
    Graph g;
    const Tensor x = g.input("x", DType::kF32, {agents, 4, 2});
    const Tensor loss = ops::mean_per_agent(g, ops::square(g, x));
    const Tensor dx = graph::differentiate(g, loss, {x})[0];
    Plan plan(g, {dx}, {.agents = agents}), plain(g, {dx}, {.fuse = false});
    EXPECT_TRUE(mentions(plain, "fill")) << plain.describe();
    EXPECT_TRUE(mentions(plain, "stretch")) << plain.describe();
    EXPECT_FALSE(mentions(plan, "fill")) << plan.describe();
    EXPECT_FALSE(mentions(plan, "stretch")) << plan.describe();
    for (std::int64_t i = 0; i < agents * 8; ++i) plan.data<float>(x)[i] = static_cast<float>(i - 3);
    ThreadTeam team(2);
    for (int run = 0; run < 2; ++run) {
      plan.run(team);
      for (std::int64_t i = 0; i < agents * 8; ++i)
        EXPECT_EQ(plan.data<float>(dx)[i], static_cast<float>(i - 3) / 4)
            << agents << " agents, element " << i;
    }
  }
}

TEST(Fold, AConstantOutputIsWrittenIntoItsCallersMemoryAtEachRun) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 4});
  const Tensor dx = graph::differentiate(g, ops::mean_per_agent(g, x), {x})[0];
  Plan plan(g, {dx});
  float mine[4] = {};
  plan.bind(dx, mine);
  ThreadTeam team;
  for (int run = 0; run < 2; ++run) {
    std::ranges::fill(mine, -1.0f);
    plan.run(team);
    for (const float d : mine) EXPECT_EQ(d, 0.25f);
  }
}

TEST(Fold, WhatAnInputReachesIsComputedAtEachRun) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 2});
  const Tensor y = ops::add(g, ops::multiply(g, x, ops::fill(g, DType::kF32, {1, 2}, 2.0)),
                            ops::exp(g, ops::fill(g, DType::kF32, {1, 1}, 0.0)));
  Plan plan(g, {y});
  ThreadTeam team;
  for (const float value : {3.0f, 5.0f}) {
    plan.data<float>(x)[0] = plan.data<float>(x)[1] = value;
    plan.run(team);
    EXPECT_EQ(plan.data<float>(y)[1], 2 * value + 1);
  }
}

TEST(Fold, WhatIsLargeIsNotKept) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 1 << 20});
  const Tensor y = ops::add(g, x, ops::fill(g, DType::kF32, {1, 1 << 20}, 1.0));
  const Plan plan(g, {y});
  EXPECT_TRUE(mentions(plan, "fill")) << plan.describe();
}

}  // namespace
}  // namespace hardy::test
