// `hardy train METHOD --then online`: what it refuses, what its records say, and how it goes on.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "engine/run/metrics.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;

class ThenOnline : public ::testing::Test {
 protected:
  ThenOnline() {
    datasets::Arrays a = test::some_data(300, 3);
    a["actions"] = datasets::Array::of(datasets::ArrayType::kF32, {300, 1});
    datasets::write_hdf5(dir_ / "d.hdf5", a);
  }
  test::Result train(const std::string& words, const std::string& out = "run") const {
    return test::hardy_command("train " + words + " --dataset " + (dir_ / "d.hdf5").string() +
                               " --hidden 8 --batch-size 16 --threads 1 --out " + (dir_ / out).string());
  }
  nlohmann::json json_of(const std::string& file) const {
    return nlohmann::json::parse(test::contents(dir_ / file));
  }
  test::Scratch dir_;
  const std::string online_ =
      "iql --env pendulum --steps 20 --eval-episodes 1 --log-every 5 --then online --online-steps ";
};

TEST_F(ThenOnline, WhatCannotGoOnIsRefusedInOneLineBeforeAnythingIsWritten) {
  const std::string then = " --then online --online-steps 40";
  for (const auto& [words, part] : std::initializer_list<std::pair<std::string, std::string>>{
           {"iql" + then, "name an --env"},
           {"iql --env pendulum --online-steps 40", "--online-steps"},
           {"iql --env pendulum --expansion", "--expansion"},
           {"iql --env pendulum --then online --online-steps 7", "waits for as many"},
           {"iql --env pendulum --then online --online-steps 9223372036854775807",
            "more steps than can be counted"},
           {"iql --env pendulum --accumulate 16" + then, "16 equal parts"},
           {"iql --env pendulum --online-share 0" + then, "--online-share 0"},
           {"iql --env pendulum --steps 20 --schedule-steps 20" + then, "give --schedule-steps 60 or more"},
           {"iql --env pendulum --online-corrupt speeds" + then, "--online-corrupt"},
           {"iql --env pendulum --then onlin", "--then"},
           {"iql --env hopper" + then, "3 observations"},
           {"iql --env pendulum --device cuda" + then, "--device"},
           {"bc --env pendulum --then online", "bc does not go on by interacting; take awac, cql"},
           {"x_bc --env pendulum --then online", "x_bc does not go on by interacting; take awac, cql"},
           {"rebrac --env pendulum --then online", "rebrac does not go on by interacting; take awac, cql"}}) {
    const test::Result r = train(words);
    EXPECT_EQ(r.code, 2) << words << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
    EXPECT_FALSE(fs::exists(dir_ / "run")) << words;
  }
}

TEST_F(ThenOnline, ItsMetricsSayThePhaseAndEvaluationsCountBothPhases) {
  const test::Result r = train(online_ + "40 --expansion --online-corrupt rewards --online-corrupt-rate 0.5");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.err.find("after step 20 it interacts with pendulum for 40 steps"), std::string::npos) << r.err;
  std::vector<std::int64_t> evaluated;
  for (const run::MetricsRecord& m : run::read_metrics(dir_ / "run" / "metrics.jsonl")) {
    if (m.kind == "eval") evaluated.push_back(m.step);
    if (m.kind != "train") continue;
    EXPECT_EQ(m.values.at("online/steps")[0], static_cast<double>(std::max<std::int64_t>(0, m.step - 20)));
    EXPECT_EQ(m.values.contains("online/frozen_policy"), m.step > 20);
    if (m.step == 60) {
      for (const char* share : {"online/frozen_policy", "online/attacked"}) {
        EXPECT_GT(m.values.at(share)[0], 0.1);
        EXPECT_LT(m.values.at(share)[0], 0.9);
      }
    }
  }
  EXPECT_EQ(evaluated.front(), 6);
  EXPECT_EQ(evaluated.back(), 60);
  EXPECT_EQ(json_of("run/run.json").at("steps"), 60);
  EXPECT_EQ(json_of("run/summary.json").at("steps"), 60);
}

TEST_F(ThenOnline, ResumedFurtherItHasTheBytesOfTheLongerRun) {
  ASSERT_EQ(train(online_ + "30 --eval-every 20 --expansion").code, 0);
  ASSERT_EQ(train(online_ + "60 --eval-every 20 --expansion", "longer").code, 0);
  const test::Result early = test::hardy_command("resume " + (dir_ / "run").string() + " --steps 20");
  EXPECT_EQ(early.code, 2);
  EXPECT_NE(early.err.find("until step 20"), std::string::npos) << early.err;
  const test::Result r = test::hardy_command("resume " + (dir_ / "run").string() + " --steps 80");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(json_of("run/run.json").at("settings").at("online-steps"), "60");
  EXPECT_EQ(json_of("run/run.json").at("settings").at("steps"), "20");
  const std::string last = "checkpoints/step_000000000080.ckpt";
  EXPECT_TRUE(test::contents(dir_ / "run" / last) == test::contents(dir_ / "longer" / last));
  EXPECT_EQ(test::hardy_command("resume " + (dir_ / "run").string()).code, 0);  // it is done, and stays so
}

}  // namespace
}  // namespace hardy
