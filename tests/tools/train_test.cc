// `hardy train` with input that cannot be right: one line, exit 2, nothing left behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "algorithms/acting/policy_file.h"
#include "algorithms/experiments/training_job.h"
#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using datasets::Array;
using datasets::Arrays;
using datasets::ArrayType;

class Train : public ::testing::Test {
 protected:
  std::string write(const Arrays& arrays) {
    datasets::write_hdf5(dir_ / "d.hdf5", arrays);
    return " --dataset " + (dir_ / "d.hdf5").string();
  }
  // Refused with one line that says all the parts; no run folder, no new file.
  void refused(const std::string& arguments, std::initializer_list<const char*> parts) {
    const std::size_t before = test::files_in(dir_.path());
    const test::Result r = test::hardy_command("train " + arguments + " --out " + (dir_ / "run").string());
    EXPECT_EQ(r.code, 2) << arguments << "\n" << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    for (const char* part : parts)
      EXPECT_NE(r.err.find(part), std::string::npos) << part << " not in: " << r.err;
    EXPECT_FALSE(fs::exists(dir_ / "run")) << arguments;
    EXPECT_EQ(test::files_in(dir_.path()), before) << arguments;
  }
  // Trains as told and for little; what it said on stderr.
  std::string trained(const std::string& arguments) {
    const test::Result r = test::hardy_command("train " + arguments + " --batch-size 32 --threads 1 --out " +
                                               (dir_ / "run").string());
    EXPECT_EQ(r.code, 0) << arguments << "\n" << r.err;
    return r.err;
  }
  nlohmann::json json_of(const std::string& file) const {
    return nlohmann::json::parse(test::contents(dir_ / "run" / file));
  }
  algorithms::LoadedPolicy policy(const std::string& name = "agent_0.policy") const {
    return algorithms::read_policy(dir_ / "run" / "policy" / name);
  }
  test::Scratch dir_;
};

// 300 rows of pendulum's sizes whose actions all are `action`.
Arrays torques(float action) {
  Arrays a = test::some_data(300, 3);
  a["actions"] = Array::of(ArrayType::kF32, {300, 1});
  std::fill_n(a["actions"].as<float>(), 300, action);
  return a;
}

TEST_F(Train, APolicyActsAsTheFileDidWhateverTheTasksBounds) {
  for (const float torque : {0.5f, 2.0f}) {
    const std::string said = trained(
        "bc --env pendulum --steps 300 --hidden 16 --learning-rate 0.01 --eval-every 300 "
        "--eval-episodes 1" +
        write(torques(torque)));
    EXPECT_NE(said.find("scaled from [-2, 2] (pendulum)"), std::string::npos) << said;
    const algorithms::LoadedPolicy p = policy();
    algorithms::Actor actor(p.spec, 1, p.parameters);
    ThreadTeam team(1);
    std::vector<float> action(1);
    actor.act(std::vector<double>{0.3, -0.2, 0.1}, {}, action, {}, team);
    EXPECT_NEAR(action[0], torque, 0.06);
    fs::remove_all(dir_ / "run");
  }
}

TEST_F(Train, WithoutATaskTheBoundsAreWhatTheActionsSpanAndThatIsSaid) {
  Arrays a = torques(0.5f);
  a["actions"].as<float>()[7] = -3;
  const std::string said = trained("bc --steps 2" + write(a));
  EXPECT_NE(said.find("scaled from [-3, 0.5]"), std::string::npos) << said;
  EXPECT_EQ(policy().spec.action_low, std::vector<float>{-3});
  EXPECT_EQ(policy().spec.action_high, std::vector<float>{0.5f});
}

TEST_F(Train, ActionsOutsideOfTheBoundsAreCountedAndKeptOrClipped) {
  Arrays a = torques(0.5f);
  a["actions"].as<float>()[7] = -3;
  a["actions"].as<float>()[9] = 2.5f;
  const std::string data = write(a), common = "bc --env pendulum --steps 2 --eval-episodes 1" + data;
  std::string said = trained(common);
  EXPECT_NE(said.find("2 of 300 transitions have actions outside of [-2, 2] (pendulum), the furthest -3 in "
                      "transition 7, dimension 0; they are kept"),
            std::string::npos)
      << said;
  EXPECT_EQ(json_of("run.json").at("notes").get<std::string>().find("actions are scaled"), 0u);
  fs::remove_all(dir_ / "run");
  said = trained(common + " --clip-actions");
  EXPECT_NE(said.find("they are moved to the bounds"), std::string::npos) << said;
}

