#include "engine/base/simd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hardy::simd {
namespace {

template <class T>
void expect_exponentials(double from, double units) {
  // (1 + e)(1 - e) - 1 is -e^2 where the product is not rounded by itself, else 0.
  constexpr T e = std::numeric_limits<T>::epsilon();
  const bool fuses = multiply_add_scalar<T>(1 + e, 1 - e, T(-1)) != 0;
  constexpr int lanes = VectorOf<T>::kLanes;
  const double unit = std::numeric_limits<T>::epsilon();
  for (double begin = from; begin < 5; begin += 0.01 * lanes) {
    T x[lanes], y[lanes];
    for (int l = 0; l < lanes; ++l) x[l] = static_cast<T>(begin + 0.00917 * l);
    store(y, exp<T>(load(x)));
    for (int l = 0; l < lanes; ++l) {
      const long double right = std::exp(static_cast<long double>(x[l]));
      EXPECT_NEAR(static_cast<double>(y[l] / right), 1.0,
                  (units + (fuses || sizeof(T) == 4 ? 0 : std::abs(x[l]))) * unit)
          << x[l];
      EXPECT_EQ(y[l], exp<T>(x[l])) << "alone, " << x[l];
    }
  }
  const T infinity = std::numeric_limits<T>::infinity();
  EXPECT_EQ(exp<T>(-infinity), 0);
  EXPECT_EQ(exp<T>(T(0)), 1);
  EXPECT_TRUE(std::isnan(exp<T>(std::numeric_limits<T>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(exp<T>(broadcast<T>(std::numeric_limits<T>::quiet_NaN()))[1]));
  EXPECT_EQ(exp<T>(broadcast<T>(-infinity))[1], 0);
}

TEST(Simd, ExponentialsAreRightToAUnitAndTheSameAloneAndSideBySide) {
  expect_exponentials<float>(-86, 1.0);
  expect_exponentials<double>(-707, 1.0);
}

}  // namespace
}  // namespace hardy::simd
