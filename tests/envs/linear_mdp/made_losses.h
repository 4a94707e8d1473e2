// Libraries of losses for tests, tests/envs/linear_mdp/losses.c compiled into a folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/places.h"

namespace hardy::test {

inline std::string made_losses(const std::filesystem::path& folder, const std::string& name,
                               const std::string& defines = "") {
  const std::filesystem::path root = sources();
  const std::string file = (folder / (name + ".so")).string();
  const int code = std::system(
      ("cc -std=c99 -O1 -Wall -Wextra -Wno-unused-function -Werror -shared -fPIC -I'" + root.string() + "' " +
       defines + " -o '" + file + "' '" + (root / "tests/envs/linear_mdp/losses.c").string() + "'")
          .c_str());
  EXPECT_EQ(code, 0) << defines;
  return file;
}

}  // namespace hardy::test
