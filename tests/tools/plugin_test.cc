// `hardy` and somebody's simulator: training, what cannot be saved, what crashes and hangs.
#include <gtest/gtest.h>

#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
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

TEST(PluginCommand, ActionsThatAreMovedToTheBoundsAreCounted) {
  const Scratch dir;
  // Its bounds narrow for the batch of the evaluations, which the policy does not know.
  const std::string file = made_plugin(dir.path(), "mine", "-DNARROW");
  const fs::path run = dir / "run";
  const Result r = hardy_command("train sac --env plugin:steps=7,file=" + file + kShort +
                                 "--steps 60 --start-steps 40 --out '" + run.string() + "'");
  EXPECT_EQ(r.code, 0) << r.err;
  const std::int64_t clipped = summary_of(run).at("clipped_actions");
  EXPECT_GT(clipped, 7);        // most of
  EXPECT_LE(clipped, 11 * 14);  // evaluations of 2 episodes of 7 steps
  EXPECT_NE(r.err.find(std::to_string(clipped) + " actions lay outside of the bounds and were moved to them"),
            std::string::npos)
      << r.err;
  const Result played = hardy_command("eval '" + run.string() + "' --episodes 3 --json");
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_EQ(nlohmann::json::parse(played.out).at(0).at("clipped_actions"), 0);  // the first batch there
}

TEST(PluginCommand, EvalSaysHowAnEpisodeBrokeOff) {
  const Scratch dir;
  const std::string file = made_plugin(dir.path(), "mine");
  const std::string run = (dir / "run").string(), env = "plugin:steps=9,file=" + file;
  ASSERT_EQ(
      hardy_command("train sac --env " + env + kShort + "--steps 40 --start-steps 20 --out " + run).code, 0);
  for (const auto& [keys, says] :
       {std::pair<std::string, std::string>{",isolated=true,crash=5",
                                            "2 of the episodes broke off; the first: its process crashed "
                                            "(Segmentation fault) in step 3 of an"},
        {",nan_reward=4",
         "2 of the episodes broke off; the first: the reward is not finite in step 4 of an"}}) {
    const Result r = hardy_command("eval " + run + " --episodes 2 --env " + env + keys);
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_NE(r.out.find(says), std::string::npos) << r.out;
  }
}

TEST(PluginCommand, AResumedRunIsOfTheSameLibraryWhereverItLies) {
  const Scratch dir;
  fs::create_directories(dir / "a");
  const fs::path library = made_plugin(dir / "a", "mine"), run = dir / "a/run";
  ASSERT_EQ(hardy_command("train sac --env plugin:steps=9,file=mine.so" + kShort +
                              "--steps 40 --start-steps 20 --out run",
                          "cd '" + (dir / "a").string() + "' && ")
                .code,
            0);
  const nlohmann::json about = nlohmann::json::parse(contents(run / "run.json")).at("environment_file");
  EXPECT_EQ(about.at("path"), library.string());
  EXPECT_EQ(about.at("sha256"), run::sha256_of_file(library));
  // Folder and library move together.
  fs::rename(dir / "a", dir / "b");
  const std::string moved = (dir / "b/run").string();
  const Result resumed = hardy_command("resume " + moved + " --steps 50");
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(hardy_command("resume " + moved).code, 0);  // what it keeps of itself is still one
  EXPECT_EQ(hardy_command("eval " + moved + " --episodes 1").code, 0);
  // Another library.
  const std::string other = made_plugin(dir / "b", "mine", "-DPARALLEL");
  const Result refused = hardy_command("resume " + moved + " --steps 60");
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(one_line(refused.err)) << refused.err;
  EXPECT_NE(refused.err.find("mine.so: is not the file that the run began with (its SHA-256 differs)"),
            std::string::npos)
      << refused.err;
  EXPECT_EQ(summary_of(moved).at("steps"), 50);
  const Result played = hardy_command("eval " + moved + " --episodes 1");
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_NE(played.err.find("mine.so: is not the file that the run began with"), std::string::npos);
  // None.
  fs::remove(other);
  for (const std::string& line : {"resume " + moved + " --steps 60", "eval " + moved}) {
    const Result gone = hardy_command(line);
    EXPECT_EQ(gone.code, 2);
    EXPECT_TRUE(one_line(gone.err)) << gone.err;
    EXPECT_NE(gone.err.find("its environment's file is not there any more; looked for "), std::string::npos)
        << gone.err;
  }
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
