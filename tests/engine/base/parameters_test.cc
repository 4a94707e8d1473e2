#include "engine/base/parameters.h"

#include <gtest/gtest.h>

#include "tests/engine/base/refusal.h"

namespace hardy {
namespace {

TEST(Parameters, AreReadByTheirKeysAndTheRestIsTheDefault) {
  Parameters p("simplex:H=3,gap=2.5e-1,mode=fast");
  EXPECT_EQ(p.name(), "simplex");
  EXPECT_EQ(p.integer("H", 7, 1, 10), 3);
  EXPECT_EQ(p.integer("S", 7, 1, 10), 7);
  EXPECT_EQ(p.number("gap", 1, 0, 1), 0.25);
  EXPECT_EQ(p.word("mode", "slow"), "fast");
  p.finish();
  Parameters bare("uniform");
  EXPECT_EQ(bare.name(), "uniform");
  bare.finish();
}

TEST(Parameters, WhatCannotBeRightIsSaidWithTheKeyAndTheNearestOne) {
  const auto says = [](const std::function<void()>& act, const std::string& part) {
    const std::string line = test::refusal(act);
    EXPECT_NE(line.find(part), std::string::npos) << line;
  };
  says([] { Parameters("a:H=30").integer("H", 1, 1, 10); }, "H=30 is not an integer in [1, 10]");
  says([] { Parameters("a:H=3.5").integer("H", 1, 1, 10); }, "H=3.5");
  says([] { Parameters("a:x=nan").number("x", 1, 0, 1); }, "x=nan is not a number in [0, 1]");
  says([] { Parameters p("a:"); }, "no key follows its colon");
  says([] { Parameters p("a:H"); }, "'H' is not key=value");
  says([] { Parameters p("a:=3"); }, "'=3' is not key=value");
  says([] { Parameters p("a:H=1,H=2"); }, "'H' stands twice");
  for (const char* name : {"a:H=1,", "a:,H=1", "a:H=1,,S=2", "a:,"})
    says([&] { Parameters p(name); },
         "a comma has no key=value before or behind it; write a:key=value,key=value");
  says(
      [] {
        Parameters p("a:perod=3");
        p.integer("period", 1, 1, 10);
        p.finish();
      },
      "did you mean 'period'?");
  says([] { Parameters("a:H=1").finish(); }, "a takes none");
}

}  // namespace
}  // namespace hardy
