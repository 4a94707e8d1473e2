#include "engine/graph/plan.h"

#include "tests/engine/count_allocations.h"
#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

TEST(Plan, FusionInPlaceAndThreadsChangeNoBit) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const SomeGraph s(seed, 2, seed % 10 ? 6 : 110, seed % 10 ? 5 : 90);
    const auto plain = bits_after(s, {.fuse = false, .in_place = false}, 1);
    EXPECT_EQ(bits_after(s, {.fuse = false, .in_place = true}, 1), plain) << "in place, graph " << seed;
    EXPECT_EQ(bits_after(s, {.fuse = true, .in_place = false}, 1), plain) << "fused, graph " << seed;
    for (int threads : {1, 2, 3})
      EXPECT_EQ(bits_after(s, {}, threads), plain) << threads << " threads, graph " << seed;
  }
}

TEST(Plan, AnAgentsBitsDoNotDependOnItsNeighbours) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const std::int64_t rows = seed % 10 ? 6 : 110, columns = seed % 10 ? 5 : 90;
    const auto three = bits_after(SomeGraph(seed, 3, rows, columns), {}, 2);
    for (std::int64_t agent = 0; agent < 3; ++agent) {
      const auto one = bits_after(SomeGraph(seed, 1, rows, columns), {}, 2, agent);
      ASSERT_EQ(one.size(), three.size());
      for (std::size_t i = 0; i < one.size(); ++i) {
        const auto begin = three[i].begin() + static_cast<std::ptrdiff_t>(one[i].size()) * agent;
        EXPECT_TRUE(std::equal(one[i].begin(), one[i].end(), begin))
            << "graph " << seed << " output " << i << " agent " << agent;
      }
    }
  }
}

TEST(Plan, TheArenaIsSmallerThanTheSumOfIntermediates) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 1000});
  Tensor y = x;
  for (int i = 0; i < 20; ++i) y = ops::multiply(g, ops::softplus(g, y), ops::sum(g, y, 1));
  const std::size_t all = 20 * (2 * 1000 + 1) * sizeof(float);
  EXPECT_LT(Plan(g, {y}, {.fuse = false, .in_place = false}).arena_bytes(), all / 8);
  EXPECT_LT(Plan(g, {y}, {.fuse = false, .in_place = true}).arena_bytes(),
            Plan(g, {y}, {.fuse = false, .in_place = false}).arena_bytes());
}

TEST(Plan, RunAllocatesNothing) {
  for (int threads : {1, 3}) {
    const SomeGraph s(7, 2, 110, 90);
    Plan plan(s.g, s.outputs);
    s.fill(plan, 0);
    ThreadTeam team(threads);
    plan.run(team);
    const std::int64_t before = allocations();
    for (int i = 0; i < 5; ++i) plan.run(team);
    EXPECT_EQ(allocations(), before) << threads << " threads";
  }
}

TEST(Plan, DropsWhatNoOutputNeeds) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 8});
  const Tensor y = ops::sum(g, x, 1);
  ops::sum(g, ops::exp(g, x), 1);
  EXPECT_EQ(Plan(g, {y}).steps(), 1u);
}

TEST(Plan, RunsAChainOfPointwiseOpsAsOneStepThatNeedsNoArena) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 5000}), s = g.input("s", DType::kF32, {2, 1});
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = ops::tanh(g, ops::multiply(g, y, s));
  Plan plan(g, {y});
  EXPECT_EQ(plan.steps(), 1u) << plan.describe();
  EXPECT_EQ(plan.arena_bytes(), 0u);
}

