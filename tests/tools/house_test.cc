// The house's arrows, read off the sources: which folder includes which (docs/architecture.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/places.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = test::sources();

// "engine/graph" of engine/graph/plan.cc, "envs" of envs/mujoco/hopper.cc, "tools/report" of its pages, which
// are in the library.
std::string room_of(const std::string& path) {
  const std::size_t slash = path.find('/');
  const std::string top = path.substr(0, slash), inside = path.substr(0, path.find('/', slash + 1));
  return top == "engine" || inside == "tools/report" || inside == "tools/pictures" ? inside : top;
}

struct Arrow {
  std::string file, header;
};
std::vector<Arrow> arrows_from(const std::string& top) {
  static const std::regex include("^#include \"([^\"]+)\"");
  std::vector<Arrow> all;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
    const std::string ending = entry.path().extension().string();
    if (!std::set<std::string>{".h", ".cc", ".cu", ".cuh"}.contains(ending)) continue;
    std::ifstream in(entry.path());
    std::smatch found;
    for (std::string line; std::getline(in, line);)
      if (std::regex_search(line, found, include))
        all.push_back({fs::relative(entry.path(), kRoot).generic_string(), found[1]});
  }
  return all;
}

// Each room and those that it may include beside itself. Order is the house's: what stands below may use what
// stands above.
const std::vector<std::string> kEngine{"engine/base", "engine/device", "engine/graph", "engine/ops",
                                       "engine/nn",   "engine/linalg", "engine/comm",  "engine/run"};
std::set<std::string> allowed(const std::string& room) {
  std::set<std::string> rooms;
  for (const std::string& above : kEngine) {
    rooms.insert(above);
    if (above == room) return rooms;
  }
  rooms.insert(room);  // the whole engine, and
  if (room != "envs" && room != "datasets") rooms.insert({"envs", "datasets"});
  if (room.starts_with("tools")) rooms.insert({"algorithms", "tools/pictures"});
  if (room == "tools") rooms.insert("tools/report");
  if (room == "tools") rooms.insert("cuda");
  return rooms;
}

TEST(House, NoFolderIncludesWhatStandsBelowIt) {
  std::size_t seen = 0;
  for (const char* top : {"engine", "envs", "datasets", "algorithms", "tools"})
    for (const Arrow& arrow : arrows_from(top)) {
      if (arrow.header.find('/') == std::string::npos) continue;  // generated: hardy_build.h
      ++seen;
      EXPECT_TRUE(allowed(room_of(arrow.file)).contains(room_of(arrow.header)))
          << arrow.file << " includes " << arrow.header;
    }
  EXPECT_GT(seen, 500u);  // the sources were found
}

// cuda/ compiles the formulas of methods, the tasks of environments and a step in one of them, headers of
// scalars: nothing else of theirs.
TEST(House, TheGpusHalfIncludesTheEngineAndHeadersOfScalarsAlone) {
  static const std::regex scalars(
      "algorithms/[a-z_]+/formulas\\.h|algorithms/online/task_interaction\\.h|envs/control/[a-z_]+\\.h");
  for (const Arrow& arrow : arrows_from("cuda")) {
    const std::string room = room_of(arrow.header);
    const bool engine =
        room.starts_with("engine/") || room == "cuda" || arrow.header.find('/') == std::string::npos;
    if (arrow.file.starts_with("cuda/emulation/")) continue;  // CUDA's own headers, as others name them
    EXPECT_TRUE(engine || std::regex_match(arrow.header, scalars))
        << arrow.file << " includes " << arrow.header;
  }
}

// A learner or a study of one's own is compiled for whatever processor its compiler is told: what it includes
// must lie in memory as it does in the library, however wide this machine's vectors are.
TEST(House, HeadersOfRegretLearnersAndStudiesDoNotDependOnTheProcessor) {
  static const std::regex include("^#include \"([^\"]+)\"");
  for (const char* top : {"algorithms/adversarial/regret_method.h", "algorithms/experiments/regret_study.h",
                          "algorithms/experiments/regret_curves.h", "tools/report/study_page.h"}) {
    std::set<std::string> seen;
    std::vector<std::string> left{top};
    while (!left.empty()) {
      const std::string header = left.back();
      left.pop_back();
      if (!fs::exists(kRoot / header) || !seen.insert(header).second) continue;
      std::ifstream in(kRoot / header);
      std::smatch found;
      for (std::string line; std::getline(in, line);) {
        EXPECT_EQ(line.find("__AVX"), std::string::npos) << top << " includes " << header;
        if (std::regex_search(line, found, include)) left.push_back(found[1]);
      }
    }
    EXPECT_GT(seen.size(), 1u);
    EXPECT_FALSE(seen.contains("engine/base/simd.h")) << top;
  }
}

TEST(House, OnlyCudaIncludesHeadersOfCuda) {
  static const std::regex cuda("^#include <(cuda|cublas|cub/|thrust/|curand|nccl)");
  for (const char* top : {"engine", "envs", "datasets", "algorithms", "tools"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);)
        EXPECT_FALSE(std::regex_search(line, cuda)) << entry.path() << ": " << line;
    }
}

// The library beside the others, which only a process that mpirun started loads (engine/comm/ranks.h).
TEST(House, OnlyTheLibraryOfMpiIncludesItsHeader) {
  std::size_t seen = 0;
  for (const char* top : {"engine", "envs", "datasets", "algorithms", "tools", "cuda"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (!entry.is_regular_file()) continue;
      const bool library = fs::relative(entry.path(), kRoot) == "engine/comm/mpi/mpi.cc";
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);)
        if (line.starts_with("#include <mpi")) {
          EXPECT_TRUE(library) << entry.path();
          ++seen;
        }
    }
  EXPECT_EQ(seen, 1u);
}

}  // namespace
}  // namespace hardy::test
