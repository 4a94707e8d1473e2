// What bad input must get: an Error of exit code 2, in one line.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/base/error.h"

namespace hardy::test {

// The line with which `act` is refused; a failure of the test where it is not.
inline std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2) << e.message();
    EXPECT_EQ(e.message().find('\n'), std::string::npos) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

}  // namespace hardy::test