// Half of the outputs on demand: a run gives the others the same bits and leaves these alone, which then
// follow, as often as they are asked for.
TEST(Plan, WhatIsOnDemandFollowsARunWithTheBitsItWouldHaveHadInIt) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::int64_t agents = 1 + static_cast<std::int64_t>(seed % 3);
    const SomeGraph s(seed, agents, 6, 5);
    const auto whole = bits_after(s, {.agents = agents}, 1);
    std::vector<Tensor> always, on_demand;
    for (std::size_t i = 0; i < s.outputs.size(); ++i) (i % 2 ? on_demand : always).push_back(s.outputs[i]);
    Plan plan(s.g, always, {.agents = agents, .on_demand = on_demand});
    s.fill(plan, 0);
    ThreadTeam team(2);
    const auto bits = [&](Tensor t) {
      const auto* at = plan.data<std::uint32_t>(t);
      return std::vector<std::uint32_t>(at, at + s.g.shape(t).elements());
    };
    for (int turn = 0; turn < 3; ++turn) {
      if (turn < 2) plan.run(team);
      plan.run_on_demand(team);
      for (std::size_t i = 0; i < s.outputs.size(); ++i)
        EXPECT_EQ(bits(s.outputs[i]), whole[i]) << "graph " << seed << " output " << i << " turn " << turn;
    }
  }
}

TEST(Plan, WhatIsOnDemandIsNotComputedInARunUnlessItReadsAnInput) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 8}), y = ops::softmax(g, x);
  const Tensor loss = ops::sum(g, y, 1), largest = ops::max(g, ops::square(g, y), 1),
               seen = ops::sum(g, x, 1);
  Plan plan(g, {loss}, {.on_demand = {largest, seen}});
  EXPECT_EQ(plan.steps(), 3u) << plan.describe();
  EXPECT_NE(plan.describe().find("on demand:\nsquare"), std::string::npos) << plan.describe();
  fill<float>(plan, x, {0, 0, 0, 0, 0, 0, 0, 0});
  ThreadTeam team;
  plan.run(team);
  EXPECT_EQ(plan.data<float>(largest)[0], 0) << "it was computed in the run";
  fill<float>(plan, x, {9, 9, 9, 9, 9, 9, 9, 9});  // the next run's
  plan.run_on_demand(team);
  EXPECT_EQ(plan.data<float>(largest)[0], 1.0f / 64);
  EXPECT_EQ(plan.data<float>(seen)[0], 0);
}

TEST(Plan, ReadsAndWritesBoundMemory) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 3}), y = ops::square(g, x);
  float in[] = {1, 2, 3}, out[3] = {};
  Plan plan(g, {y});
  plan.bind(x, in);
  plan.bind(y, out);
  ThreadTeam team;
  plan.run(team);
  in[0] = 5;
  plan.run(team);
  EXPECT_EQ(out[0], 25);
  EXPECT_EQ(out[2], 9);
}

TEST(Plan, RefusesWhatHasNoLastingMemory) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 3}), h = ops::exp(g, x), y = ops::sum(g, h, 1);
  EXPECT_THROW(Plan(g, {Tensor{}}), Error);
  Plan plan(g, {y});
  EXPECT_THROW(plan.raw(h), Error);
  EXPECT_THROW(plan.bind(h, nullptr), Error);
  EXPECT_THROW(plan.raw(ops::exp(g, y)), Error);  // built after the plan was made
}

TEST(Plan, NamesTheFirstOpThatIsNotFinite) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 3});
  const Tensor root = g.name(ops::log(g, x), "density");
  const Tensor loss = ops::mean_per_agent(g, ops::square(g, ops::tanh(g, root)));
  ops::log(g, ops::negate(g, x));  // nobody needs this one's NaN
  Plan plan(g, {loss});
  fill<float>(plan, x, {1, 2, 3, 4, -1, 6});
  ThreadTeam team;
  plan.run(team);
  EXPECT_TRUE(std::isfinite(plan.data<float>(loss)[0]));
  EXPECT_TRUE(std::isnan(plan.data<float>(loss)[1]));
  EXPECT_EQ(plan.find_non_finite(team, 0, 2), "");
  EXPECT_EQ(plan.find_non_finite(team, 1, 2), "log (density) [2, 3]");
  plan.data<float>(x)[4] = std::nanf("");
  EXPECT_EQ(plan.find_non_finite(team, 1, 2), "input x [2, 3]");
}

}  // namespace
}  // namespace hardy::test
