#include "engine/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "engine/base/error.h"

namespace hardy {
namespace {

// Known answers of the generator's authors (Random123, kat_vectors).
TEST(Philox, EqualsTheReferenceVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, 0, 0), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EveryPartOfTheKeyMatters) {
  std::set<std::uint32_t> seen;
  const std::uint64_t wide = std::uint64_t{1} << 32;
  for (std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, wide})
    for (std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, wide})
      for (std::uint32_t stream : {1u, 2u})
        for (std::uint64_t i = 0; i < 8; ++i) seen.insert(Random(seed, stream, step).bits(i));
  EXPECT_EQ(seen.size(), 3u * 3 * 2 * 8);
}

TEST(Random, UniformDrawsFillTheUnitIntervalEvenly) {
  const Random random(1, RandomStream::kUser);
  constexpr int n = 100000;
  double mean = 0, square = 0, mean64 = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double u = random.uniform(i), v = random.uniform64(i);
    ASSERT_TRUE(u >= 0 && u < 1 && v >= 0 && v < 1);
    mean += u / n;
    square += u * u / n;
    mean64 += v / n;
  }
  EXPECT_NEAR(mean, 0.5, 5 * 0.2887 / std::sqrt(n));
  EXPECT_NEAR(mean64, 0.5, 5 * 0.2887 / std::sqrt(n));
  EXPECT_NEAR(square - mean * mean, 1.0 / 12, 2e-3);
}

TEST(Random, NormalDrawsHaveTheNormalsMomentsAndTails) {
  const Random random(2, RandomStream::kUser);
  constexpr int n = 200000;
  double m1 = 0, m2 = 0, m4 = 0, pairs = 0;
  int beyond = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = random.normal(i);
    m1 += x / n;
    m2 += x * x / n;
    m4 += x * x * x * x / n;
    pairs += x * random.normal(i ^ 1) / n;
    beyond += std::abs(x) > 1.959964;
  }
  EXPECT_NEAR(m1, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(m2, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m4, 3, 5 * std::sqrt(96.0 / n));
  EXPECT_NEAR(pairs, 0, 10 / std::sqrt(n));
  EXPECT_NEAR(beyond / double{n}, 0.05, 0.003);
}

TEST(Random, IntegersStayBelowTheirLimitAndReachEveryValue) {
  const Random random(3, RandomStream::kUser);
  std::vector<int> count(7, 0);
  for (std::uint64_t i = 0; i < 70000; ++i) ++count.at(random.integer(i, 7));
  for (int c : count) EXPECT_NEAR(c, 10000, 500);
}

TEST(Random, APermutationHoldsEveryIndexOnceAndEveryFirstEquallyOften) {
  std::vector<std::uint32_t> p(5);
  std::vector<int> first(5, 0);
  for (std::uint64_t step = 0; step < 10000; ++step) {
    Random(4, RandomStream::kShuffle, step).permutation(p);
    ++first[p[0]];
    auto sorted = p;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
  }
  for (int c : first) EXPECT_NEAR(c, 2000, 200);
}

TEST(Random, CategoricalDrawsFollowTheWeights) {
  const std::vector<double> weights{0, 1, 3, 0};
  const Random random(5, RandomStream::kUser);
  std::vector<int> count(4, 0);
  for (std::uint64_t i = 0; i < 40000; ++i) ++count.at(random.categorical(i, weights));
  EXPECT_EQ(count[0], 0);
  EXPECT_EQ(count[3], 0);
  EXPECT_NEAR(count[1], 10000, 500);
  EXPECT_THROW(random.categorical(0, std::vector<double>{0, 0}), Error);
}

TEST(SplitMix64, BeginsAsPublishedForSeedOne) {
  SplitMix64 random(1);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.5665615751722809);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.7457817572627011);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.9710027535867962);
}

}  // namespace
}  // namespace hardy
