// A run on somebody's model (`mjcf:file=`): its file by place and by hash.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

std::string sliding_mass(const std::string& kilograms) {
  return R"(<mujoco><option timestep="0.02"/><worldbody><body name="m"><joint name="x" type="slide" axis="1 0 0"/>)"
         R"(<geom type="sphere" size="0.1" mass=")" +
         kilograms + R"("/></body></worldbody><actuator>)" +
         R"(<motor joint="x" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>)";
}
void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

// Every file's bytes below a folder, but for the lock, which names its last holder.
std::map<std::string, std::string> bytes_below(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "lock")
      all[entry.path().string()] = contents(entry.path());
  return all;
}

TEST(ModelFile, AResumedRunIsOnTheSameModelWhereverItLies) {
  const Scratch dir;
  fs::create_directories(dir / "a");
  write(dir / "a/robot.xml", sliding_mass("1"));
  const Result begun = hardy_command(
      "train sac --env mjcf:file=robot.xml,body=m,max_steps=9 --hidden 8 --batch-size 16 --eval-episodes 1 "
      "--steps 40 --start-steps 20 --out run",
      "cd '" + (dir / "a").string() + "' && ");
  ASSERT_EQ(begun.code, 0) << begun.err;
  const nlohmann::json about = nlohmann::json::parse(contents(dir / "a/run/run.json")).at("environment_file");
  EXPECT_EQ(about.at("path").get<std::string>(), (dir / "a/robot.xml").string());
  EXPECT_EQ(about.at("from_run").get<std::string>(), "../robot.xml");
  EXPECT_EQ(about.at("sha256").get<std::string>(), run::sha256_of_file(dir / "a/robot.xml"));
  // Folder and model move together.
  fs::rename(dir / "a", dir / "b");
  const std::string run = (dir / "b/run").string();
  const Result moved = hardy_command("resume " + run + " --steps 50");
  EXPECT_EQ(moved.code, 0) << moved.err;
  // A heavier mass is another model: refused, and nothing of the run changes; put back, it goes on.
  write(dir / "b/robot.xml", sliding_mass("2"));
  const auto before = bytes_below(run);
  const Result refused = hardy_command("resume " + run + " --steps 60");
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(one_line(refused.err)) << refused.err;
  EXPECT_NE(refused.err.find("robot.xml: is not the file that the run began with (its SHA-256 differs); put "
                             "the same file back"),
            std::string::npos)
      << refused.err;
  EXPECT_TRUE(bytes_below(run) == before);
  const Result played = hardy_command("eval " + run + " --episodes 1");
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_NE(played.err.find("robot.xml: is not the file that the run began with"), std::string::npos)
      << played.err;
  write(dir / "b/robot.xml", sliding_mass("1"));
  const Result back = hardy_command("resume " + run + " --steps 60");
  EXPECT_EQ(back.code, 0) << back.err;
  fs::remove(dir / "b/robot.xml");
  const Result gone = hardy_command("resume " + run + " --steps 70");
  EXPECT_EQ(gone.code, 2);
  EXPECT_TRUE(one_line(gone.err)) << gone.err;
  EXPECT_NE(gone.err.find("its environment's file is not there any more; looked for"), std::string::npos)
      << gone.err;
}

}  // namespace
}  // namespace hardy::test
