// Decision transformers by the command: resumed to the same bytes, played, and what they do not take.
#include <gtest/gtest.h>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using datasets::Arrays;
using test::hardy_command;

const std::string kSmall =
    " --batch-size 8 --context 4 --width 16 --layers 1 --log-every 10 --eval-episodes 2 "
    "--env pendulum --eval-every 20";

class TrainSequences : public ::testing::Test {
 protected:
  // 300 rows of pendulum's sizes in episodes of 20.
  static Arrays swings() {
    Arrays a = test::some_data(300, 3);
    a["actions"] = datasets::Array::of(datasets::ArrayType::kF32, {300, 1});
    for (std::int64_t row = 19; row < 300; row += 20) a["timeouts"].as<std::uint8_t>()[row] = 1;
    return a;
  }
  std::string write(const Arrays& arrays) const {
    datasets::write_hdf5(dir_ / "d.hdf5", arrays);
    return " --dataset " + (dir_ / "d.hdf5").string();
  }
  std::string run(const std::string& name) const { return (dir_ / name).string(); }
  void refused(const std::string& arguments, std::initializer_list<const char*> parts) const {
    const test::Result r = hardy_command(arguments);
    EXPECT_EQ(r.code, 2) << arguments << "\n" << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    for (const char* part : parts)
      EXPECT_NE(r.err.find(part), std::string::npos) << part << " not in: " << r.err;
  }
  test::Scratch dir_;
};

TEST_F(TrainSequences, AResumedRunHasTheBytesOfOneThatWasNotStoppedWhateverTheThreads) {
  const std::string data = write(swings());
  const std::string corrects = " --correct-start 5 --correct-actions 1 --correct-rewards 1";
  for (const std::string method : {"dt", "rdt"}) {
    const auto train = [&](const std::string& name, const std::string& more) {
      const test::Result r =
          hardy_command("train " + method + data + kSmall + more + (method == "rdt" ? corrects : "") +
                        " --out " + run(method + name));
      EXPECT_EQ(r.code, 0) << r.err;
      EXPECT_NE(r.err.find("acts for a return of"), std::string::npos) << r.err;
    };
    train("whole", " --threads 1 --steps 40");
    train("parts", " --threads 2 --steps 20");
    const test::Result resumed = hardy_command("resume " + run(method + "parts") + " --steps 40");
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    const auto policy = [&](const std::string& name) {
      return test::contents(fs::path(run(method + name)) / "policy" / "agent_0.policy");
    };
    const std::string whole = policy("whole"), parts = policy("parts");
    // The header says how each was made; behind it are the tensors, and the sum of it all.
    constexpr std::size_t kTensors = 20000, kSum = 64;
    ASSERT_GT(whole.size(), kTensors);
    const auto tensors = [](const std::string& file) {
      return file.substr(file.size() - kTensors, kTensors - kSum);
    };
    EXPECT_EQ(tensors(whole), tensors(parts)) << method;
  }
}

TEST_F(TrainSequences, APolicyIsPlayedForWhatItIsAskedAndExportedNowhere) {
  const std::string data = write(swings());
  ASSERT_EQ(hardy_command("train dt" + data + kSmall + " --steps 20 --out " + run("dt")).code, 0);
  const auto returns = [&](const std::string& more) {
    const test::Result r = hardy_command("eval " + run("dt") + " --episodes 2 --json" + more);
    EXPECT_EQ(r.code, 0) << r.err;
    return nlohmann::json::parse(r.out).at(0).at("returns");
  };
  const nlohmann::json own = returns("");
  EXPECT_EQ(own, returns(""));
  EXPECT_NE(own, returns(" --target-return -100000"));
  refused("eval " + run("dt") + " --target-return much", {"'much' is no number", "--target-return"});
  refused("export " + run("dt") + " " + (dir_ / "p.onnx").string(), {"sequence of steps", "hardy eval"});
  EXPECT_FALSE(fs::exists(dir_ / "p.onnx"));
  EXPECT_EQ(hardy_command("data collect --env pendulum --steps 400 --policy " + run("dt") + " " +
                          (dir_ / "c.hdf5").string())
                .code,
            0);
  ASSERT_EQ(hardy_command("train bc" + data + " --batch-size 8 --steps 2 --hidden 8 --out " + run("bc")).code,
            0);
  refused("eval " + run("bc") + " --env pendulum --target-return 1", {"by its observation alone"});
}

