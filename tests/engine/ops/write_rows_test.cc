// Writes in place: what an op that has them does, and how plans order them.
#include "engine/ops/write_rows.h"

#include "engine/graph/branches.h"
#include "engine/graph/schedule.h"
#include "engine/ops/attention.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

// A cache [1, 2, 4, 3] and rows [1, 2, 2, 3], with the places that they go to.
struct Cache {
  Graph g;
  Tensor cache = g.input("cache", DType::kF32, {1, 2, 4, 3}),
         rows = g.input("rows", DType::kF32, {1, 2, 2, 3}), first = g.input("first", DType::kI32, {1, 2}),
         last = g.input("last", DType::kI32, {1, 2});
  std::vector<float> memory = std::vector<float>(24);  // of the cache

  Tensor write(Tensor into, Tensor what) { return ops::write_rows(g, into, what, first, last); }
  // Numbers 0 to 23 in the cache, 100 to 111 in the rows, which go to 1 .. 2 and 3 ...
  std::vector<std::vector<float>> run(const std::vector<Tensor>& outputs,
                                      const graph::PlanOptions& options = {}) {
    Plan plan(g, outputs, options);
    plan.bind(cache, memory.data());
    for (std::size_t i = 0; i < 24; ++i) memory[i] = static_cast<float>(i);
    for (int i = 0; i < 12; ++i) plan.data<float>(rows)[i] = static_cast<float>(100 + i);
    std::copy_n(std::array{1, 3}.begin(), 2, plan.data<std::int32_t>(first));
    std::copy_n(std::array{4, 9}.begin(), 2, plan.data<std::int32_t>(last));
    ThreadTeam team(2);
    plan.run(team);
    std::vector<std::vector<float>> values;
    for (Tensor t : outputs)
      values.emplace_back(plan.data<float>(t), plan.data<float>(t) + g.shape(t).elements());
    return values;
  }
  static std::vector<float> written() {
    std::vector<float> y(24);
    for (std::size_t i = 0; i < 24; ++i) y[i] = static_cast<float>(i);
    for (std::size_t i = 0; i < 6; ++i) y[3 + i] = static_cast<float>(100 + i);   // positions 1 and 2
    for (std::size_t i = 0; i < 3; ++i) y[21 + i] = static_cast<float>(106 + i);  // 3; 4 is past the end
    return y;
  }
};

TEST(WriteRows, GoToTheirPositionsInTheBoundMemoryAndNowhereElse) {
  Cache c;
  const auto values = c.run({c.write(c.cache, c.rows)});
  EXPECT_EQ(values[0], Cache::written());
  EXPECT_EQ(c.memory, Cache::written());
}

TEST(WriteRows, FromTheLastPositionOnNothingIsWritten) {
  Cache c;
  Plan plan(c.g, {c.write(c.cache, c.rows)});
  std::fill_n(plan.data<float>(c.rows), 12, 1.0f);
  std::copy_n(std::array{2, -1}.begin(), 2, plan.data<std::int32_t>(c.first));
  std::copy_n(std::array{3, 4}.begin(), 2, plan.data<std::int32_t>(c.last));
  ThreadTeam team(1);
  plan.run(team);
  for (std::size_t i = 0; i < 24; ++i)
    EXPECT_EQ(plan.data<float>(c.cache)[i], (i >= 6 && i < 9) || (i >= 12 && i < 15)) << i;
}

TEST(WriteRows, ReadersOfTheOldStateComeBeforeAndThoseOfTheNewAfter) {
  for (const bool fused : {false, true}) {
    Cache c;
    const Tensor renamed = ops::reshape(c.g, c.cache, {1, 24});
    const Tensor written = c.write(c.cache, c.rows);
    // Built after the write, and read through another shape: they see what was there before.
    const Tensor before = ops::affine(c.g, renamed, 2), sum_before = ops::sum_per_agent(c.g, c.cache);
    const Tensor after = ops::affine(c.g, written, 2),
                 both = ops::add(c.g, ops::affine(c.g, c.cache, 1), ops::affine(c.g, written, 1000));
    const auto y = c.run({before, sum_before, after, both}, {.fuse = fused, .in_place = fused});
    for (std::size_t i = 0; i < 24; ++i) {
      EXPECT_EQ(y[0][i], 2 * static_cast<float>(i));
      EXPECT_EQ(y[2][i], 2 * Cache::written()[i]);
      EXPECT_EQ(y[3][i], static_cast<float>(i) + 1000 * Cache::written()[i]);
    }
    EXPECT_EQ(y[1][0], 276);
    EXPECT_EQ(c.memory, Cache::written());
  }
}