TEST_F(Train, ChoicesAreRefusedByMethodsOfNumbers) {
  Arrays a = test::some_data(300, 4);
  a["actions"] = Array::of(ArrayType::kI64, {300, 1});
  const std::string data = write(a);
  for (const char* method : {"bc", "iql", "riql"})
    refused(method + data, {"d.hdf5 /actions", "choices", "int64 [300, 1]", method});
  refused("bc --env cart_pole" + data, {"choices", "int64"});
  a["actions"] = Array::of(ArrayType::kI64, {300});  // as Minari writes them
  refused("bc" + write(a), {"choices", "int64 [300]"});
  refused("sac --env enumerable_mdp", {"enumerable_mdp", "one of 4 choices", "sac"});
  a = test::some_data(300, 2);
  a["actions"] = Array::of(ArrayType::kF32, {300, 1});
  refused("bc --env enumerable_mdp" + write(a), {"enumerable_mdp", "one of 4 choices"});
  a = test::some_data(300, 4);
  a["actions"] = Array::of(ArrayType::kF32, {300, 1});
  refused("bc --env cart_pole" + write(a), {"cart_pole", "one of 2 choices", "bc"});
  refused("sac --env cart_pole", {"cart_pole", "one of 2 choices", "sac"});
  refused("dqn --env pendulum", {"pendulum", "numbers within bounds", "dqn"});
}

TEST_F(Train, AValueThatTheConfigurationCannotHoldIsRefusedBeforeDataArePrepared) {
  refused("bc --steps 1" + write(torques(1)) + " --prepared '" + (dir_ / "a\nb").string() + "'",
          {"a line break"});
}

TEST_F(Train, WholeNumbersThatMayBeChoicesAreSaid) {
  Arrays a = test::some_data(300, 4);
  a["actions"] = Array::of(ArrayType::kF32, {300, 1});
  a["actions"].as<float>()[5] = 1;
  EXPECT_NE(trained("bc --steps 2" + write(a)).find("are they choices?"), std::string::npos);
}

TEST_F(Train, HiddenLayersAreAListOfWidths) {
  const std::string data = write(test::some_data(300));
  for (const char* method : {"bc", "iql", "riql"}) {
    trained(method + std::string(" --steps 2 --hidden 24,12,6") + data);
    EXPECT_EQ(policy().spec.hidden, (std::vector<std::int64_t>{24, 12, 6})) << method;
    const std::string resumed = test::hardy_command("resume " + (dir_ / "run").string() + " --steps 4").err;
    EXPECT_EQ(json_of("summary.json").at("steps"), 4) << resumed;
    fs::remove_all(dir_ / "run");
  }
  trained("sac --env pendulum --steps 60 --start-steps 40 --eval-episodes 1 --hidden 24,12,6");
  EXPECT_EQ(policy().spec.hidden, (std::vector<std::int64_t>{24, 12, 6}));
  fs::remove_all(dir_ / "run");
  trained("bc --steps 2 --hidden 24" + data);
  EXPECT_EQ(policy().spec.hidden, (std::vector<std::int64_t>{24, 24}));
  fs::remove_all(dir_ / "run");
  refused("bc --hidden 24,0" + data, {"'0'", "--hidden", "from 1 to 8192"});
  refused("bc --hidden 24,wide" + data, {"'wide'", "--hidden", "integers"});
}

TEST_F(Train, CloningNeedsObservationsAndActionsAlone) {
  Arrays a = test::some_data(300);
  for (const char* key : {"rewards", "terminals", "timeouts", "next_observations"}) a.erase(key);
  const std::string data = write(a);
  refused("iql" + data, {"rewards"});
  refused("bc --view qlearning" + data, {"rewards"});
  refused("bc --corrupt rewards" + data, {"has no rewards to corrupt"});
  const std::string said = trained("bc --steps 5 --env hopper --eval-episodes 1" + data);
  EXPECT_NE(said.find("no next_observations, no rewards, no terminals"), std::string::npos) << said;
  const nlohmann::json dataset = json_of("run.json").at("dataset");
  EXPECT_EQ(dataset.at("transitions"), 300);  // every row
  for (const char* none : {"return", "score", "episodes", "continuity"})
    EXPECT_FALSE(dataset.contains(none)) << none << " is made up";
  const test::Result report =
      test::hardy_command("report " + (dir_ / "run").string() + " -o " + (dir_ / "r.html").string());
  EXPECT_EQ(report.code, 0) << report.err;
}

