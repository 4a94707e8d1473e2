// `hardy` and somebody's simulator: training, what cannot be saved, what crashes and hangs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/engine/run/scratch.h"
#include "tests/envs/plugin/made_plugin.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

const std::string kShort = " --hidden 8 --batch-size 16 --eval-episodes 2 ";

nlohmann::json summary_of(const fs::path& run) {
  return nlohmann::json::parse(contents(run / "summary.json"));
}

TEST(PluginCommand, ASimulatorThatCrashesOrHangsEveryThousandStepsLeavesTheRunItsPolicy) {
  const Scratch dir;
  made_plugin(dir.path(), "mine");
  for (const std::string fault : {"crash=1000", "hang=1000"}) {
    const fs::path run = dir / fault;
    const Result r = hardy_command("train sac --env plugin:file=" + (dir / "mine.so").string() +
                                   ",isolated=true,step_timeout=0.2,steps=50," + fault + kShort +
                                   "--steps 2500 --start-steps 2400 --out '" + run.string() + "'");
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_NE(r.out.find("seed 0: ok"), std::string::npos) << r.out;
    EXPECT_NE(r.err.find("an episode broke off: "), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(fault[0] == 'c' ? "crashed (Segmentation fault)" : "took longer than 0.2 s"),
              std::string::npos)
        << r.err;
    EXPECT_TRUE(fs::exists(run / "policy/agent_0.policy"));
    // Steps 1,000 and 2,000 of the training; the evaluations play fewer in all: 11 of 2 episodes of 50 steps.
    EXPECT_GE(summary_of(run).at("broken_episodes"), 2);
  }
}

TEST(PluginCommand, ARunWithoutStatesSaysThatItCannotBeResumedBitForBitAndGoesOnEvenSo) {
  const Scratch dir;
  made_plugin(dir.path(), "mine", "-DSTATES=NULL,NULL,NULL");
  const std::string in = "cd '" + dir.path().string() + "' && ";
  const Result r = hardy_command(
      "train sac --env plugin:file=./mine.so,steps=7" + kShort + "--steps 60 --start-steps 20 --out run", in);
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.err.find("mine.so,steps=7 cannot save its states: the run cannot be resumed bit for bit"),
            std::string::npos)
      << r.err;
  // From another folder: it finds the library that was named from there.
  const Result resumed = hardy_command("resume '" + (dir / "run").string() + "' --steps 90", "cd / && ");
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("every agent begins another episode"), std::string::npos) << resumed.err;
  EXPECT_EQ(summary_of(dir / "run").at("steps"), 90);
  EXPECT_FALSE(summary_of(dir / "run").contains("broken_episodes"));
  const Result played = hardy_command("eval '" + (dir / "run").string() + "' --episodes 2", "cd / && ");
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_NE(played.out.find("length 7"), std::string::npos) << played.out;
  // The same command again, with its relative name.
  const Result again = hardy_command("train sac --env plugin:file=./mine.so,steps=7" + kShort +
                                         "--steps 90 --start-steps 20 --out run --or-resume",
                                     in);
  EXPECT_EQ(again.code, 0) << again.err;  // the same run, found done
}

TEST(PluginCommand, ARunOfChoicesAndNaNsCountsWhatBroke) {
  const Scratch dir;
  made_plugin(dir.path(), "mine");
  const fs::path run = dir / "run";
  const Result r =
      hardy_command("train dqn --env plugin:file=" + (dir / "mine.so").string() + ",choices=3,steps=9,nan=4" +
                    kShort + "--steps 100 --start-steps 40 --out '" + run.string() + "'");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.err.find("observation 1 is not finite in step 4"), std::string::npos) << r.err;
  // Each fourth step of 100, and each of the 2 episodes of the evaluations (11 at most).
  const std::int64_t broken = summary_of(run).at("broken_episodes");
  EXPECT_GE(broken, 25);
  EXPECT_LE(broken, 25 + 22);
}

TEST(PluginCommand, BadNamesAreOneLineAndNothingIsWritten) {
  const Scratch dir;
  const std::string file = made_plugin(dir.path(), "mine"), old = made_plugin(dir.path(), "old", "-DABI=0");
  for (const auto& [env, says] : {std::pair<std::string, std::string>{"plugin", "it has no file="},
                                  {"plugin:file=" + (dir / "no.so").string(), "there is no such file"},
                                  {"plugin:file=" + old, "is made for version 0"},
                                  {"plugin:file=" + file + ",odd=1", "odd=1 is not even"},
                                  {"plguin:file=" + file, "did you mean 'plugin'?"}})
    for (const std::string& command :
         std::vector<std::string>{"train sac --steps 20000 --out '" + (dir / "run").string() + "'",
                                  "data collect --behaviour random '" + (dir / "out.hdf5").string() + "'"}) {
      const Result r = hardy_command(command + " --env '" + env + "'");
      EXPECT_EQ(r.code, 2) << r.err;
      EXPECT_TRUE(one_line(r.err)) << r.err;
      EXPECT_NE(r.err.find(says), std::string::npos) << r.err;
      EXPECT_EQ(files_in(dir.path()), 2u);
    }
}

}  // namespace
}  // namespace hardy::test
