// The MuJoCo tasks against Gymnasium's v4 and v5, on the MuJoCo that Gymnasium runs
// (python/mujoco_parity.py does the comparing).
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "envs/mujoco/task.h"
#include "tests/places.h"

namespace hardy::envs {
namespace {

TEST(MujocoParity, EqualsGymnasiumInModelStatesAndRewards) {
  namespace fs = std::filesystem;
  const std::string python = test::python();
  if (python.empty()) GTEST_SKIP() << "no Python";
  const fs::path root = test::sources();
  const fs::path work = fs::temp_directory_path() / ("hardy_mujoco_parity_" + std::to_string(getpid()));
  fs::create_directories(work);
  std::string tasks;
  for (const char* task : {"hopper", "half_cheetah", "walker2d", "ant"}) {
    std::ofstream(work / (std::string(task) + ".xml")) << mujoco_task(task).mjcf;
    tasks += std::string(" ") + task;
  }

  const std::string command = "'" + python + "' '" + (root / "tests/envs/python/mujoco_parity.py").string() +
                              "' '" + root.string() + "' '" + work.string() + "'" + tasks + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), n);
  const int status = pclose(pipe);
  fs::remove_all(work);
  ASSERT_TRUE(WIFEXITED(status)) << output;
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << output;
  EXPECT_EQ(WEXITSTATUS(status), 0) << output;
  std::fputs(output.c_str(), stdout);
}

}  // namespace
}  // namespace hardy::envs
