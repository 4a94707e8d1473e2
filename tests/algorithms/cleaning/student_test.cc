// Student's law against its closed form, and its fit against the law that the numbers were drawn from.
#include "algorithms/cleaning/student.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/base/random.h"

namespace hardy::algorithms {
namespace {

TEST(Student, OneDimensionAndOneFreedomAreCauchysDensity) {
  Student cauchy(1);
  cauchy.set(Eigen::MatrixXd::Constant(1, 1, 4.0), 1);  // scale 2
  for (const double x : {0.0, 0.7, -30.0})
    EXPECT_NEAR(cauchy.log_density(x * x / 4), -std::log(2 * std::numbers::pi * (1 + x * x / 4)), 1e-6);
}

TEST(Student, ManyFreedomsAreNearlyTheNormalDensityInEveryDimensionTogether) {
  Student wide(2);
  Eigen::MatrixXd scale(2, 2);
  scale << 4, 1, 1, 2;  // determinant 7
  wide.set(scale, 1e7);
  EXPECT_NEAR(wide.log_density(3), -std::log(2 * std::numbers::pi * std::sqrt(7.0)) - 1.5, 1e-5);
}

TEST(Student, FitFindsTheScaleAndTheTailOfDrawnNumbersAmongWhichWeightsChoose) {
  // x = L z sqrt(3 / chi^2_3), t of three freedoms; every third number is junk of weight 0.
  Eigen::Matrix2d lower;
  lower << 2, 0, -1, 0.5;
  const Random random(3, RandomStream::kUser);
  std::uint64_t draw = 0;
  const auto normal = [&] { return random.normal(draw++); };
  std::vector<Eigen::Vector2d> x;
  for (int i = 0; i < 30000; ++i) {
    const double chi = std::pow(normal(), 2) + std::pow(normal(), 2) + std::pow(normal(), 2);
    x.push_back(i % 3 ? Eigen::Vector2d(lower * Eigen::Vector2d(normal(), normal()) * std::sqrt(3 / chi))
                      : Eigen::Vector2d(900, 900));
  }
  Student t(2);
  for (int iteration = 0; iteration < 30; ++iteration) {
    Student::Sums sums(2);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double square = t.lower().triangularView<Eigen::Lower>().solve(x[i]).squaredNorm();
      sums.add(t, {x[i].data(), 2}, square, i % 3 ? 1 : 0);
    }
    t.fit(sums);
  }
  EXPECT_EQ(t.freedom(), 3);
  const Eigen::Matrix2d scale = t.lower() * t.lower().transpose(), expected = lower * lower.transpose();
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) EXPECT_NEAR(scale(i, j), expected(i, j), 0.06 * expected(0, 0)) << i << j;
}

// n errors of a heavy tail, of the size of a model's; `bad` of them drawn evenly from -30 to 30.
std::vector<double> errors(int n, int bad) {
  const Random random(5, RandomStream::kUser);
  std::uint64_t draw = 0;
  std::vector<double> e;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal(draw++);
    double chi = 0;
    for (int k = 0; k < 3; ++k) chi += std::pow(random.normal(draw++), 2);
    e.push_back(i < bad ? 60.0 * (i + 0.5) / bad - 30.0 : 0.05 * z * std::sqrt(3 / chi));
  }
  return e;
}

TEST(ProbablyWrong, FindsAThirdThatIsFarOffAndLeavesTheRest) {
  const std::vector<double> wrong = probably_wrong(errors(6000, 1800), 1);
  double far = 0, near = 0;
  for (std::size_t i = 0; i < wrong.size(); ++i) (i < 1800 ? far : near) += wrong[i];
  EXPECT_GT(far / 1800, 0.93);
  EXPECT_LT(near / 4200, 0.02);
}

// Alone among right ones, three of them, or beside many wrong ones of a lighter tail.
TEST(ProbablyWrong, NoErrorIsTooLargeToBeWrong) {
  for (const int bad : {0, 1800})
    for (const int outliers : {1, 2, 3})
      for (const double size : {30.0, 300.0, 1e3, 1e6}) {
        std::vector<double> e = errors(6000, bad);
        for (int i = 0; i < outliers; ++i) e[3000 + static_cast<std::size_t>(i)] = i % 2 ? -size : size;
        const std::vector<double> wrong = probably_wrong(e, 1);
        for (int i = 0; i < outliers; ++i)
          EXPECT_GT(wrong[3000 + static_cast<std::size_t>(i)], 0.99) << size << " " << bad << " " << outliers;
      }
}

TEST(ProbablyWrong, IsNeverSmallerForALargerError) {
  for (const int bad : {0, 40, 1800}) {
    std::vector<double> e = errors(6000, bad);
    e[5000] = 200, e[5001] = -900;
    const std::vector<double> wrong = probably_wrong(e, 1);
    std::vector<std::pair<double, double>> sorted;
    for (std::size_t i = 0; i < e.size(); ++i) sorted.emplace_back(std::abs(e[i]), wrong[i]);
    std::ranges::sort(sorted);
    for (std::size_t i = 1; i < sorted.size(); ++i)
      ASSERT_GE(sorted[i].second, sorted[i - 1].second - 1e-12) << sorted[i].first << " " << bad;
  }
}

}  // namespace
}  // namespace hardy::algorithms
