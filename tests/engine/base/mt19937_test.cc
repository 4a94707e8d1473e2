// Against values printed by NumPy 2 (numpy.random.RandomState), bit for bit.
#include "engine/base/mt19937.h"

#include <gtest/gtest.h>

#include <array>

namespace hardy {
namespace {

TEST(NumpyRandomState, RandomSampleEqualsNumpys) {
  NumpyRandomState zero(0);
  for (double x : {0x1.18fe1565f12a8p-1, 0x1.6e2d4cf608733p-1, 0x1.349d66b6e894bp-1, 0x1.16faedb6395f5p-1,
                   0x1.b1d2904fd0ef6p-2})
    EXPECT_EQ(zero.random_sample(), x);
  NumpyRandomState largest(4294967295u);
  EXPECT_EQ(largest.random_sample(), 0x1.8fe69a3924820p-4);
  for (int i = 1; i < 999; ++i) largest.random_sample();  // past the state's first refill
  EXPECT_EQ(largest.random_sample(), 0x1.1cfe321a42891p-1);
}

TEST(NumpyRandomState, UniformOfASizeEqualsNumpys) {
  std::array<double, 5> x{};
  NumpyRandomState(2023).uniform(-0.5, 2.0, x);
  EXPECT_EQ(x, (std::array{0x1.384a4141666b8p-2, 0x1.b9ded083265f4p+0, 0x1.f0b4f68b7e7e4p-1,
                           -0x1.77d3f7e3f447ep-3, -0x1.2c553b95497bap-3}));
}

}  // namespace
}  // namespace hardy
