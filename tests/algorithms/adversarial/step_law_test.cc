#include "algorithms/adversarial/step_law.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/base/refusal.h"

namespace hardy::algorithms {
namespace {

const Sizes kSizes{4096, 3, 5, 4, 7};  // K, H, S, A, d

double value(const std::string& text) { return StepLaw(text, "--eta").at(kSizes); }

TEST(StepLaw, IsReadAsMathematicsReadsIt) {
  EXPECT_DOUBLE_EQ(value("0.5*sqrt(log(A)/(d*K))/H^2"), 0.5 * std::sqrt(std::log(4.0) / (7 * 4096)) / 9);
  EXPECT_DOUBLE_EQ(value("0.125"), 0.125);
  EXPECT_DOUBLE_EQ(value("1e-3 + 2.5E+1"), 25.001);
  EXPECT_DOUBLE_EQ(value("2^3^2"), 512);
  EXPECT_DOUBLE_EQ(value("-2^2"), -4);
  EXPECT_DOUBLE_EQ(value("2^-1"), 0.5);
  EXPECT_DOUBLE_EQ(value("10 - 4 - 3"), 3);
  EXPECT_DOUBLE_EQ(value("12/3/2"), 2);
  EXPECT_DOUBLE_EQ(value("1 + 2 * 3"), 7);
  EXPECT_DOUBLE_EQ(value("(1 + 2) * --3"), 9);
  EXPECT_DOUBLE_EQ(value("min(K, max(S, H)) * exp(0)"), 5);
  EXPECT_DOUBLE_EQ(value("K^(-2/9)"), std::pow(4096, -2.0 / 9));
}

TEST(StepLaw, WhatItIsNotIsNamedWithItsPlace) {
  for (const auto& [text, says] :
       {std::pair<const char*, const char*>{"", "a number is missing, at character 1"},
        {"2*", "a number is missing, at character 3"},
        {"sqrt(K", "')' is missing, at character 7"},
        {"K)", "')' is left over, at character 2"},
        {"2 k", "'k' is left over, at character 3"},
        {"k", "'k' is no size (K, d, H, A, S), at character 1"},
        {"cos(K)", "'cos' is no function (sqrt, log, exp, min, max), at character 1"},
        {"min(K)", "',' is missing, at character 6"},
        {"1.2.3", "'1.2.3' is no number, at character 1"},
        {"3 $ 4", "'$ 4' is left over, at character 3"}}) {
    const std::string line = test::refusal([&] { StepLaw(text, "--eta"); });
    EXPECT_NE(line.find(says), std::string::npos) << line;
    EXPECT_NE(line.find("--eta"), std::string::npos) << line;
  }
  test::refusal([] { StepLaw(std::string(100000, '('), "--eta"); });
  const std::string line = test::refusal([] { StepLaw("1/(K-4096)", "--eta").at(kSizes); });
  EXPECT_NE(line.find("at K = 4096"), std::string::npos) << line;
}

}  // namespace
}  // namespace hardy::algorithms