TEST(WriteRows, OneAfterAnotherSeeEachOthersRows) {
  Cache c;
  const Tensor once = c.write(c.cache, c.rows), between = ops::sum_per_agent(c.g, once);
  const Tensor twice = c.write(once, ops::negate(c.g, c.rows));
  const auto y = c.run({twice, between, ops::sum_per_agent(c.g, twice)});
  const std::vector<float> first = Cache::written();
  float sum = 0;
  for (const float x : first) sum += x;
  EXPECT_EQ(y[1][0], sum);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(y[0][i], first[i] >= 100 ? -first[i] : first[i]);
}

TEST(WriteRows, AreNotRunWhereNoOutputNeedsThem) {
  Cache c;
  c.write(c.cache, c.rows);
  c.run({ops::sum_per_agent(c.g, c.cache)});
  EXPECT_EQ(c.memory[3], 3);
}

TEST(WriteRows, OfSeveralAgentsRunApart) {
  Graph g;
  const Tensor cache = g.input("cache", DType::kF32, {3, 1, 4, 2}),
               rows = g.input("rows", DType::kF32, {3, 1, 1, 2}), at = g.input("at", DType::kI32, {3, 1}),
               end = g.input("end", DType::kI32, {3, 1});
  const Tensor sum = ops::sum_per_agent(g, ops::write_rows(g, cache, rows, at, end));
  Plan plan(g, {sum}, {.agents = 3});
  EXPECT_NE(plan.describe().find("3 agents apart"), std::string::npos);
  for (int a = 0; a < 3; ++a) {
    plan.data<std::int32_t>(at)[a] = a;
    plan.data<std::int32_t>(end)[a] = 4;
    plan.data<float>(rows)[2 * a] = static_cast<float>(a + 1);
  }
  ThreadTeam team(2);
  plan.run(team);
  for (int a = 0; a < 3; ++a) {
    EXPECT_EQ(plan.data<float>(cache)[8 * a + 2 * a], static_cast<float>(a + 1));
    EXPECT_EQ(plan.data<float>(sum)[a], static_cast<float>(a + 1));
  }
  EXPECT_EQ(plan.find_non_finite(team, 1, 3), "");
  plan.data<float>(rows)[2] = NAN;
  EXPECT_EQ(plan.find_non_finite(team, 1, 3), "input rows [3, 1, 1, 2]");
  EXPECT_EQ(plan.data<float>(cache)[10], 2);  // to look is not to write
}

TEST(WriteRows, RefuseWhatHasNoOrderOrNoMemory) {
  Cache c;
  const Tensor computed = ops::affine(c.g, c.cache, 2),
               shared = c.g.shared_input("shared", DType::kF32, {1, 2, 4, 3});
  for (const Tensor t : {computed, shared})
    expect_shape_error([&] { c.write(t, c.rows); }, {"op write_rows", "that agents do not share"});
  expect_shape_error([&] { c.write(c.cache, c.cache); },
                     {"op write_rows", "would read the memory that it writes"});
  expect_shape_error(
      [&] {
        c.write(c.cache, computed), c.write(c.cache, c.g.input("i", DType::kI32, {1, 2, 2, 3}));
      },
      {"op write_rows", "rows [A, S, T, ...] of its type"});
  // The state that is written over already, also by another name.
  const Tensor renamed = ops::reshape(c.g, c.cache, {1, 2, 4, 3});
  expect_shape_error([&] { c.write(renamed, c.rows); }, {"op write_rows", "written over already"});
}

TEST(WriteRows, AReaderOfTheOldStateThatNeedsTheNewIsRefused) {
  Cache c;
  const Tensor written = c.write(c.cache, c.rows), number = ops::sum(c.g, written, 2);
  const Tensor circle = ops::multiply(c.g, ops::softmax(c.g, number), c.cache);
  expect_shape_error([&] { Plan(c.g, {circle}); },
                     {"input cache, op write_rows", "read after an op wrote over it"});
}

TEST(WriteRows, AStateThatIsWrittenOverIsNoOutput) {
  Cache c;
  const Tensor renamed = ops::reshape(c.g, c.cache, {1, 24}), written = c.write(c.cache, c.rows);
  expect_shape_error([&] { Plan(c.g, {renamed, written}); }, {"reshape", "written over in the run"});
  expect_shape_error([&] { Plan(c.g, {c.cache, written}); }, {"input cache", "written over in the run"});
  Plan(c.g, {renamed});  // which nobody needs
}

TEST(WriteRows, NoGradientPasses) {
  Graph g;
  const Tensor cache = g.input("cache", DType::kF32, {1, 2, 4, 3}),
               rows = g.parameter("rows", DType::kF32, {1, 2, 2, 3}), at = g.input("at", DType::kI32, {1, 2});
  const Tensor loss = ops::sum_per_agent(g, ops::write_rows(g, cache, rows, at, at));
  for (const Tensor t : {rows, cache})
    expect_shape_error([&] { graph::differentiate(g, loss, {t}); }, {"op write_rows", "no gradient rule"});
}

