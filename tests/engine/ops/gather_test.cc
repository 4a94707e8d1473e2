#include "engine/ops/gather.h"

#include "engine/ops/random.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

struct Draws {
  Graph& g;
  std::int64_t agents;
  Tensor seeds = g.input("seeds", DType::kI32, {agents, 2}), step = g.input("step", DType::kI32, {1, 2});
  Tensor index(std::int64_t n, std::int32_t limit) {
    return ops::random_index(g, n, g.scalar(DType::kI32, limit), seeds, step, RandomStream::kBatch);
  }
};

TEST(GatherRows, HasTheRightGradientRepeatedRowsIncluded) {
  const auto rows = [](Graph& g, const std::vector<Tensor>& x) {
    return ops::gather_rows(g, x[0], Draws{g, 2}.index(40, 5));
  };
  check_op({{{2, 5, 3}}}, rows);  // a table an agent
  check_op({{{5, 3}}}, rows);     // one table for all
}

// An embedding's gradient: of a row that is drawn often, the sum in the order of the draws, to the bit.
TEST(GatherRows, ATablesGradientSumsItsDrawsInTheirOrder) {
  const std::int64_t A = 2, V = 7, d = 70, N = 400;
  Graph g;
  const Tensor table = g.parameter("table", DType::kF32, {A, V, d}),
               index = g.input("index", DType::kI32, {A, N}),
               weights = g.input("weights", DType::kF32, {A, N, d});
  const Tensor loss = ops::sum_per_agent(g, ops::multiply(g, ops::gather_rows(g, table, index), weights));
  const Tensor slope = graph::differentiate(g, loss, {table})[0];
  for (const int threads : {1, 3}) {
    Plan plan(g, {slope});
    fill<float>(plan, weights, random_values({A * N * d}, -1, 1, 1));
    for (std::int64_t i = 0; i < A * N; ++i)
      plan.data<std::int32_t>(index)[i] = static_cast<std::int32_t>(i * i % 5);  // 2, 3, 5 and 6 never
    ThreadTeam team(threads);
    plan.run(team);
    std::vector<float> sums(static_cast<std::size_t>(A * V * d), 0.0f);
    for (std::int64_t i = 0; i < A * N; ++i)
      for (std::int64_t k = 0; k < d; ++k)
        sums[static_cast<std::size_t>((i / N * V + i * i % 5) * d + k)] +=
            plan.data<float>(weights)[i * d + k];
    EXPECT_TRUE(std::equal(sums.begin(), sums.end(), plan.data<float>(slope))) << threads << " threads";
  }
}

TEST(GatherRows, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor t = g.input("table", DType::kF32, {3, 5, 2}), i = g.input("index", DType::kI32, {2, 4});
  expect_shape_error([&] { ops::gather_rows(g, t, i); },
                     {"op gather_rows", "input table f32[3, 5, 2]", "input index i32[2, 4]"});
  expect_shape_error([&] { ops::gather_rows(g, t, t); }, {"op gather_rows", "i32"});
}

// Draws of agents with these seeds at `step`: normals, then indices.
std::pair<std::vector<float>, std::vector<std::int32_t>> draws_of(const std::vector<std::int32_t>& seeds,
                                                                  std::int32_t step) {
  Graph g;
  const auto agents = static_cast<std::int64_t>(seeds.size());
  Draws d{g, agents};
  const Tensor z = ops::random_normal(g, {agents, 7, 3}, d.seeds, d.step, RandomStream::kNoise),
               i = d.index(50, 1000);
  Plan plan(g, {z, i});
  for (std::size_t a = 0; a < seeds.size(); ++a) plan.data<std::int32_t>(d.seeds)[2 * a] = seeds[a];
  plan.data<std::int32_t>(d.step)[0] = step;
  ThreadTeam team(2);
  plan.run(team);
  return {{plan.data<float>(z), plan.data<float>(z) + agents * 21},
          {plan.data<std::int32_t>(i), plan.data<std::int32_t>(i) + agents * 50}};
}

TEST(RandomOps, EqualTheGeneratorsDrawsForEveryAgentWhateverItsNeighbours) {
  const auto [z, index] = draws_of({11, 12, 13}, 4);
  const Random noise(12, RandomStream::kNoise, 4), batch(12, RandomStream::kBatch, 4);
  for (std::size_t k = 0; k < 21; ++k) EXPECT_EQ(z[21 + k], static_cast<float>(noise.normal(k)));
  for (std::size_t k = 0; k < 50; ++k)
    EXPECT_EQ(index[50 + k], static_cast<std::int32_t>(batch.integer(k, 1000)));
  const auto [alone, alone_index] = draws_of({12}, 4);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), z.begin() + 21));
  EXPECT_TRUE(std::equal(alone_index.begin(), alone_index.end(), index.begin() + 50));
  EXPECT_NE(draws_of({12}, 5).first, alone);
}

}  // namespace
}  // namespace hardy::test
