// The Python of the tests, and this folder's scripts in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/places.h"

namespace hardy::test {

// Exit code of tests/datasets/python/SCRIPT ARGUMENTS.
inline int run_script(const std::string& script, const std::string& arguments) {
  const std::filesystem::path path = sources() / "tests/datasets/python" / script;
  return std::system(("'" + python() + "' -W ignore '" + path.string() + "' " + arguments).c_str());
}

}  // namespace hardy::test

#define NEED_LIBRARIES(modules) \
  if (!hardy::test::has_modules(modules)) GTEST_SKIP() << hardy::test::python() << " lacks one of " << modules
