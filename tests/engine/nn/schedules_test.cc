#include "engine/nn/schedules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace hardy::nn {
namespace {

TEST(Schedule, ConstantStays) {
  for (const std::int64_t t : {0, 1, 1'000'000}) EXPECT_EQ(Schedule::constant(3e-4).at(t), 3e-4);
}

TEST(Schedule, LinearPassesThroughItsEndsAndItsMiddle) {
  const Schedule s = Schedule::linear(1, 0.2, 10);
  EXPECT_EQ(s.at(0), 1);
  EXPECT_NEAR(s.at(5), 0.6, 1e-15);
  EXPECT_NEAR(s.at(10), 0.2, 1e-15);
  EXPECT_NEAR(s.at(1000), 0.2, 1e-15);
}

// The recurrence that defines cosine annealing step by step; the closed form must walk along it.
TEST(Schedule, CosineFollowsTheAnnealingRecurrence) {
  constexpr std::int64_t steps = 1000;
  const double low = 1e-5;
  const Schedule s = Schedule::cosine(3e-4, low, steps);
  double rate = 3e-4;
  for (std::int64_t t = 1; t <= steps; ++t) {
    const auto angle = [](std::int64_t at) { return std::numbers::pi * static_cast<double>(at) / steps; };
    rate = (1 + std::cos(angle(t))) / (1 + std::cos(angle(t - 1))) * (rate - low) + low;
    ASSERT_NEAR(s.at(t), rate, 1e-13) << t;
  }
  EXPECT_NEAR(s.at(steps / 2), (3e-4 + low) / 2, 1e-15);
  EXPECT_NEAR(s.at(10 * steps), low, 1e-15);
}

TEST(Schedule, CosineToZeroIsHalfTheRateTimesOnePlusTheCosine) {
  const Schedule s = Schedule::cosine(3e-4, 0, 3'000'000);
  for (const std::int64_t t : {0, 1, 60'000, 250'000, 1'500'000, 2'999'999, 3'000'000})
    EXPECT_DOUBLE_EQ(s.at(t), 3e-4 * (1 + std::cos(std::numbers::pi * static_cast<double>(t) / 3e6)) / 2)
        << t;
}

TEST(Schedule, WarmUpRisesInEqualStepsAndThenFollows) {
  const Schedule plain = Schedule::cosine(1, 0, 1000), warm = plain.warmed_up(100);
  EXPECT_DOUBLE_EQ(warm.at(0), 0.01 * plain.at(0));  // not 0: the first step would be lost
  EXPECT_DOUBLE_EQ(warm.at(49), 0.5 * plain.at(49));
  EXPECT_DOUBLE_EQ(warm.at(99), plain.at(99));
  EXPECT_EQ(warm.at(500), plain.at(500));
}

}  // namespace
}  // namespace hardy::nn
