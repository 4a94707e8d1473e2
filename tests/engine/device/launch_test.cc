// Work outside of graphs, on a device that a test makes up.
#include "engine/device/launch.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/device/no_device.h"

namespace hardy::device {
namespace {

using test::NoDevice;
using test::NoStream;

struct Sum {
  double a, b;
};
constexpr LaunchName<const Sum&, double*> kSum{"sum", "launch_test"};
void sum(Stream&, const Sum& s, double* result) { *result = s.a + s.b; }
void difference(Stream&, const Sum& s, double* result) { *result = s.a - s.b; }

TEST(Launch, EachBackendRunsItsOwnWithTheArgumentsAsTheyAre) {
  const RegisterLaunch one("backend_one", kSum, sum), two("backend_two", kSum, difference);
  const NoDevice first("backend_one"), second("backend_two");
  NoStream stream;
  double result = 0;
  find_launch(first, kSum)(stream, {5, 3}, &result);
  EXPECT_EQ(result, 8);
  find_launch(second, kSum)(stream, {5, 3}, &result);
  EXPECT_EQ(result, 2);
  EXPECT_EQ(launch_names("backend_one"), std::vector<std::string>{"launch_test/sum"});
}

TEST(Launch, WhatIsMissingIsThereTwiceOrHasOtherArgumentsIsSaid) {
  const RegisterLaunch once("backend_three", kSum, sum);
  EXPECT_NE(test::refusal([] { RegisterLaunch("backend_three", kSum, difference); }).find("launch_test/sum"),
            std::string::npos);
  const NoDevice device("backend_three");
  constexpr LaunchName<int> kOther{"sum", "launch_test"}, kNone{"product"};
  EXPECT_NE(test::refusal([&] { find_launch(device, kOther); }).find("other arguments of launch_test/sum"),
            std::string::npos);
  EXPECT_NE(test::refusal([&] { find_launch(device, kNone); }).find("product"), std::string::npos);
}

}  // namespace
}  // namespace hardy::device
