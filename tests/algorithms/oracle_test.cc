// The oracle itself: it must be right before anything is compared with it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

TEST(PythonOracle, ItsHandWrittenGradientsAgreeWithCentralDifferences) {
  const char* chosen = std::getenv("HARDY_PYTHON");
  const std::string python = chosen != nullptr ? chosen : HARDY_TEST_PYTHON;
  if (std::system(("'" + python + "' -c 'import numpy' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << python << " has no numpy";
  }
  const std::string script =
      std::filesystem::path(HARDY_TEST_DATA).parent_path() / "algorithms/python/offline_update.py";
  EXPECT_EQ(std::system(("'" + python + "' '" + script + "' --self-test").c_str()), 0);
}

}  // namespace
