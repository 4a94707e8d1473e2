// Common subexpressions of a plan.
#include "engine/graph/merge.h"

#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

std::size_t left(const Graph& g, std::initializer_list<Tensor> kept = {}) {
  std::vector<char> marks(g.values(), 0);
  for (Tensor t : kept) marks[static_cast<std::size_t>(t.id)] = 1;
  return graph::merge_equal(g, g.nodes(), marks).size();
}

TEST(Merge, EqualNodesOfEqualOperandsAreOneAndSoIsWhatFollows) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 4, 3}), y = g.input("y", DType::kF32, {1, 4, 2});
  const Tensor a = ops::tanh(g, ops::concat(g, x, y)), b = ops::tanh(g, ops::concat(g, x, y));
  const Tensor c = ops::add(g, a, b);
  EXPECT_EQ(left(g), 3u);
  Plan plan(g, {c});
  fill<float>(plan, x, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  fill<float>(plan, y, {-1, -2, -3, -4, -5, -6, -7, -8});
  ThreadTeam team;
  plan.run(team);
  EXPECT_EQ(plan.data<float>(c)[0], 2 * std::tanh(1.0f));
  EXPECT_EQ(plan.data<float>(c)[3], 2 * std::tanh(-1.0f));
}

TEST(Merge, OtherAttributesOperandsAndShapesStay) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 3}), y = g.input("y", DType::kF32, {2, 3});
  ops::affine(g, x, 2);
  ops::affine(g, x, 3);
  ops::affine(g, y, 2);
  ops::stretch(g, ops::sum(g, x, 0), {4, 3});
  ops::stretch(g, ops::sum(g, x, 0), {5, 3});
  EXPECT_EQ(left(g), 6u);  // the sum is one
}

TEST(Merge, AnOutputKeepsMemoryOfItsOwn) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {2, 3}), a = ops::square(g, x), b = ops::square(g, x);
  EXPECT_EQ(left(g, {a, b}), 2u);
  Plan plan(g, {a, b});
  EXPECT_NE(plan.raw(a), plan.raw(b));
}

TEST(Merge, BitsAreThoseOfTheGraphAsItWasBuilt) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    const SomeGraph s(seed, 2, 6, 5, 80);
    EXPECT_EQ(bits_after(s, {}, 1), bits_after(s, {.fuse = false, .in_place = false}, 1)) << seed;
  }
}

}  // namespace
}  // namespace hardy::test
