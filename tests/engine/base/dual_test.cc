#include "engine/base/dual.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hardy {
namespace {

using D = Dual<double>;
using D2 = Dual<double, 2>;

// Slope of f at x by dual numbers.
template <class F>
double slope(F&& f, double x) {
  return f(D::variable(x)).d[0];
}

TEST(Dual, SlopesOfElementaryFunctionsEqualTheirClosedForms) {
  for (double x : {0.1, 0.7, 1.9}) {
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::exp(v); }, x), std::exp(x));
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::log(v); }, x), 1 / x);
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::log1p(v); }, x), 1 / (1 + x));
    EXPECT_NEAR(slope([](D v) { return math::tanh(v); }, x), std::pow(std::cosh(x), -2), 1e-15);
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::sqrt(v); }, x), 0.5 / std::sqrt(x));
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::erf(v); }, x), 2 / std::sqrt(M_PI) * std::exp(-x * x));
    EXPECT_NEAR(slope([](D v) { return math::softplus(v); }, x), 1 / (1 + std::exp(-x)), 1e-15);
    EXPECT_NEAR(slope([](D v) { return math::softplus(v); }, -x), 1 / (1 + std::exp(x)), 1e-15);
    EXPECT_DOUBLE_EQ(slope([](D v) { return math::square(v); }, x), 2 * x);
    EXPECT_DOUBLE_EQ(slope([](D v) { return 3.0 / (v * v + 1); }, x), -6 * x / std::pow(x * x + 1, 2));
  }
}

// Distance in units of the last place of the exact value.
double units(float got, double exact) {
  const double unit = std::abs(
      static_cast<double>(std::nextafter(static_cast<float>(exact), std::numeric_limits<float>::infinity()) -
                          static_cast<float>(exact)));
  return std::abs(static_cast<double>(got) - exact) / unit;
}

TEST(Dual, ErfOfF32IsWithinEightUnitsOfTheExactOneAndKeepsItsBorders) {
  double worst = 0;
  for (float x = -5; x <= 5; x += 0.0037f)
    worst = std::max(worst, units(math::erf(x), std::erf(static_cast<double>(x))));
  EXPECT_LT(worst, 8);
  EXPECT_EQ(math::erf(0.0f), 0.0f);
  EXPECT_EQ(math::erf(std::numeric_limits<float>::infinity()), 1.0f);
  EXPECT_EQ(math::erf(-100.0f), -1.0f);
  EXPECT_TRUE(std::isnan(math::erf(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Dual, ExponentialForLoopsIsWithinTwoUnitsAndStaysFinite) {
  double worst = 0;
  for (float x = -80; x <= 88; x += 0.0173f)
    worst = std::max(worst, units(math::exp_of_many(x), std::exp(static_cast<double>(x))));
  EXPECT_LT(worst, 2);
  EXPECT_EQ(math::exp_of_many(-200.0f), 0.0f);
  EXPECT_EQ(math::exp_of_many(1000.0f), math::exp_of_many(88.0f));
  EXPECT_TRUE(std::isnan(math::exp_of_many(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Dual, CarriesEveryPartialDerivative) {
  const D2 x = D2::variable(1.5, 0), y = D2::variable(-0.4, 1);
  const D2 f =
      x * y / (x - y) + math::exp(x * y);  // df/dx = -y^2/(x-y)^2 + y e^xy, df/dy = x^2/(x-y)^2 + x e^xy
  const double e = std::exp(1.5 * -0.4), gap = 1.9 * 1.9;
  EXPECT_NEAR(f.d[0], -0.16 / gap - 0.4 * e, 1e-15);
  EXPECT_NEAR(f.d[1], 2.25 / gap + 1.5 * e, 1e-15);
}

TEST(Dual, PiecewiseFunctionsHaveTheSlopeOfTheBranchTaken) {
  EXPECT_EQ(slope([](D v) { return math::abs(v); }, -2), -1);
  EXPECT_EQ(slope([](D v) { return math::max(v, D(1)); }, 2), 1);
  EXPECT_EQ(slope([](D v) { return math::max(v, D(1)); }, 0.5), 0);
  EXPECT_EQ(slope([](D v) { return math::min(v, D(1)); }, 0.5), 1);
  EXPECT_EQ(slope([](D v) { return math::clamp(v, -1.0, 1.0); }, 0.5), 1);
  EXPECT_EQ(slope([](D v) { return math::clamp(v, -1.0, 1.0); }, 1.5), 0);
  EXPECT_EQ(slope([](D v) { return math::where(v < D(0), 2 * v, 3 * v); }, -1), 2);
}

TEST(Dual, SoftplusNeitherOverflowsNorVanishes) {
  EXPECT_EQ(math::softplus(1000.0), 1000);
  EXPECT_NEAR(math::softplus(-30.0), std::exp(-30.0), 1e-25);
  EXPECT_EQ(slope([](D v) { return math::softplus(v); }, 1000), 1);
}

TEST(Dual, NoComparisonLosesANan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (double y : {math::max(nan, 1.0), math::max(1.0, nan), math::min(nan, 1.0), math::min(1.0, nan),
                   math::clamp(nan, -1.0, 1.0), math::abs(nan), math::softplus(nan)})
    EXPECT_TRUE(std::isnan(y));
}

}  // namespace
}  // namespace hardy
