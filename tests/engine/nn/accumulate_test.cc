#include "engine/nn/accumulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/base/threads.h"

namespace hardy::nn {
namespace {

TEST(Accumulator, TheMeanOfAllPassesStandsWhereTheLastWasWhateverTheThreads) {
  for (const int threads : {1, 3})
    for (const std::int64_t passes : {1, 2, 3, 5}) {
      std::vector<float> a(3), b(20000);  // more than one task takes
      Accumulator accumulator({{a.data(), 3}, {b.data(), 20000}}, passes);
      ThreadTeam team(threads);
      for (int round = 0; round < 2; ++round)  // the second step begins anew
        for (std::int64_t p = 0; p < passes; ++p) {
          for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>((p + 1) * passes) * 0.5f;
          for (std::size_t i = 0; i < b.size(); ++i)
            b[i] = static_cast<float>(passes * (static_cast<std::int64_t>(i) + p));
          accumulator.add(p, team);
        }
      // The means of (p + 1) n / 2 and n (i + p) over n passes.
      for (const float x : a) EXPECT_EQ(x, static_cast<float>(passes * (passes + 1)) / 4) << passes;
      for (std::size_t i = 0; i < b.size(); ++i)
        ASSERT_EQ(b[i],
                  static_cast<float>(passes * static_cast<std::int64_t>(i) + passes * (passes - 1) / 2));
    }
}

// Seven passes by one process, and by two, three and nine in turn: the same sums, where other orders give
// others.
TEST(TurnAccumulator, ItsSumIsThatOfOneProcessForAnyNumberOfThem) {
  constexpr std::int64_t kPasses = 7, kElements = 20000;
  constexpr float kLeft[kPasses]{1e8f, 3, -1e8f, 5, 0.25f, 1e7f, 0.1f};
  const auto left_by = [&](std::int64_t pass, std::int64_t i) {
    return kLeft[pass] * static_cast<float>(1 + i % 3);
  };
  ThreadTeam team(2);
  std::vector<float> value(kElements);
  const auto leave = [&](std::int64_t pass) {
    for (std::int64_t i = 0; i < kElements; ++i) value[static_cast<std::size_t>(i)] = left_by(pass, i);
  };
  Accumulator one({{value.data(), kElements}}, 0);
  for (std::int64_t p = 0; p < kPasses; ++p) {
    leave(p);
    one.add(p, team);
  }
  const std::vector<float> expected = value;
  Accumulator backwards({{value.data(), kElements}}, 0);
  for (std::int64_t p = 0; p < kPasses; ++p) {
    leave(kPasses - 1 - p);
    backwards.add(p, team);
  }
  EXPECT_NE(value, expected);
  for (const std::int64_t processes : {2, 3, 9}) {
    TurnAccumulator turns({{value.data(), kElements}}, processes);
    for (int step = 0; step < 2; ++step)  // the second begins anew
      for (std::int64_t first = 0; first < kPasses; first += processes) {
        const std::int64_t n = std::min(processes, kPasses - first);
        for (std::int64_t p = n - 1; p >= 0; --p) {  // in whatever order they come
          leave(first + p);
          turns.keep(p, team);
        }
        turns.add(first, n, team);
      }
    EXPECT_EQ(value, expected) << processes;
  }
}

// Shards of two passes, the last one first, as if others had computed them: ((a + b) + (c + d)) / 4, where
// every other order gives other bits.
TEST(ShardedAccumulator, SumsEachShardAndThenTheShardsWhoeverComputedThem) {
  const float x[2][2]{{1e8f, 3}, {-1e8f, 5}};
  std::vector<float> value(20000);
  ShardedAccumulator accumulator({{value.data(), 20000}}, 2, 2);
  ThreadTeam team(2);
  for (int round = 0; round < 2; ++round) {
    for (const int shard : {1, 0})
      for (const int pass : {0, 1}) {
        value.assign(value.size(), x[shard][pass]);
        accumulator.add(shard, pass, team);
      }
    accumulator.mean(team);
    const float mean = ((x[0][0] + x[0][1]) + (x[1][0] + x[1][1])) / 4;
    EXPECT_NE(mean, (((x[0][0] + x[0][1]) + x[1][0]) + x[1][1]) / 4);
    for (const float v : value) ASSERT_EQ(v, mean);
  }
}

}  // namespace
}  // namespace hardy::nn