// What is imitated does not depend on columns that cloning does not look at.
TEST_F(Train, CloningLearnsTheSameWithAndWithoutRewards) {
  Arrays a = test::some_data(300);
  trained("bc --steps 5" + write(a));
  const auto with = policy().parameters;
  fs::remove_all(dir_ / "run");
  a.erase("rewards");
  trained("bc --steps 5" + write(a));
  EXPECT_EQ(policy().parameters, with);
}

TEST_F(Train, TheBestPolicyIsKeptAndScoresWhatItsEvaluationSaid) {
  const std::string data = write(test::some_data(300));
  trained("bc --env hopper --seeds 2 --hidden 8 --steps 60 --eval-every 10 --eval-episodes 3 --keep-best" +
          data);
  const test::Result r =
      test::hardy_command("eval " + (dir_ / "run").string() + " --best --episodes 3 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json played = nlohmann::json::parse(r.out), agents = json_of("summary.json").at("agents");
  bool any_before_the_end = false;
  for (std::size_t i = 0; i < 2; ++i) {
    const nlohmann::json& best = agents.at(i).at("best");
    EXPECT_EQ(played.at(i).at("score"), best.at("score/mean")) << i;
    EXPECT_EQ(best.at("policy"), "policy/best_agent_" + std::to_string(i) + ".policy");
    any_before_the_end = any_before_the_end || best.at("step") < 60;
  }
  EXPECT_TRUE(any_before_the_end) << "both ended with their best: the last policy would pass too";
  fs::remove_all(dir_ / "run");
  refused("bc --keep-best" + data, {"--keep-best", "--env"});
}

TEST_F(Train, APolicyFileIsPlayedWhereItWasTrained) {
  trained("bc --env pendulum --steps 2 --eval-episodes 1" + write(torques(0.5f)));
  const std::string file = (dir_ / "run" / "policy" / "agent_0.policy").string();
  EXPECT_EQ(test::hardy_command("eval " + file + " --episodes 1").code, 0);
  const test::Result best = test::hardy_command("eval " + (dir_ / "run").string() + " --best");
  EXPECT_EQ(best.code, 2);
  EXPECT_NE(best.err.find("--keep-best"), std::string::npos) << best.err;
}

TEST_F(Train, WhatEvalCannotFindIsNamed) {
  const test::Result r = test::hardy_command("eval nosuch");
  EXPECT_EQ(r.code, 2);
  EXPECT_EQ(r.err, "hardy: nosuch: there is no such file or folder\n");
}

TEST_F(Train, AMisspeltMethodNamesTheNearest) {
  refused("riqll", {"hardy: train: there is no method 'riqll'", "'riql'"});
  for (const char* words : {"train riqll", "regret --method exp_weight", "bench riqll"})
    EXPECT_EQ(test::hardy_command(words).err.find("hardy", 1), std::string::npos) << words;
}
TEST_F(Train, NextObservationsAsAnElementAreCalledDynamics) {
  for (const char* name : {"next_observations", "next_observation"})
    refused("bc --corrupt " + (name + write(test::some_data(300))), {name, "--corrupt", "dynamics"});
}
TEST_F(Train, AScheduleThatEndsBeforeTheRunIsSaid) {
  EXPECT_NE(trained("iql --steps 5 --schedule-steps 3" + write(test::some_data(300)))
                .find("learning rate is 0 from step 3 on"),
            std::string::npos);
}
TEST_F(Train, AMisspeltKeyNamesTheNearest) { refused("riql --batchsize 3", {"batchsize", "batch-size"}); }
TEST_F(Train, AValueOutOfRangeSaysTheRange) { refused("iql --tau 1.5", {"tau", "1.5", "from 0 to 1"}); }
TEST_F(Train, AnUnknownPresetNamesTheNearest) {
  refused("riql --preset hoper/dynamics/random", {"hoper/dynamics/random", "hopper/dynamics/random"});
}
TEST_F(Train, AThresholdMustBePositiveOrAuto) {
  refused("riql --threshold often" + write(test::some_data(300)), {"often", "--threshold", "auto"});
}
TEST_F(Train, AnOfflineMethodNeedsADataset) { refused("bc", {"--dataset"}); }
TEST_F(Train, AMissingFileIsNamed) { refused("bc --dataset nowhere.hdf5", {"nowhere.hdf5"}); }
TEST_F(Train, AForeignFileIsNamed) {
  test::put(dir_ / "d.hdf5", "s,a,r\n1,2,3\n");
  refused("bc --dataset " + (dir_ / "d.hdf5").string(), {"d.hdf5", "not an HDF5 file"});
}
TEST_F(Train, ANameThatNoConfigurationFileCanHoldIsRefused) {
  datasets::write_hdf5(dir_ / "a\"b.hdf5", test::some_data(300));
  refused("bc --dataset '" + (dir_ / "a\"b.hdf5").string() + "'", {"a\"b.hdf5", "quote"});
}
TEST_F(Train, ADatasetOfAnotherTaskIsRefused) {
  refused("bc --env hopper" + write(test::some_data(300, 17)), {"17 observations", "hopper has 11"});
}

TEST_F(Train, SeedsBeyondTheLargestIntegerAreRefusedBeforeAnythingRuns) {
  const std::string data = write(torques(1)), largest = "9223372036854775807";
  const char* at_most = "with --seeds 2 give at most 9223372036854775806";
  refused("bc --seeds 2 --seed " + largest + data, {"--seed 9223372036854775807", at_most});
  refused("sac --env pendulum --seeds 2 --seed " + largest, {at_most});
  refused("hpt --task chains --seeds 2 --seed " + largest, {at_most});
  refused("bc --seed 18446744073709551615" + data, {"out of range", "end at ", "9223372036854775807"});
  trained("bc --steps 2 --hidden 4 --seeds 2 --seed 9223372036854775806" + data);
  EXPECT_EQ(json_of("summary.json").at("agents").at(1).at("seed"), 9223372036854775807);
}

TEST_F(Train, RewardsThatTheirCorruptionTakesOutOfFloat32AreRefused) {
  refused("riql --batch-size 32 --corrupt rewards --corrupt-scale 1e38" + write(test::some_data(300)),
          {"rewards: ", "float32 cannot hold", "smaller scale than 1e+38"});
}

TEST_F(Train, SingleRowsHaveNoNextActionsAndTheirFileIsNamed) {
  Arrays a = test::some_data(300);
  std::fill_n(a["timeouts"].as<std::uint8_t>(), 300, 1);
  refused("rebrac --batch-size 32" + write(a),
          {"d.hdf5: no row is followed by another of its episode", "iql and others take single rows"});
}

TEST_F(Train, FewerRowsThanABatchAreRefused) {
  refused("bc --batch-size 256" + write(test::some_data(255)), {"255", "256"});
}
TEST_F(Train, NotANumberIsRefusedWithItsFirstRow) {
  Arrays a = test::some_data(300);
  a["rewards"].as<float>()[123] = std::nanf("");
  refused("bc" + write(a), {"rewards", "123"});
}
TEST_F(Train, MismatchedLengthsAreRefused) {
  Arrays a = test::some_data(300);
  a["actions"] = Array::of(ArrayType::kF32, {299, 3});
  refused("bc" + write(a), {"actions", "299", "300"});
}
TEST_F(Train, AnInteractingRunThatEndsBeforeItLearnsIsRefused) {
  refused("sac --steps 4000", {"--steps 4000", "--start-steps 5000"});
  refused("sac --steps 250 --start-steps 240 --update-every 100", {"--steps 250", "--update-every 100"});
}
// The losses of the first step, of the same rows and the same noise.
TEST_F(Train, ABatchThatIsTakenInPartsHasTheLossesOfTheWholeOne) {
  const std::string data = write(test::some_data(300));
  refused("bc" + data + " --accumulate 3", {"--batch-size 256", "no 3 equal parts", "--accumulate"});
  refused("sac --env pendulum --accumulate 3", {"--batch-size 256", "no 3 equal parts", "--accumulate"});
  for (const std::string method : {"bc", "iql", "riql", "awac", "sac_n", "edac", "msg"}) {
    const auto losses = [&](const std::string& more) {
      fs::remove_all(dir_ / "run");
      trained(method + data + " --steps 1 --log-every 1 --hidden 16" + more);
      const std::string lines = test::contents(dir_ / "run" / "metrics.jsonl");
      return nlohmann::json::parse(lines.substr(0, lines.find('\n'))).at("values");
    };
    const nlohmann::json whole = losses(""), parts = losses(" --accumulate 4");
    for (const auto& [name, values] : whole.items()) {
      const double expected = values.at(0), found = parts.at(name).at(0);
      if (name.starts_with("loss/")) {
        EXPECT_NEAR(found, expected, 1e-5 * std::max(0.01, std::abs(expected))) << method << " " << name;
      }
    }
  }
}

TEST_F(Train, ABatchInShardsOfOneProcessIsTheOneThatIsTakenInAsManyParts) {
  const std::string data = write(test::some_data(300));
  refused("iql" + data + " --shards 2 --accumulate 3", {"--batch-size 256", "no 6 equal parts", "--shards"});
  for (const std::string method : {"td3_bc", "xql"})
    refused(method + data + " --shards 2", {"--shards 2", "whole batch"});
  const auto parameters = [&](const std::string& more) {
    fs::remove_all(dir_ / "run");
    trained("iql" + data + " --hidden 16 --steps 3" + more);
    return policy().parameters;
  };
  const auto parts = parameters(" --accumulate 4");
  EXPECT_EQ(parameters(" --shards 4"), parts);
  EXPECT_NE(parameters(" --shards 2"), parts);
}

TEST_F(Train, AGradientThatIsHeldToANormMovesThePolicyLess) {
  const std::string data = write(test::some_data(300));
  const auto moved = [&](const std::string& more) {  // the bias of the last layer, from its start
    const auto bias = [&](int steps) {
      fs::remove_all(dir_ / "run");
      trained("bc" + data + " --hidden 16 --steps " + std::to_string(steps) + more);
      return policy().parameters.at(5);
    };
    const std::vector<float> first = bias(1), last = bias(2);
    double all = 0;
    for (std::size_t i = 0; i < first.size(); ++i) all += std::abs(last[i] - first[i]);
    return all;
  };
  const double free = moved("");
  EXPECT_EQ(moved(" --clip-norm 1e9"), free);
  // Norms far below Adam's epsilon of 1e-8.
  EXPECT_LT(moved(" --clip-norm 1e-9"), 0.2 * free);
}

TEST_F(Train, AnExistingRunIsLeftAsItIs) {
  const std::string data = write(test::some_data(300));
  fs::create_directory(dir_ / "run");
  test::put(dir_ / "run" / "notes.txt", "mine");
  const test::Result r = test::hardy_command("train bc" + data + " --out " + (dir_ / "run").string());
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(test::one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("exists already"), std::string::npos) << r.err;
  EXPECT_EQ(test::files_in(dir_ / "run"), 1u);
  EXPECT_EQ(test::contents(dir_ / "run" / "notes.txt"), "mine");
}

// A limit on a file's size stands for a full disk: writes past it fail in the same place.
TEST_F(Train, AFullDiskIsSaidAndLeavesNoPartialCheckpoint) {
  const std::string data = write(test::some_data(300));
  const fs::path run = dir_ / "run";
  const test::Result r = test::hardy_command(
      "train bc" + data + " --steps 40 --checkpoint-every 10 --batch-size 32 --out " + run.string(),
      "trap '' XFSZ; ulimit -f 128; ");
  EXPECT_NE(r.code, 0);
  EXPECT_NE(r.err.find("step_"), std::string::npos) << r.err;
  if (fs::exists(run / "checkpoints"))
    for (const auto& file : fs::directory_iterator(run / "checkpoints"))
      ADD_FAILURE() << "left behind: " << file.path();
}

TEST_F(Train, DataThatCannotBeJudgedAreRefusedAndSoIsTrustThatNobodyUses) {
  const std::string data = write(test::some_data(300));
  refused("riql --preset hardy" + data, {"300 transitions", "2048", "--clean none", "--trust 0"});
  refused("riql --clean scores" + data, {"has no hardy/scores/observations", "hardy data repair"});
  refused("riql --trust 1" + data, {"nobody judges the rows", "--clean models", "--trust 0"});
  refused("iql --trust 1 --clean models" + data, {"all rows weigh the same in iql"});
  Arrays without = test::some_data(300);
  without.erase("rewards");
  refused("bc --clean models" + write(without), {"has no rewards", "--clean none"});
}

TEST_F(Train, ThePresetOnAFileThatWasMendedBeforeGoesOnToTheSameBytes) {
  const std::string d = (dir_ / "d.hdf5").string(), b = (dir_ / "b.hdf5").string(),
                    m = (dir_ / "m.hdf5").string();
  ASSERT_EQ(test::hardy_command("data collect --env pendulum --behaviour random --steps 2400 " + d).code, 0);
  ASSERT_EQ(test::hardy_command("data corrupt --elements observations,rewards " + d + " " + b).code, 0);
  ASSERT_EQ(
      test::hardy_command("data repair --models --model-steps 300 --members 2 --hidden 16 " + b + " " + m)
          .code,
      0);
  const auto train = [&](const std::string& out, int steps) {
    return test::hardy_command("train riql --preset hardy --clean scores --dataset " + m +
                               " --hidden 8 --batch-size 16 --threads 1 --steps " + std::to_string(steps) +
                               " --out " + (dir_ / out).string());
  };
  const test::Result whole = train("whole", 40);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_NE(whole.err.find("judged before: "), std::string::npos) << whole.err;
  ASSERT_EQ(train("run", 20).code, 0);
  ASSERT_EQ(test::hardy_command("resume " + (dir_ / "run").string() + " --steps 40").code, 0);
  const char* last = "checkpoints/step_000000000040.ckpt";
  EXPECT_TRUE(test::contents(dir_ / "whole" / last) == test::contents(dir_ / "run" / last));
  const nlohmann::json columns = json_of("run.json").at("dataset").at("cleaning").at("columns");
  EXPECT_GT(columns.at("rewards").at("wrong"), 100);
}

TEST_F(Train, ScoresOfRowsThatWereCorruptedSinceAreRefused) {
  Arrays judged = test::some_data(300);
  for (const char* key : {"observations", "actions", "rewards", "next_observations"})
    judged[std::string("hardy/scores/") + key] = Array::of(ArrayType::kF32, {300});
  const std::string data = write(judged), c = (dir_ / "c.hdf5").string();
  refused("riql --batch-size 32 --clean scores --corrupt rewards" + data, {"--clean scores", "--corrupt"});
  ASSERT_EQ(
      test::hardy_command("data corrupt --elements rewards " + (dir_ / "d.hdf5").string() + " " + c).code, 0);
  refused("riql --batch-size 32 --clean scores --dataset " + c, {"c.hdf5", "after its rows had been judged"});
}

TEST(TrainSettings, ThePresetThatNeedsNoTableSetsWhatCleaningAndRiqlAreToldAndTheCommandLineGoesBeforeIt) {
  const auto job = algorithms::make_training_job("riql");
  job->schema().parse({"--preset", "hardy", "--trust", "1"});
  const nlohmann::json all = job->schema().resolved_json();
  EXPECT_EQ(all.at("clean"), "models");
  EXPECT_EQ(all.at("trust"), "1");
  EXPECT_EQ(all.at("critics"), "2");
  EXPECT_EQ(all.at("average"), "0.001");
  EXPECT_EQ(all.at("return-temperature"), "0.1");
  EXPECT_EQ(all.at("advantage-quantile"), "0.9");
  EXPECT_EQ(all.at("hidden"), "64");
  EXPECT_EQ(all.at("schedule-steps"), "40000");
  const auto published = algorithms::make_training_job("riql");
  published->schema().parse({"--preset", "hopper/dynamics/random"});
  EXPECT_EQ(published->schema().resolved_json().at("end-loss"), "same");
}

TEST(TrainSettings, AThresholdOnTheCommandLineGoesBeforeThePresets) {
  const auto threshold = [](const std::vector<std::string>& words) {
    const auto job = algorithms::make_training_job("riql");
    job->schema().parse(words);
    return job->schema().resolved_json().at("threshold").get<std::string>();
  };
  EXPECT_EQ(threshold({}), "auto");
  EXPECT_EQ(threshold({"--preset", "hopper/observation/random"}), "100");  // sigma 0.1
  EXPECT_EQ(threshold({"--preset", "hopper/dynamics/random"}), "1");
  EXPECT_EQ(threshold({"--preset", "hopper/dynamics/random", "--threshold", "7"}), "7");
}

}  // namespace
}  // namespace hardy
