// These tests on a machine with a GPU: those that need the emulation skip, and say why.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace hardy::test {
namespace {

TEST(DeviceTests, ThoseThatNeedTheEmulationSkipAndSaySoWhereAGpuIsNamed) {
  const std::string tests =
      "DeviceHazards.*:*AStepIsOneGraph*:*ManyAgentsAreTheSameNumber*:*TheLibrarysReluMakes*:*AnOldDriver*:"
      "*TooLittleMemory*:*AFailingKernelIsNamed*:DevicePtx.*";
  const std::string command = "HARDY_TEST_DEVICE=cuda '" +
                              std::filesystem::read_symlink("/proc/self/exe").string() +
                              "' '--gtest_filter=" + tests + "' 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string said;
  for (int c; (c = std::fgetc(pipe.get())) != EOF;) said += static_cast<char>(c);
  const auto count = [&](const std::string& part) {
    int n = 0;
    for (std::size_t at = said.find(part); at != std::string::npos; at = said.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_GE(count("\n[ RUN      ] "), 14) << said;
  EXPECT_EQ(count("\n[ RUN      ] "), count("\nskipped: ")) << said;
}

}  // namespace
}  // namespace hardy::test
