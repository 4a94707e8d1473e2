#include "engine/base/sin_cos.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hardy::simd {
namespace {

constexpr int kLanes = VectorOf<double>::kLanes;

// In units in the last place of what is right.
double error(double y, long double right) {
  const double nearest = static_cast<double>(right);
  const double unit = std::nextafter(std::abs(nearest), 2.0) - std::abs(nearest);
  return static_cast<double>(std::abs(y - right) / unit);
}

TEST(SinCos, AreRightToTwoUnitsAndTheSameAloneAndSideBySide) {
  double worst = 0;
  const auto compare = [&](double from, double spacing) {
    double x[kLanes], sine[kLanes], cosine[kLanes];
    for (int l = 0; l < kLanes; ++l) x[l] = from + spacing * l;
    const auto both = sin_cos(load(x));
    store(sine, both.sine);
    store(cosine, both.cosine);
    for (int l = 0; l < kLanes; ++l) {
      const long double exact = x[l];
      worst = std::max({worst, error(sine[l], std::sin(exact)), error(cosine[l], std::cos(exact))});
      const auto alone = sin_cos(x[l]);
      EXPECT_EQ(sine[l], alone.sine) << x[l];
      EXPECT_EQ(cosine[l], alone.cosine) << x[l];
    }
  };
  for (double from = -40; from < 40; from += 0.01 * kLanes) compare(from, 0.00917);
  for (double from = -1e6; from < 1e6; from += 1234.567) compare(from, 41.7);
  // Beside the multiples of pi / 2, where one of the two is next to nothing.
  for (int n = -1000; n < 1000; ++n) compare(n * 1.5707963267948966 - 3e-9, 1e-9);
  EXPECT_LT(worst, 2);
}

TEST(SinCos, OfZeroAreExactAndWhatIsNoNumberGivesNone) {
  EXPECT_EQ(sin_cos(0.0).sine, 0);
  EXPECT_EQ(sin_cos(-0.0).cosine, 1);
  for (const double x : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_TRUE(std::isnan(sin_cos(x).sine));
    EXPECT_TRUE(std::isnan(sin_cos(-x).cosine));
  }
}

}  // namespace
}  // namespace hardy::simd
