// What holds for every command.
#include "tests/tools/command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

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
  EXPECT_TRUE(j.at("machine").contains("CUDA"));
  EXPECT_TRUE(j.at("machine").contains("MPI"));
}

}  // namespace
}  // namespace hardy
