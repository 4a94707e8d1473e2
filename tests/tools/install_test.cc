// The install tree: another project finds it, compiles against its headers, links it and runs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

const char* const kConsumerProject = R"(cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(hardy 0.1 REQUIRED)
add_executable(consumer main.cc)
target_link_libraries(consumer PRIVATE hardy::hardy)
)";

const char* const kConsumer = R"(#include <iostream>
#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
int main() {
  hardy::graph::Graph g;
  const auto x = g.input("x", hardy::DType::kF32, {1, 3});
  const auto y = hardy::ops::square(g, x);
  hardy::graph::Plan plan(g, {y});
  plan.data<float>(x)[2] = 3;
  hardy::ThreadTeam team(1);
  plan.run(team);
  std::cout << "y = " << plan.data<float>(y)[2] << "\n";
}
)";

struct Result {
  int code;
  std::string output;
};

// Runs a shell command, its output into a file beside it.
Result shell(const fs::path& folder, const std::string& command) {
  const fs::path log = folder / "log.txt";
  const int code = std::system(("( " + command + " ) >'" + log.string() + "' 2>&1").c_str());
  std::stringstream text;
  text << std::ifstream(log).rdbuf();
  return {code, text.str()};
}

TEST(Install, ATenLineProjectFindsBuildsAndRunsAgainstTheInstallTree) {
  const fs::path build = fs::path(HARDY_COMMAND).parent_path();
  const fs::path folder =
      fs::temp_directory_path() / ("hardy_install_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder / "consumer");
  std::ofstream(folder / "consumer/CMakeLists.txt") << kConsumerProject;
  std::ofstream(folder / "consumer/main.cc") << kConsumer;
  const std::string root = folder.string();

  const Result install =
      shell(folder, "cmake --install '" + build.string() + "' --prefix '" + root + "/prefix'");
  ASSERT_EQ(install.code, 0) << install.output;
  // Moved after it was installed: nothing in the tree may remember where it was.
  fs::rename(folder / "prefix", folder / "moved");
  const Result configure =
      shell(folder, "cmake -S '" + root + "/consumer' -B '" + root + "/consumer/build' " +
                        "-DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH='" + root + "/moved'");
  ASSERT_EQ(configure.code, 0) << configure.output;
  const Result compile = shell(folder, "cmake --build '" + root + "/consumer/build'");
  ASSERT_EQ(compile.code, 0) << compile.output;
  const Result run = shell(folder, "'" + root + "/consumer/build/consumer'");
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.output, "y = 9\n");

  // The installed command runs from there too, with the installed library.
  const Result help = shell(folder, "'" + root + "/moved/bin/hardy' --help");
  EXPECT_EQ(help.code, 0) << help.output;
  fs::remove_all(folder);
}

// As after tools/quickstart, which builds the command alone, on a machine with nvcc: the install scripts of
// this build, pointed at a folder that holds no more than the library and the command.
TEST(Install, WhatWasNotBuiltIsLeftOut) {
  const fs::path build = fs::path(HARDY_COMMAND).parent_path();
  const fs::path folder =
      fs::temp_directory_path() / ("hardy_install_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder / "build");
  for (const auto& entry : fs::recursive_directory_iterator(build)) {
    if (entry.path().filename() != "cmake_install.cmake" && entry.path().extension() != ".cmake") continue;
    const fs::path copy = folder / "build" / fs::relative(entry.path(), build);
    fs::create_directories(copy.parent_path());
    const std::string old = build.string(), here = (folder / "build").string();
    std::ifstream lines(entry.path());
    std::ofstream script(copy);
    for (std::string line; std::getline(lines, line);) {
      // A program's own search path stays what it was built with.
      for (std::size_t at = 0;
           line.find("RPATH") == std::string::npos && (at = line.find(old, at)) != std::string::npos;
           at += here.size())
        line.replace(at, old.size(), here);
      script << line << "\n";
    }
  }
  for (const char* name : {"hardy", "libhardy.so", "generated/hardy_build.h"}) {
    fs::create_directories((folder / "build" / name).parent_path());
    fs::copy_file(build / name, folder / "build" / name);
  }
  const Result install = shell(folder, "cmake --install '" + (folder / "build").string() + "' --prefix '" +
                                           (folder / "prefix").string() + "'");
  EXPECT_EQ(install.code, 0) << install.output;
  const Result help = shell(folder, "'" + (folder / "prefix/bin/hardy").string() + "' --help");
  EXPECT_EQ(help.code, 0) << help.output;
  fs::remove_all(folder);
}

}  // namespace
