// Rows written over by a mask, and sums that follow.
#include "engine/ops/write_where.h"

#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kAgents = 2, kRows = 6, kWidth = 2, kWrites = 4;

TEST(WriteWhere, TheLastOfSeveralForOneRowCountsAndEachSaysWhatItChanged) {
  for (const int threads : {1, 2}) {
    Graph g;
    const Tensor table = g.parameter("table", DType::kF32, {kAgents, kRows, kWidth}),
                 index = g.input("index", DType::kI32, {kAgents, kWrites}),
                 values = g.input("values", DType::kF32, {kAgents, kWrites, kWidth}),
                 which = g.input("which", DType::kF32, {kAgents, kWrites});
    const Tensor before = ops::sum_per_agent(g, table);
    const ops::Written w = ops::write_where(g, table, index, values, which);
    Plan plan(g, std::vector{before, w.table, w.change});
    std::vector<float> memory(kAgents * kRows * kWidth, 1.0f);
    plan.bind(table, memory.data());
    const std::int32_t rows[] = {3, 0, 3, 5, 3, 0, 3, 5};
    const float mask[] = {1, 0, 1, 1, 0, 0, 0, 1};
    std::copy_n(rows, 8, plan.data<std::int32_t>(index));
    std::copy_n(mask, 8, plan.data<float>(which));
    for (int i = 0; i < 16; ++i) plan.data<float>(values)[i] = static_cast<float>(10 + i);
    ThreadTeam team(threads);
    plan.run(team);
    // Agent 0: row 3 becomes (10, 11), then (14, 15); row 5 (16, 17). Agent 1: row 5 (24, 25).
    std::vector<float> expected(kAgents * kRows * kWidth, 1.0f);
    expected[6] = 14, expected[7] = 15, expected[10] = 16, expected[11] = 17, expected[22] = 24,
    expected[23] = 25;
    EXPECT_EQ(memory, expected);
    const std::vector<float> change{9, 10, 0, 0, 4, 4, 15, 16, 0, 0, 0, 0, 0, 0, 23, 24};
    EXPECT_TRUE(std::equal(change.begin(), change.end(), plan.data<float>(w.change)));
    EXPECT_EQ(plan.data<float>(before)[0], 12);  // what was there is read before
  }
}

TEST(AddBefore, ARowAndThoseBeforeItGainTheChange) {
  Graph g;
  const Tensor table = g.input("table", DType::kF32, {kAgents, kRows, 1}),
               index = g.input("index", DType::kI32, {kAgents, 2}),
               count = g.input("count", DType::kI32, {kAgents, 2}),
               change = g.input("change", DType::kF32, {kAgents, 2, 1});
  const Tensor y = ops::add_before(g, table, index, count, change);
  Plan plan(g, std::vector{y});
  std::fill_n(plan.data<float>(table), kAgents * kRows, 0.0f);
  const std::int32_t rows[] = {3, 5, 0, 5}, before[] = {2, 2, 0, 5};
  const float changes[] = {1, 10, 2, 0};
  std::copy_n(rows, 4, plan.data<std::int32_t>(index));
  std::copy_n(before, 4, plan.data<std::int32_t>(count));
  std::copy_n(changes, 4, plan.data<float>(change));
  ThreadTeam team(2);
  plan.run(team);
  const std::vector<float> expected{0, 1, 1, 11, 10, 10, 2, 0, 0, 0, 0, 0};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), plan.data<float>(y)));
}

TEST(WriteWhere, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor table = g.input("table", DType::kF32, {2, 6, 2}),
               index = g.input("index", DType::kI32, {2, 4}),
               values = g.input("values", DType::kF32, {2, 4, 2}),
               which = g.input("which", DType::kF32, {2, 4}),
               shared = g.shared_input("shared", DType::kF32, {2, 6, 2});
  expect_shape_error([&] { ops::write_where(g, table, index, values, values); },
                     {"op write_where", "which [A, B]", "input values f32[2, 4, 2]"});
  expect_shape_error([&] { ops::write_where(g, shared, index, values, which); },
                     {"op write_where", "do not share"});
  expect_shape_error([&] { ops::add_before(g, table, index, index, values); },
                     {"op add_before", "[A, N, 1]"});
}

}  // namespace
}  // namespace hardy::test
