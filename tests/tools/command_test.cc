// What holds for every command.
#include "tests/tools/command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "engine/base/json.h"

namespace hardy {
namespace {

using test::hardy_command;
using test::one_line;
using test::Result;

TEST(Command, HelpListsTheCommands) {
  const Result r = hardy_command("--help");
  EXPECT_EQ(r.code, 0);
  EXPECT_NE(r.out.find("doctor"), std::string::npos);
  EXPECT_EQ(r.err, "");
}

TEST(Command, EveryListedCommandHasHelp) {
  std::istringstream lines(hardy_command("--help").out);
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ") || line.size() < 4 || line[2] == ' ') continue;
    const std::string name = line.substr(2, line.find("  ", 2) - 2);
    const Result r = hardy_command(name + " --help");
    EXPECT_EQ(r.code, 0) << name << ": " << r.err;
    EXPECT_NE(r.out.find(name), std::string::npos) << name;
    ++seen;
  }
  EXPECT_GE(seen, 1);
}

TEST(Command, AMisspeltCommandNamesTheNearestAndExitsWithTwo) {
  const Result r = hardy_command("doctr");
  EXPECT_EQ(r.code, 2);
  EXPECT_EQ(r.out, "");
  EXPECT_TRUE(one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("did you mean 'hardy doctor'?"), std::string::npos) << r.err;
}

TEST(Command, AMisspeltKeyNamesTheNearestAndExitsWithTwo) {
  const Result r = hardy_command("doctor --jsn");
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("did you mean '--json'?"), std::string::npos) << r.err;
}

TEST(Command, VersionSaysWhatTheBuildHas) {
  const Result r = hardy_command("--version");
  EXPECT_EQ(r.code, 0);
  for (const char* part : {"hardy ", "source", "compiler", "Eigen", "Boost", "HDF5", "MuJoCo"})
    EXPECT_NE(r.out.find(part), std::string::npos) << part;
  EXPECT_TRUE(nlohmann::json::accept(hardy_command("--version --json").out));
}

TEST(Command, DoctorMeasuresTheKernelInUse) {
  const Result r = hardy_command("doctor --json --seconds 0.02");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json j = nlohmann::json::parse(r.out);
  EXPECT_GE(j.at("cores").get<int>(), 1);
  EXPECT_GT(j.at("sgemm_gflops").at("one_thread").get<double>(), 0);
  EXPECT_GT(j.at("fma_peak_gflops").at("one_thread").get<double>(), 0);
  EXPECT_FALSE(j.at("matrix_kernel").get<std::string>().empty());
  EXPECT_GT(j.at("cache_bytes").at("l2").get<int>(), 0);
  EXPECT_TRUE(j.at("machine").contains("CUDA"));
  EXPECT_TRUE(j.at("machine").contains("MPI"));
  // What to do about CUDA agrees with what is there: nobody is told to install the compiler that is named
  // above.
  const std::string about = j.at("machine").at("CUDA").at("about"), obstacle = j.at("cuda_obstacle");
  const std::size_t compiler = about.find("; compiler ");
  if (compiler != std::string::npos && obstacle.find("was not built") != std::string::npos) {
    EXPECT_NE(obstacle.find(about.substr(compiler + 11)), std::string::npos) << obstacle;
    EXPECT_EQ(obstacle.find("install"), std::string::npos) << obstacle;
  }
}

TEST(Command, DoctorSaysWhichMatrixKernelWasChosenAndWhy) {
  const nlohmann::json j = nlohmann::json::parse(hardy_command("doctor --json --seconds 0.01").out);
  const std::string out = hardy_command("doctor --seconds 0.01").out,
                    kernel = j.at("matrix_kernel").get<std::string>();
  EXPECT_NE(out.find(kernel + ", since the build is for "), std::string::npos) << out;
  EXPECT_NE(out.find("  caches "), std::string::npos) << out;
  EXPECT_NE(out.find("strips of "), std::string::npos) << out;
}

// What libraries throw ends in a line of ours, and a path that cannot be followed is bad input.
TEST(Command, PathsThatCannotBeFollowedAreNamedWithExitTwo) {
  const test::Scratch dir;
  const std::string loop = (dir / "loop").string();
  std::filesystem::create_symlink("loop", loop);
  for (const std::string& words :
       {"report " + loop, "eval " + loop, "resume " + loop, "train bc --dataset " + loop,
        "data inspect " + loop, "train bc --dataset d.hdf5 --out " + loop + "/x",
        "regret --episodes 8 --config " + loop}) {
    const Result r = hardy_command(words);
    EXPECT_EQ(r.code, 2) << words;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(loop), std::string::npos) << r.err;
    EXPECT_EQ(r.err.find("filesystem"), std::string::npos) << r.err;
  }
}

TEST(Command, ASizeThatNoMemoryHoldsIsOneLine) {
  const test::Scratch dir;
  const auto refused = [&](const std::string& words, const std::vector<std::string>& says) {
    const Result r =
        hardy_command("train sac --env pendulum --steps 6000 --out " + (dir / "x").string() + words);
    EXPECT_EQ(r.code, 2) << words;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    for (const std::string& part : says) EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
    EXPECT_FALSE(std::filesystem::exists(dir / "x"));
  };
  // A row of pendulum is two observations of 3, an action, a reward and a flag: 36 bytes.
  refused(" --capacity 9000000000000", {"--capacity", "294.7 TiB", "free of", "--seeds"});
  refused(" --capacity 9000000000000000000", {"--capacity", "more than 16.0 EiB", "free of"});
  refused(" --capacity 1000000000 --seeds 4096", {"--capacity", "134.1 TiB", "4096 agents"});
  refused(" --capacity 300 --seeds 4096 --hidden 8192,8192,8192 --critics 64",
          {"the store of parameters for 4096 agents takes 648.3 TiB", "fewer agents", "smaller networks"});
}

TEST(Command, NamesThatAreNoUtf8PassThroughJson) {
  const test::Scratch dir;
  const std::string study = (dir / "s").string();
  const Result r = hardy_command("regret --env mirror --episodes 8 --json --out " + study +
                                 " --title \"$(printf 'a\\377')\"");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out).at("title"), "a\uFFFD");
  EXPECT_EQ(hardy_command("report " + study + " -o " + (dir / "r.html").string()).code, 0);
  EXPECT_NE(test::contents(dir / "r.html").find("<title>a\uFFFD</title>"), std::string::npos);
}

TEST(Command, AMethodThatIsNotThereIsNamedWithoutTheCommandsNameTwice) {
  for (const char* words : {"train riqq", "regret --method ftrl", "bench riqq"}) {
    const Result r = hardy_command(words);
    EXPECT_EQ(r.code, 2);
    EXPECT_EQ(r.err.find("hardy", 1), std::string::npos) << r.err;
  }
}

}  // namespace
}  // namespace hardy