// What a plan for a device makes of it: steps over branches, each after what it must follow.
TEST(WriteRows, BranchesPutAWriteAfterTheReadersOfTheOldState) {
  Graph g;
  const Tensor cache = g.input("cache", DType::kF32, {1, 2, 400, 3}),
               rows = g.input("rows", DType::kF32, {1, 2, 2, 3}), at = g.input("at", DType::kI32, {1, 2});
  std::vector<Tensor> old, fresh;
  for (int i = 0; i < 6; ++i) old.push_back(ops::sum(g, ops::affine(g, cache, i), 2));
  const Tensor written = ops::write_rows(g, cache, rows, at, at);
  for (int i = 0; i < 6; ++i) fresh.push_back(ops::sum(g, ops::affine(g, written, i), 2));
  std::vector<Tensor> root;
  for (std::size_t v = 0; v < g.values(); ++v)
    root.push_back(g.memory_of(Tensor{static_cast<std::int32_t>(v)}));
  for (const int most : {1, 2, 5}) {
    std::vector<graph::Step> steps = graph::schedule(g, g.nodes(), root, false);
    const std::vector<int> branch = graph::branch_out(g, steps, most);
    const graph::Order order = graph::order_of(g, steps, branch);
    std::size_t write = 0;
    while (!steps[write].nodes[0].op->writes) ++write;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const Tensor read = steps[s].nodes[0].inputs[0];
      if (s != write && read == cache) {
        EXPECT_TRUE(order.precedes(s, write));
      }
      if (read == written) {
        EXPECT_TRUE(order.precedes(write, s));
      }
    }
  }
}

// A prompt prefilled at once, then one token at a time over the cache: the attention of the whole sequence.
TEST(WriteRows, ACacheGivesTheBitsOfTheWholeSequence) {
  const std::int64_t S = 2, T = 9, U = 12;
  const std::vector<double> q = random_values({S * T * 4 * 8}, -1, 1, 1),
                            kv = random_values({S * T * 2 * 8}, -1, 1, 2);
  ThreadTeam team(2);
  Graph whole;
  const Tensor wq = whole.input("q", DType::kF32, {1, S, T, 4, 8}),
               wk = whole.input("k", DType::kF32, {1, S, T, 2, 8}),
               zero = whole.input("first", DType::kI32, {1, S}),
               end = whole.input("last", DType::kI32, {1, S});
  const Tensor wy = ops::attention(whole, wq, wk, wk, zero, end);
  Plan all(whole, {wy});
  fill<float>(all, wq, q);
  fill<float>(all, wk, kv);
  std::fill_n(all.data<std::int32_t>(end), S, static_cast<std::int32_t>(T));
  all.run(team);

  std::vector<float> cache(static_cast<std::size_t>(S * U * 2 * 8), NAN);
  for (std::int64_t begin = 0, rows = 5; begin < T; begin += rows, rows = 1) {
    Graph g;
    const Tensor tq = g.input("q", DType::kF32, {1, S, rows, 4, 8}),
                 tk = g.input("k", DType::kF32, {1, S, rows, 2, 8}),
                 c = g.input("cache", DType::kF32, {1, S, U, 2, 8}),
                 at = g.input("first", DType::kI32, {1, S}), stop = g.input("last", DType::kI32, {1, S});
    const Tensor kept = ops::write_rows(g, c, tk, at, stop), y = ops::attention(g, tq, kept, kept, at, stop);
    Plan plan(g, {y});
    plan.bind(c, cache.data());
    for (std::int64_t s = 0; s < S; ++s) {
      plan.data<std::int32_t>(at)[s] = static_cast<std::int32_t>(begin);
      plan.data<std::int32_t>(stop)[s] = static_cast<std::int32_t>(begin + rows);
      for (std::int64_t i = 0; i < rows * 32; ++i)
        plan.data<float>(tq)[s * rows * 32 + i] =
            static_cast<float>(q[static_cast<std::size_t>((s * T + begin) * 32 + i)]);
      for (std::int64_t i = 0; i < rows * 16; ++i)
        plan.data<float>(tk)[s * rows * 16 + i] =
            static_cast<float>(kv[static_cast<std::size_t>((s * T + begin) * 16 + i)]);
    }
    plan.run(team);
    for (std::int64_t s = 0; s < S; ++s)
      for (std::int64_t i = 0; i < rows * 32; ++i)
        EXPECT_EQ(plan.data<float>(y)[s * rows * 32 + i], all.data<float>(wy)[(s * T + begin) * 32 + i])
            << begin;
  }
}

}  // namespace
}  // namespace hardy::test
