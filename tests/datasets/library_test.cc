// The program in docs/datasets.md, as it stands there: found by find_package, compiled, run.
#include <gtest/gtest.h>

#include <fstream>

#include "datasets/formats/hdf5_file.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"
#include "tests/tools/some_data.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;

int shell(const std::string& command, const fs::path& log) {
  return std::system(("( " + command + " ) >'" + log.string() + "' 2>&1").c_str());
}

TEST(DatasetsInstall, TheProgramOfTheManualBuildsAgainstTheInstallTreeAndRuns) {
  const fs::path source = test::sources();
  const std::string manual = test::contents(source / "docs/datasets.md");
  const std::size_t begin = manual.find("```cpp\n"), end = manual.find("\n```", begin + 7);
  ASSERT_NE(end, std::string::npos);
  const test::Scratch dir;
  const std::string root = dir.path().string();
  fs::create_directory(dir / "program");
  test::put(dir / "program/main.cc", manual.substr(begin + 7, end - begin - 6));
  test::put(dir / "program/CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.25)\nproject(example LANGUAGES CXX)\n"
            "find_package(hardy 0.1 REQUIRED)\nadd_executable(example main.cc)\n"
            "target_link_libraries(example PRIVATE hardy::hardy)\n");
  const fs::path log = dir / "log";
  ASSERT_EQ(
      shell("cmake --install '" + fs::path(test::command()).parent_path().string() + "' --prefix '" + root +
                "/prefix' && cmake -G Ninja -S '" + root + "/program' -B '" + root +
                "/build' -DCMAKE_PREFIX_PATH='" + root + "/prefix' && cmake --build '" + root + "/build'",
            log),
      0)
      << test::contents(log);

  const Arrays arrays = test::some_data(2500);
  write_hdf5(dir / "in.hdf5", arrays);
  ASSERT_EQ(shell("'" + root + "/build/example' '" + root + "/in.hdf5' '" + root + "/out.hdf5'", log), 0)
      << test::contents(log);
  const std::string said = test::contents(log);
  EXPECT_NE(said.find("observations: float32 [2500, 11]\n"), std::string::npos) << said;
  EXPECT_NE(said.find("2500 transitions, batches of 256\n"), std::string::npos) << said;
  const Arrays out = read_hdf5(dir / "out.hdf5");
  for (const auto& [key, a] : arrays) {
    if (key != "rewards") {
      EXPECT_TRUE(out.at(key).bytes == a.bytes) << key;
      continue;
    }
    for (std::int64_t i = 0; i < 2500; ++i) ASSERT_EQ(out.at(key).as<float>()[i], a.as<float>()[i] / 2) << i;
  }
}

}  // namespace
}  // namespace hardy::datasets
