// `hardy` and Gymnasium's environments: training, evaluating, collecting, and what cannot be resumed.
#include <gtest/gtest.h>

#include "algorithms/acting/policy_file.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

const std::string kShort = " --hidden 8 --batch-size 16 --eval-episodes 2 ";

class GymnasiumCommand : public testing::Test {
 protected:
  void SetUp() override { NEED_LIBRARIES("gymnasium"); }
  static std::string with_python(const std::string& before = "") {
    return before + "HARDY_PYTHON='" + python() + "' ";
  }
};

TEST_F(GymnasiumCommand, TrainsEvaluatesAndCollectsAndSaysThatItCannotBeResumedBitForBit) {
  const Scratch dir;
  const std::string in = "cd '" + dir.path().string() + "' && ";
  const std::string train = "train sac --env gymnasium:id=Pendulum-v1,workers=2 --seeds 3" + kShort +
                            "--steps 300 --start-steps 250 --out ";
  const Result r = hardy_command(train + "run", with_python(in));
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(
      r.err.find(
          "gymnasium:id=Pendulum-v1,workers=2 cannot save its states: the run cannot be resumed bit for bit"),
      std::string::npos)
      << r.err;
  // The same bits for another number of workers, and of threads.
  const Result other =
      hardy_command("train sac --env gymnasium:id=Pendulum-v1,workers=3 --seeds 3 --threads 1" + kShort +
                        "--steps 300 --start-steps 250 --out other",
                    with_python(in));
  EXPECT_EQ(other.code, 0) << other.err;
  ASSERT_EQ(r.code + other.code, 0);
  for (const std::string agent : {"agent_0.policy", "agent_2.policy"}) {
    const auto parameters = [&](const char* run) {
      return algorithms::read_policy((dir / run / "policy" / agent).string()).parameters;
    };
    EXPECT_EQ(parameters("run"), parameters("other"));
  }

  const Result resumed = hardy_command("resume run --steps 320", with_python(in));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("every agent begins another episode"), std::string::npos) << resumed.err;
  const Result played = hardy_command("eval run --episodes 2", with_python(in));
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_NE(played.out.find("length 200"), std::string::npos) << played.out;
  const Result collected =
      hardy_command("data collect --env gymnasium:id=Pendulum-v1 --behaviour random --steps 400 random.hdf5",
                    with_python(in));
  EXPECT_EQ(collected.code, 0) << collected.err;
  const Result looked = hardy_command("data inspect random.hdf5", in);
  EXPECT_EQ(looked.code, 0) << looked.err;
  EXPECT_NE(looked.out.find("400"), std::string::npos) << looked.out;
}

TEST_F(GymnasiumCommand, AUsersModuleIsFoundAgainFromAnotherFolderAndWhatBreaksInItIsCounted) {
  const Scratch dir;
  const fs::path envs = test::sources() / "tests/envs/gymnasium";
  fs::create_directory(dir / "mine");
  fs::copy_file(envs / "odd_envs.py", dir / "mine/odd_envs.py");
  const Result trained = hardy_command("train sac --env gymnasium:id=odd_envs:Told-v0,path=mine,fail=4" +
                                           kShort + "--steps 90 --start-steps 60 --out run",
                                       with_python("cd '" + dir.path().string() + "' && "));
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(trained.out.find("words on standard output"), std::string::npos) << trained.out;
  EXPECT_NE(trained.err.find("an episode broke off: it raised KeyError: 'no such joint' (odd_envs.py:"),
            std::string::npos)
      << trained.err;
  const nlohmann::json summary = nlohmann::json::parse(contents(dir / "run/summary.json"));
  EXPECT_GE(summary.at("broken_episodes"), 22);  // each fourth step of 90
  const Result played =
      hardy_command("eval '" + (dir / "run").string() + "' --episodes 2", with_python("cd / && "));
  EXPECT_EQ(played.code, 0) << played.err;
}

TEST_F(GymnasiumCommand, DoctorSaysWhetherItIsThere) {
  const auto looked = [](const std::string& before) {
    return nlohmann::json::parse(hardy_command("doctor --json --seconds 0.001", before).out)
        .at("machine")
        .at("Gymnasium");
  };
  const nlohmann::json there = looked(with_python()), missing = looked("HARDY_PYTHON=/no/python ");
  EXPECT_TRUE(there.at("present").get<bool>());
  EXPECT_NE(there.at("about").get<std::string>().find(" in " + python()), std::string::npos) << there;
  EXPECT_FALSE(missing.at("present").get<bool>());
  EXPECT_NE(missing.at("about").get<std::string>().find("none in /no/python; pip install gymnasium"),
            std::string::npos);
}

TEST_F(GymnasiumCommand, WithoutPythonNothingIsWritten) {
  const Scratch dir;
  const Result r =
      hardy_command("train sac --env gymnasium:id=Pendulum-v1 --out '" + (dir / "run").string() + "'",
                    "HARDY_PYTHON=/no/python ");
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("/no/python (No such file or directory); Gymnasium's environments need Python 3"),
            std::string::npos)
      << r.err;
  EXPECT_FALSE(fs::exists(dir / "run"));
}

}  // namespace
}  // namespace hardy::test
