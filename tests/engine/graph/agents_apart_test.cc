// Agents that run apart: the same bits as together, and graphs that cannot be taken apart stay whole.
#include "engine/graph/agents_apart.h"

#include "engine/ops/gather.h"
#include "tests/engine/count_allocations.h"
#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

TEST(AgentsApart, AgentsApartHaveTheBitsOfAgentsTogetherForAnyNumberOfThreads) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::int64_t agents = 2 + static_cast<std::int64_t>(seed % 4);
    const SomeGraph s(seed, agents, seed % 10 ? 6 : 110, seed % 10 ? 5 : 90);
    ASSERT_EQ(graph::agents_apart(s.g, agents, s.outputs).count, agents) << "graph " << seed;
    const auto together = bits_after(s, {}, 1);
    for (int threads : {1, 2, 3})
      EXPECT_EQ(bits_after(s, {.agents = agents}, threads), together)
          << threads << " threads, graph " << seed;
  }
}

TEST(AgentsApart, AgentsApartAllocateNothingInParallel) {
  const SomeGraph s(7, 3, 110, 90);
  Plan plan(s.g, s.outputs, {.agents = 3});
  s.fill(plan, 0);
  ThreadTeam team(2);
  plan.run(team);
  const std::int64_t before = allocations();
  for (int i = 0; i < 5; ++i) plan.run(team);
  EXPECT_EQ(allocations(), before);
}

// A table of as many rows as there are agents is still one table.
TEST(AgentsApart, SharedTablesAreReadWholeByEveryAgent) {
  Graph g;
  const Tensor table = g.shared_input("table", DType::kF32, {2, 3}),
               index = g.input("index", DType::kI32, {2, 4});
  const Tensor rows = ops::gather_rows(g, table, index);
  ASSERT_EQ(graph::agents_apart(g, 2, std::vector{rows}).count, 2);
  Plan plan(g, {rows}, {.agents = 2});
  for (int i = 0; i < 6; ++i) plan.data<float>(table)[i] = static_cast<float>(i);
  for (int i = 0; i < 8; ++i) plan.data<std::int32_t>(index)[i] = (i / 2) % 2;
  ThreadTeam team(2);
  plan.run(team);
  for (int i = 0; i < 8; ++i)
    for (int k = 0; k < 3; ++k)
      EXPECT_EQ(plan.data<float>(rows)[i * 3 + k], static_cast<float>((i / 2) % 2 * 3 + k));
}

TEST(AgentsApart, WhatMixesAgentsStaysWhole) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {3, 5});
  const Tensor over_agents = ops::mean(g, x, 0);            // [1, 5]
  const Tensor flat = ops::reshape(g, x, {15});             // agents become elements
  const Tensor centred = ops::subtract(g, x, over_agents);  // [3, 5] again
  EXPECT_EQ(graph::agents_apart(g, 3, std::vector{centred}).count, 1);
  Plan plan(g, {centred, flat}, {.agents = 3});
  for (int i = 0; i < 15; ++i) plan.data<float>(x)[i] = static_cast<float>(i);
  ThreadTeam team(2);
  plan.run(team);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(plan.data<float>(centred)[i], static_cast<float>(i / 5 * 5 - 5));
}

TEST(AgentsApart, AnOutputThatAgentsShareStaysWhole) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 5}), c = g.shared_input("c", DType::kF32, {1, 5});
  const Tensor y = ops::exp(g, c), z = ops::add(g, x, y);
  EXPECT_EQ(graph::agents_apart(g, 2, std::vector{z}).count, 2);
  EXPECT_EQ(graph::agents_apart(g, 2, std::vector{y, z}).count, 1);
}

}  // namespace
}  // namespace hardy::test