TEST_F(TrainSequences, SingleRowsAreRefusedAndNothingIsLeft) {
  Arrays each = swings();
  std::fill_n(each["timeouts"].as<std::uint8_t>(), 300, 1);
  refused("train dt" + write(each) + kSmall + " --steps 2 --out " + run("dt"),
          {"d.hdf5", "every row is an episode of its own",
           "dt takes files whose rows are the steps of episodes"});
  Arrays mixed = swings();
  mixed.erase("timeouts");
  refused("train dt" + write(mixed) + kSmall + " --steps 2 --out " + run("dt"),
          {"d.hdf5", "single rows", "none of them ends an episode"});
  EXPECT_FALSE(fs::exists(run("dt")));
  // The same rows where each is followed by its next observation: an episode of 200 steps and one of 100.
  for (std::int64_t i = 0; i < 299 * 3; ++i)
    mixed["next_observations"].as<float>()[i] = mixed["observations"].as<float>()[i + 3];
  EXPECT_EQ(hardy_command("train dt" + write(mixed) + kSmall + " --steps 2 --out " + run("dt")).code, 0);
  refused("train dt" + write(mixed) + kSmall + " --steps 2 --episode-len 199 --out " + run("again"),
          {"an episode of 200 steps", "--episode-len 199", "give 200 at least"});
}

TEST_F(TrainSequences, ShuffledRowsAreLearnedFromWithAWordOfIt) {
  int runs = 0;
  const auto said = [&](const std::string& method, const Arrays& rows) {
    const test::Result r = hardy_command("train " + method + write(rows) + " --steps 2 --out " +
                                         run(method.substr(0, method.find(' ')) + std::to_string(++runs)));
    EXPECT_EQ(r.code, 0) << r.err;
    return r.err.find("rows are not followed by their next observation") != std::string::npos;
  };
  const std::string dt = std::string("dt") + kSmall, x_bc = "x_bc --hidden 8 --batch-size 8",
                    rebrac = "rebrac --hidden 8 --batch-size 8", iql = "iql --hidden 8 --batch-size 8";
  Arrays rows = swings();
  for (std::int64_t i = 0; i < 299 * 3; ++i)
    rows["next_observations"].as<float>()[i] = rows["observations"].as<float>()[i + 3];
  for (const std::string& method : {dt, x_bc, rebrac}) EXPECT_FALSE(said(method, rows)) << method;
  for (std::int64_t i = 0; i < 300 * 3; ++i) rows["next_observations"].as<float>()[i] += 1;
  for (const std::string& method : {dt, x_bc, rebrac}) EXPECT_TRUE(said(method, rows)) << method;
  EXPECT_FALSE(said(iql, rows));  // takes them one by one
  EXPECT_TRUE(said(iql + " --return-temperature 0.1", rows));
}

TEST_F(TrainSequences, ABatchInPartsIsRefusedWhereDataAreCorrectedByWhatMakesItPossible) {
  const std::string train = "train rdt" + write(swings()) + kSmall + " --steps 2 --out " + run("rdt"),
                    nothing = "--correct-actions 0 --correct-rewards 0";
  for (const char* parts : {" --accumulate 2", " --shards 2"})
    for (const char* one : {"", " --correct-actions 0", " --correct-rewards 0"})
      refused(train + parts + one, {"--accumulate or --shards", nothing.c_str()});
  EXPECT_FALSE(fs::exists(run("rdt")));
  EXPECT_EQ(hardy_command(train + " --accumulate 2 " + nothing).code, 0);
}

}  // namespace
}  // namespace hardy
