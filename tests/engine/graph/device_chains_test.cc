// Pointwise steps of a device's plan that become one launch: which, and that no launch comes later for it.
#include "engine/graph/device_chains.h"

#include <algorithm>
#include <map>

#include "engine/graph/branches.h"
#include "engine/graph/device_kernels.h"
#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

using graph::join_chains;
using graph::Node;
using graph::Step;

bool pointwise(const Node& node) {
  return node.op->cpu_range != nullptr && node.inputs.size() <= graph::kMostLinkOperands;
}
std::vector<Step> one_by_one(const Graph& g) {
  std::vector<Tensor> root;
  for (std::size_t v = 0; v < g.values(); ++v)
    root.push_back(g.memory_of(Tensor{static_cast<std::int32_t>(v)}));
  return graph::schedule(g, g.nodes(), root, false);
}
std::vector<Step> joined(const Graph& g) { return join_chains(g, one_by_one(g), pointwise); }

std::vector<int> levels(const Graph& g, const std::vector<Step>& steps) {
  const auto makers = graph::makers_of(g, steps);
  std::vector<int> level(steps.size(), 1);
  for (std::size_t s = 0; s < steps.size(); ++s)
    for (const std::size_t m : makers[s]) {
      EXPECT_LT(m, s) << "a step comes before one that it needs";
      level[s] = std::max(level[s], level[m] + 1);
    }
  return level;
}
// By node (its first output): the length of the longest way to it.
std::map<std::int32_t, int> levels_of_nodes(const Graph& g, const std::vector<Step>& steps) {
  const std::vector<int> level = levels(g, steps);
  std::map<std::int32_t, int> all;
  for (std::size_t s = 0; s < steps.size(); ++s)
    for (const Node& node : steps[s].nodes)
      EXPECT_TRUE(all.emplace(node.outputs[0].id, level[s]).second) << "a node is in two steps";
  return all;
}

TEST(DeviceChains, NoNodeComesLaterAndEachIsInOneStep) {
  std::size_t before = 0, after = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const SomeGraph s(seed, 2, 6, 5, 60);
    const std::vector<Step> chains = joined(s.g);
    const auto alone = levels_of_nodes(s.g, one_by_one(s.g)), in_chains = levels_of_nodes(s.g, chains);
    ASSERT_EQ(alone.size(), in_chains.size());
    for (const auto& [node, level] : alone) EXPECT_LE(in_chains.at(node), level) << "graph " << seed;
    before += alone.size();
    after += chains.size();
  }
  EXPECT_LT(after, before - before / 5) << "hardly anything was joined";
}

TEST(DeviceChains, AChainHasItsBoundsAndReadsItsOwnAtTheElementBeingWritten) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const SomeGraph s(seed, 2, 6, 5, 60);
    for (const Step& step : joined(s.g)) {
      if (step.nodes.size() == 1) continue;
      std::size_t operands = 0;
      std::vector<Tensor> made;
      EXPECT_LE(step.nodes.size(), graph::kMostLinks);
      for (const Node& node : step.nodes) {
        EXPECT_TRUE(pointwise(node));
        const Shape& shape = s.g.shape(node.outputs[0]);
        EXPECT_EQ(shape.elements(), s.g.shape(step.nodes[0].outputs[0]).elements());
        operands += node.inputs.size();
        for (Tensor t : node.inputs)
          EXPECT_TRUE(!std::ranges::count(made, s.g.contents_of(t)) || s.g.shape(t) == shape);
        made.push_back(s.g.contents_of(node.outputs[0]));
      }
      EXPECT_LE(operands, graph::kMostChainOperands);
    }
  }
}

TEST(DeviceChains, ARowOfOpsIsOneStepAndWhatNeedsASumOfItIsTheNext) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 40});
  const Tensor y = ops::exp(g, ops::negate(g, ops::square(g, x)));
  const Tensor z = ops::multiply(g, y, ops::sum(g, y, 1));
  ops::tanh(g, z);
  const std::vector<Step> steps = joined(g);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].nodes.size(), 3u);
  EXPECT_STREQ(steps[1].nodes[0].op->name, "sum");
  EXPECT_EQ(steps[2].nodes.size(), 2u);
}

TEST(DeviceChains, WhatWaitsForAnotherLaunchDoesNotHoldTheChainBack) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 40});
  const Tensor early = ops::square(g, x),
               late = ops::sum(g, ops::stretch(g, ops::sum(g, early, 1), {2, 40}), 1);
  const Tensor other = ops::add(g, early, late);  // reads the chain, but needs two sums
  const Tensor next = ops::tanh(g, early);
  const std::vector<Step> steps = joined(g);
  const auto in = [&](Tensor t) {
    for (std::size_t s = 0; s < steps.size(); ++s)
      for (const Node& node : steps[s].nodes)
        if (node.outputs[0] == t) return s;
    return steps.size();
  };
  EXPECT_EQ(in(next), in(early));
  EXPECT_NE(in(other), in(early));
}

TEST(DeviceChains, TwoThatReadTheSameLaunchGoTogether) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 40}), s = ops::softmax(g, x);
  ops::square(g, s);
  ops::tanh(g, s);
  EXPECT_EQ(joined(g).size(), 2u);
}

}  // namespace
}  // namespace hardy::test
