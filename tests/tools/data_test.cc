// `hardy data ...` and `hardy report FILE`, as people run them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/places.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using test::hardy_command;
using test::one_line;
using test::Result;

class DataCommands : public ::testing::Test {
 protected:
  void SetUp() override { datasets::write_hdf5(dir_ / "clean.hdf5", test::made_data(3000)); }
  std::string at(const std::string& name) const { return (dir_ / name).string(); }
  std::size_t files() const { return test::files_in(dir_.path()); }

  // Exit code 2, one line that has `part`, and nothing new in the folder.
  void refuses(const std::string& arguments, const std::string& part, const std::string& before = "") {
    const std::size_t there = files();
    const Result r = hardy_command(arguments, before);
    EXPECT_EQ(r.code, 2) << arguments << ": " << r.err;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
    EXPECT_EQ(files(), there) << arguments;
  }

  test::Scratch dir_;
};

TEST_F(DataCommands, CorruptThenUndoThenDiffSaysTheSame) {
  for (const std::string how :
       {"--elements observations,actions,rewards,dynamics --generator numpy",
        "--elements observations --copies trajectory",
        "--elements rewards:adversarial,actions --pattern episodes --indices shared",
        "--elements observations --mode delayed --sensors 1,3 --pattern blocks --block 50"}) {
    ASSERT_EQ(hardy_command("data corrupt " + at("clean.hdf5") + " " + at("dirty.hdf5") + " " + how).code, 0)
        << how;
    const Result changed =
        hardy_command("data diff " + at("clean.hdf5") + " " + at("dirty.hdf5") + " --json");
    EXPECT_EQ(changed.code, 3);
    EXPECT_FALSE(nlohmann::json::parse(changed.out).at("same").get<bool>());
    const Result undone =
        hardy_command("data corrupt --undo " + at("dirty.hdf5") + " " + at("back.hdf5") + " --json");
    ASSERT_EQ(undone.code, 0) << how << "\n" << undone.err;
    EXPECT_GT(nlohmann::json::parse(undone.out).at("columns").get<int>(), 5);
    const Result same = hardy_command("data diff " + at("clean.hdf5") + " " + at("back.hdf5"));
    EXPECT_EQ(same.code, 0) << how << "\n" << same.out;
    EXPECT_NE(same.out.find("the same, bit for bit"), std::string::npos) << same.out;
    fs::remove(at("dirty.hdf5"));
    fs::remove(at("back.hdf5"));
  }
}

TEST_F(DataCommands, TheManifestNamesWhatWasDoneAndTheRows) {
  const Result r = hardy_command("data corrupt " + at("clean.hdf5") + " " + at("d.hdf5") +
                                 " --elements rewards --seed 9 --json --manifest " + at("m.json"));
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json m = nlohmann::json::parse(r.out),
                       file = nlohmann::json::parse(test::contents(at("m.json")));
  EXPECT_EQ(m.at("seed"), 9);
  EXPECT_EQ(m.at("input_sha256").get<std::string>().size(), 64u);
  EXPECT_EQ(file.at("elements")[0].at("rows").size(),
            m.at("elements")[0].at("rows_changed").get<std::size_t>());
  const nlohmann::json seen =
      nlohmann::json::parse(hardy_command("data inspect " + at("d.hdf5") + " --json").out);
  EXPECT_EQ(seen.at("corruption"), m);
  EXPECT_EQ(seen.at("corrupted_share").at("rewards").size(), 100u);
}

TEST_F(DataCommands, AnAdversaryTakesTheCriticOfARunAndCanBeUndone) {
  datasets::write_hdf5(dir_ / "some.hdf5", test::some_data(600));
  for (const std::string method : {"iql", "riql"}) {  // raw and normalised observations
    ASSERT_EQ(hardy_command("train " + method + " --dataset " + at("some.hdf5") +
                            " --seeds 2 --steps 20 --hidden 16 --batch-size 32 --out " + at(method))
                  .code,
              0);
    const Result r =
        hardy_command("data corrupt " + at("some.hdf5") + " " + at(method + ".hdf5") +
                      " --elements observations,actions,dynamics --mode adversarial --iterations 5 --agent 1 "
                      "--json --critic " +
                      at(method));
    ASSERT_EQ(r.code, 0) << r.err;
    EXPECT_EQ(nlohmann::json::parse(r.out).at("critic").at("normalised").get<bool>(), method == "riql");
    ASSERT_EQ(
        hardy_command("data corrupt --undo " + at(method + ".hdf5") + " " + at(method + "_back.hdf5")).code,
        0);
    EXPECT_EQ(hardy_command("data diff " + at("some.hdf5") + " " + at(method + "_back.hdf5")).code, 0);
  }
  // A victim of other sizes, whether or not any row would be attacked through it.
  for (const char* what : {"actions", "actions --rate 0", "rewards"})
    refuses("data corrupt " + at("clean.hdf5") + " " + at("x.hdf5") + " --mode adversarial --elements " +
                what + " --critic " + at("iql"),
            "11 observations and 3 actions");
  refuses("data corrupt " + at("some.hdf5") + " " + at("x.hdf5") +
              " --elements actions --mode adversarial --evade 0.9 --critic " + at("iql"),
          "has 600 transitions");
  refuses("data corrupt " + at("some.hdf5") + " " + at("x.hdf5") + " --elements actions --evade 0.9",
          "--critic");
}

TEST_F(DataCommands, AuditExitsWithThreeForFindingsAndZeroForACleanFile) {
  const Result clean = hardy_command("data audit " + at("clean.hdf5"));
  EXPECT_EQ(clean.code, 0) << clean.out;
  // Says what it looked for, and what it cannot see.
  for (const char* part : {"\nnothing found; looked for: file, layout, actions, constant, continuity",
                           "jumps", "stuck", "no audit sees what fits its neighbours"})
    EXPECT_NE(clean.out.find(part), std::string::npos) << part << "\n" << clean.out;
  ASSERT_EQ(
      hardy_command("data corrupt " + at("clean.hdf5") + " " + at("d.hdf5") + " --elements dynamics").code,
      0);
  const Result found = hardy_command("data audit " + at("d.hdf5") + " --json");
  EXPECT_EQ(found.code, 3);
  EXPECT_EQ(nlohmann::json::parse(found.out).at("findings")[0].at("check"), "continuity");
  refuses("data audit " + at("nowhere.hdf5"), "nowhere.hdf5");
}

TEST_F(DataCommands, RepairMendsAndReports) {
  ASSERT_EQ(
      hardy_command("data corrupt " + at("clean.hdf5") + " " + at("d.hdf5") + " --elements dynamics").code,
      0);
  const Result r = hardy_command("data repair " + at("d.hdf5") + " " + at("r.hdf5") + " --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json m = nlohmann::json::parse(r.out).at("columns").at("next_observations");
  EXPECT_EQ(m.at("with_successor").at("recall"), 1.0);
  EXPECT_EQ(m.at("precision"), 1.0);
  const Result text = hardy_command("data repair " + at("d.hdf5") + " " + at("r2.hdf5"));
  EXPECT_NE(text.out.find("Why it can"), std::string::npos) << text.out;
}

TEST_F(DataCommands, RepairByModelsPrintsWhatTheyThinkOfEveryColumnAndKeepsItsScores) {
  ASSERT_EQ(
      hardy_command("data corrupt " + at("clean.hdf5") + " " + at("d.hdf5") + " --elements rewards").code, 0);
  const Result r = hardy_command("data repair " + at("d.hdf5") + " " + at("r.hdf5") +
                                 " --models --members 2 --hidden 16 --model-steps 600");
  ASSERT_EQ(r.code, 0) << r.err;
  for (const char* part : {"rewards", "expected to be wrong", "AUC", "calibration", "mean error"})
    EXPECT_NE(r.out.find(part), std::string::npos) << part << "\n" << r.out;
  const auto file = datasets::open_dataset(at("r.hdf5"));
  for (const char* column : {"observations", "next_observations", "actions", "rewards"})
    EXPECT_EQ(file->column("hardy/scores/" + std::string(column)).describe(), "float32 [3000]");
}

TEST_F(DataCommands, InspectShowsEpisodesDistributionsAndBars) {
  const Result r = hardy_command("data inspect " + at("clean.hdf5"));
  ASSERT_EQ(r.code, 0) << r.err;
  for (const char* part : {"rows       3000", "continuity 0 of", "observations          [ 3]", "####", "█"})
    EXPECT_NE(r.out.find(part), std::string::npos) << part << "\n" << r.out;
  const nlohmann::json j =
      nlohmann::json::parse(hardy_command("data inspect " + at("clean.hdf5") + " --json").out);
  std::int64_t total = 0;
  for (const auto& c : j.at("columns").at("rewards")[0].at("histogram").at("counts"))
    total += c.get<std::int64_t>();
  EXPECT_EQ(total, 3000);
}

// Returns, discounted returns and lengths of the episodes, by the definition.
struct Sums {
  std::vector<double> returns, discounted, lengths;
};
Sums sums_of(const datasets::Arrays& a, double gamma, std::int64_t limit) {
  Sums sums{{0}, {0}, {0}};
  const std::int64_t rows = a.at("rewards").rows();
  for (std::int64_t row = 0; row < rows; ++row) {
    const double r = a.at("rewards").as<float>()[row];
    sums.returns.back() += r;
    sums.discounted.back() += std::pow(gamma, sums.lengths.back()) * r;
    sums.lengths.back() += 1;
    const bool ends = a.at("terminals").as<std::uint8_t>()[row] ||
                      (a.count("timeouts") ? a.at("timeouts").as<std::uint8_t>()[row] != 0
                                           : sums.lengths.back() == static_cast<double>(limit));
    if (!ends || row + 1 == rows) continue;
    sums.returns.push_back(0);
    sums.discounted.push_back(0);
    sums.lengths.push_back(0);
  }
  return sums;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_F(DataCommands, InspectGivesEveryReturnOrNoneAndEpisodesALineForEach) {
  datasets::Arrays a = test::made_data(40000);  // a thousand episodes
  datasets::write_hdf5(dir_ / "hopper-made.hdf5", a);
  const Sums sums = sums_of(a, 0.9, 0);
  const nlohmann::json j =
      nlohmann::json::parse(hardy_command("data inspect " + at("hopper-made.hdf5") + " --json").out);
  ASSERT_GT(sums.returns.size(), 1000u);
  const auto returns = j.at("returns").get<std::vector<double>>(),
             lengths = j.at("lengths").get<std::vector<double>>();
  ASSERT_EQ(returns.size(), sums.returns.size());
  for (std::size_t i = 0; i < returns.size(); ++i) ASSERT_NEAR(returns[i], sums.returns[i], 1e-9) << i;
  EXPECT_EQ(lengths, sums.lengths);
  EXPECT_LE(j.at("along_file").at("returns").size(), 400u);
  EXPECT_EQ(j.at("along_file").at("episodes_each"), (returns.size() + 399) / 400);
  std::vector<double> sorted = returns;
  std::ranges::sort(sorted);
  EXPECT_NEAR(j.at("return").at("quantiles").at("0.5").get<double>(),
              (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2, 1e-9);

  const Result csv = hardy_command("data episodes " + at("hopper-made.hdf5") + " --gamma 0.9");
  ASSERT_EQ(csv.code, 0) << csv.err;
  const std::vector<std::string> lines = lines_of(csv.out);
  ASSERT_EQ(lines.size(), sums.returns.size() + 1);
  EXPECT_EQ(lines[0], "episode,first_row,length,return,score,discounted_return,end");
  const nlohmann::json all =
      nlohmann::json::parse(
          hardy_command("data episodes " + at("hopper-made.hdf5") + " --gamma 0.9 --json").out)
          .at("episodes");
  std::int64_t first = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char* end = i + 1 == all.size() ? "end_of_file" : i % 2 ? "timeout" : "terminal";
    char line[200];
    std::snprintf(line, sizeof line, "%zu,%lld,%.0f,", i, static_cast<long long>(first), sums.lengths[i]);
    ASSERT_TRUE(lines[i + 1].starts_with(line)) << lines[i + 1];
    ASSERT_TRUE(lines[i + 1].ends_with("," + std::string(end))) << lines[i + 1];
    ASSERT_EQ(all[i].at("first_row"), first);
    ASSERT_EQ(all[i].at("end"), end);
    ASSERT_NEAR(all[i].at("return").get<double>(), sums.returns[i], 1e-9);
    ASSERT_NEAR(all[i].at("discounted_return").get<double>(), sums.discounted[i], 1e-9);
    ASSERT_NEAR(all[i].at("score").get<double>(), 100 * (sums.returns[i] + 20.272305) / (3234.3 + 20.272305),
                1e-9);
    first += static_cast<std::int64_t>(sums.lengths[i]);
  }
}

TEST_F(DataCommands, ReturnsOfCorruptedRewardsSaySoAndShowWhatTheCleanOnesGive) {
  datasets::write_hdf5(dir_ / "hopper-clean.hdf5", test::made_data(3000));
  ASSERT_EQ(hardy_command("data corrupt " + at("hopper-clean.hdf5") + " " + at("hopper-bad.hdf5") +
                          " --elements rewards,actions")
                .code,
            0);
  const auto inspected = [&](const std::string& file) {
    return nlohmann::json::parse(hardy_command("data inspect " + at(file) + " --json").out);
  };
  const nlohmann::json clean = inspected("hopper-clean.hdf5"), bad = inspected("hopper-bad.hdf5");
  EXPECT_FALSE(clean.contains("rewards_corrupted"));
  EXPECT_TRUE(bad.at("rewards_corrupted").get<bool>());
  EXPECT_EQ(bad.at("clean_return").at("mean"), clean.at("return").at("mean"));
  EXPECT_EQ(bad.at("clean_score").at("max"), clean.at("score").at("max"));
  EXPECT_NE(bad.at("return").at("mean"), clean.at("return").at("mean"));
  const std::string text = hardy_command("data inspect " + at("hopper-bad.hdf5")).out;
  EXPECT_NE(text.find("of rewards that were corrupted on purpose; with the clean ones"), std::string::npos)
      << text;
  EXPECT_NE(text.find("returns (of corrupted rewards)"), std::string::npos) << text;

  const nlohmann::json a = nlohmann::json::parse(
                           hardy_command("data episodes --json " + at("hopper-clean.hdf5")).out),
                       b = nlohmann::json::parse(
                           hardy_command("data episodes --json " + at("hopper-bad.hdf5")).out);
  std::int64_t hit = 0;
  for (std::size_t i = 0; i < a.at("episodes").size(); ++i) {
    EXPECT_EQ(b.at("episodes")[i].at("clean_return"), a.at("episodes")[i].at("return"));
    EXPECT_EQ(b.at("episodes")[i].at("clean_score"), a.at("episodes")[i].at("score"));
    hit += b.at("episodes")[i].at("corrupted_rows").get<std::int64_t>();
  }
  EXPECT_NEAR(static_cast<double>(hit), 3000 * 0.51, 90);  // 1 - 0.7^2

  ASSERT_EQ(hardy_command("report " + at("hopper-bad.hdf5") + " -o " + at("r.html")).code, 0);
  const std::string page = test::contents(at("r.html"));
  for (const char* part : {"return (corrupted rewards)", "return (clean rewards)", "(hopper, clean rewards)"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  ASSERT_EQ(hardy_command("train bc --dataset " + at("hopper-bad.hdf5") +
                          " --steps 2 --hidden 4 --batch-size 8 --out " + at("run"))
                .code,
            0);
  const nlohmann::json about = nlohmann::json::parse(test::contents(at("run/run.json"))).at("dataset");
  EXPECT_TRUE(about.at("rewards_corrupted").get<bool>());
  EXPECT_EQ(about.at("clean_score").at("mean"), clean.at("score").at("mean"));
  ASSERT_EQ(hardy_command("report " + at("run") + " -o " + at("run.html")).code, 0);
  const std::string run_page = test::contents(at("run.html"));
  for (const char* part : {"score (corrupted rewards)", "score (clean rewards)"})
    EXPECT_NE(run_page.find(part), std::string::npos) << part;
}

TEST_F(DataCommands, AFileWithoutTimeoutsIsCutAtTheTasksTimeLimit) {
  // 1,200 rows that nothing ends. D4RL's loop over the first 1,199 leaves out every row at the limit.
  datasets::Arrays a;
  using datasets::Array;
  using datasets::ArrayType;
  a["observations"] = Array::of(ArrayType::kF32, {1200, 3});
  for (std::int64_t i = 0; i < 3600; ++i) a["observations"].as<float>()[i] = static_cast<float>(i % 97) / 97;
  a["actions"] = Array::of(ArrayType::kF32, {1200, 1});
  a["rewards"] = Array::of(ArrayType::kF32, {1200});
  for (std::int64_t i = 0; i < 1200; ++i) a["rewards"].as<float>()[i] = static_cast<float>(i % 7);
  a["terminals"] = Array::of(ArrayType::kBool, {1200});
  for (const char* name : {"maze2d-umaze-v1.hdf5", "own.hdf5"}) datasets::write_hdf5(dir_ / name, a);
  const auto with = datasets::create_dataset(dir_ / "told.hdf5");
  with->set_attributes({{"max_episode_steps", 150}});
  datasets::write_arrays(*with, a);

  int run = 0;
  const auto transitions = [&](const std::string& arguments) {
    const std::string out = at("run" + std::to_string(run++));
    const Result r = hardy_command("train bc --view qlearning --steps 2 --hidden 4 --batch-size 8 --out " +
                                   out + " --dataset " + arguments);
    EXPECT_EQ(r.code, 0) << r.err;
    return nlohmann::json::parse(test::contents(out + "/run.json"))
        .at("dataset")
        .at("transitions")
        .get<int>();
  };
  EXPECT_EQ(transitions(at("maze2d-umaze-v1.hdf5")), 1196);  // 300
  EXPECT_EQ(transitions(at("maze2d-umaze-v1.hdf5") + " --time-limit 1000"), 1198);
  EXPECT_EQ(transitions(at("own.hdf5")), 1198);                                  // 1000
  EXPECT_EQ(transitions(at("told.hdf5")), 1192);                                 // 150
  EXPECT_EQ(transitions(at("maze2d-umaze-v1.hdf5") + " --env pendulum"), 1194);  // 200
  refuses("train bc --dataset " + at("own.hdf5") + " --time-limit -3 --out " + at("x"), "--time-limit");

  const Result csv = hardy_command("data episodes " + at("maze2d-umaze-v1.hdf5"));
  ASSERT_EQ(lines_of(csv.out).size(), 5u) << csv.out << csv.err;
  EXPECT_TRUE(lines_of(csv.out)[2].starts_with("1,300,300,")) << csv.out;
  EXPECT_TRUE(lines_of(csv.out)[2].ends_with(",limit")) << csv.out;
  EXPECT_EQ(lines_of(hardy_command("data episodes --time-limit 500 " + at("own.hdf5")).out).size(), 4u);
  EXPECT_EQ(lines_of(hardy_command("data episodes " + at("own.hdf5")).out).size(), 2u);
  const nlohmann::json j = nlohmann::json::parse(hardy_command("data inspect --json " + at("told.hdf5")).out);
  EXPECT_EQ(j.at("time_limit").at("steps"), 150);
  EXPECT_EQ(j.at("episodes"), 8);
}

TEST_F(DataCommands, RefusesBadInputWithoutAPartialFile) {
  const std::string in = at("clean.hdf5"), corrupt = "data corrupt " + in + " ";
  refuses(corrupt + in + " --elements rewards --overwrite", "clean.hdf5");
  refuses(corrupt + at("o.hdf5") + " --elements rewads", "did you mean 'rewards'?");
  refuses(corrupt + at("o.hdf5") + " --elements rewards --mode stck", "--mode");
  refuses(corrupt + at("o.hdf5") + " --elements rewards --rate 1.5", "rate");
  refuses(corrupt + at("o.hdf5") + " --elements rewards --sensors one", "not a dimension");
  refuses(corrupt + at("o.hdf5") + " --elements rewards --generator numpy --seed 4294967296", "4294967295");
  refuses(corrupt + at("o.hdf5"), "no element");
  refuses(corrupt + at("o.hdf5") + " --elements dynamics --mode adversarial", "--critic");
  refuses(corrupt + at("o.hdf5") + " --elements actions,rewards --scale 1e38", "rewards: would become ");
  refuses("data corrupt --undo " + in + " " + at("o.hdf5"), "no record");
  refuses("data repair " + in + " " + in, "clean.hdf5");
  refuses("data repair " + in + " " + at("o.hdf5") + " --continuity nxt", "--continuity");
  refuses("data repair " + in + " " + at("o.hdf5") + " --models --continuity nearer",
          "leave it out with --models");
  refuses("data repair " + in + " " + at("o.hdf5") + " --models --sure 0.3", "--sure");
  datasets::write_hdf5(dir_ / "small.hdf5", test::made_data(500));
  refuses("data repair " + at("small.hdf5") + " " + at("o.hdf5") + " --models", "500 transitions");
  refuses("data diff " + in + " " + at("nowhere.hdf5"), "nowhere.hdf5");
  refuses(corrupt + at("no/such/folder.hdf5") + " --elements rewards", "folder.hdf5");
}

TEST_F(DataCommands, AForeignAttributeInTheManifestsPlaceIsNamedAndNothingIsWritten) {
  const auto writer = datasets::create_dataset(dir_ / "foreign.hdf5");
  writer->set_attributes(nlohmann::json{{"hardy_corruption", "mine"}});
  datasets::write_arrays(*writer, test::made_data(300));
  refuses("data corrupt " + at("foreign.hdf5") + " " + at("o.hdf5") + " --elements rewards",
          "foreign.hdf5 @hardy_corruption: ");
}

TEST_F(DataCommands, WholeNumbersAreRefusedBeforeModelsLearnFromThem) {
  datasets::Arrays whole = test::made_data(3000);
  whole["observations"] = datasets::Array::of(datasets::ArrayType::kI32, {3000, 4});
  datasets::write_hdf5(dir_ / "whole.hdf5", whole);
  for (const std::string how : {" --models", " --clip 3"})
    refuses("data repair " + at("whole.hdf5") + " " + at("o.hdf5") + how,
            "whole.hdf5 /observations: is int32 [3000, 4]");
}

TEST_F(DataCommands, AFullDiskLeavesNoPartialFile) {
  const std::size_t there = files();
  for (const char* what : {"corrupt", "repair"}) {
    const Result r = hardy_command("data " + std::string(what) + " " + at("clean.hdf5") + " " + at("o.hdf5") +
                                       (what[0] == 'c' ? " --elements observations" : ""),
                                   "trap '' XFSZ; ulimit -f 16; ");
    EXPECT_EQ(r.code, 1) << r.err;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find("o.hdf5"), std::string::npos) << r.err;
    EXPECT_EQ(files(), there);
  }
}

// Peak resident memory of one command, in MiB; its exit code must be `code`.
long peak_of(std::vector<std::string> arguments, int code) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), 1);
    std::vector<char*> words{const_cast<char*>("hardy")};
    for (std::string& a : arguments) words.push_back(a.data());
    words.push_back(nullptr);
    execv(test::command(), words.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_EQ(WEXITSTATUS(status), code) << arguments[1];
  return usage.ru_maxrss / 1024;
}

TEST_F(DataCommands, LongFilesAreInspectedAuditedAndCorruptedInMemoryThatDoesNotHoldThem) {
  constexpr std::int64_t kRows = 4000000;  // 432 MB decoded; zeros, so that the file is small
  datasets::Arrays a;
  using datasets::Array;
  using datasets::ArrayType;
  for (const char* key : {"observations", "next_observations"})
    a[key] = Array::of(ArrayType::kF32, {kRows, 11});
  a["actions"] = Array::of(ArrayType::kF32, {kRows, 3});
  a["rewards"] = Array::of(ArrayType::kF32, {kRows});
  for (const char* key : {"terminals", "timeouts"}) a[key] = Array::of(ArrayType::kBool, {kRows});
  for (std::int64_t row = 999; row < kRows; row += 1000) a["timeouts"].as<std::uint8_t>()[row] = 1;
  datasets::write_hdf5(dir_ / "long.hdf5", a, 1);
  a.clear();
  EXPECT_LT(peak_of({"data", "inspect", at("long.hdf5")}, 0), 200);
  EXPECT_LT(peak_of({"data", "audit", at("long.hdf5")}, 3), 200);  // its rows are all alike
  EXPECT_LT(peak_of({"data", "corrupt", at("long.hdf5"), at("d.hdf5"), "--elements", "dynamics"}, 0), 200);
  EXPECT_LT(peak_of({"data", "corrupt", "--undo", at("d.hdf5"), at("b.hdf5")}, 0), 200);
  EXPECT_LT(peak_of({"data", "convert", at("long.hdf5"), at("c.hdf5"), "--drop-invalid", "--best", "50%"}, 0),
            200);
}

TEST_F(DataCommands, ReportDrawsADatasetAndWhatWasCorruptedInIt) {
  ASSERT_EQ(hardy_command("data corrupt " + at("clean.hdf5") + " '" + at("d<i>&x.hdf5") +
                          "' --elements rewards,dynamics --pattern blocks")
                .code,
            0);
  ASSERT_EQ(hardy_command("report '" + at("d<i>&x.hdf5") + "' -o " + at("r.html")).code, 0);
  const fs::path script = test::sources() / "tests/tools/python/report_check.py";
  const std::string look = "'" + test::python() + "' '" + script.string() + "' ";
  EXPECT_EQ(std::system((look + "parse " + at("r.html")).c_str()), 0);
  const std::string page = test::contents(at("r.html"));
  EXPECT_NE(page.find("d&lt;i&gt;&amp;x.hdf5"), std::string::npos);
  EXPECT_EQ(page.find("d<i>"), std::string::npos);
  for (const char* part :
       {"Corruption", "rewards: share of rows attacked", "Continuity", "Episode lengths", "Audit"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* browser : {"chromium", "chromium-browser", "google-chrome"})
    if (std::system((std::string("command -v ") + browser + " >/dev/null").c_str()) == 0) {
      EXPECT_EQ(std::system((look + "browser " + at("r.html") + " " + browser).c_str()), 0);
      return;
    }
  GTEST_SKIP() << "there is no Chromium here: the page was not looked at in a browser";
}

TEST_F(DataCommands, WhereMemoryEndsConversionSaysSoInOneLineAndDoesNotCrash) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map more than any limit";
#endif
  const test::Scratch dir;
  const std::string in = (dir / "in.hdf5").string(), out = (dir / "out.hdf5").string();
  ASSERT_EQ(hardy_command("data collect --env pendulum --behaviour random --steps 40 " + in).code, 0);
  int written = 0, refused = 0;
  for (int kib = 30 << 10; written < 3; kib += 1 << 10) {
    const Result r =
        hardy_command("data convert " + in + " " + out, "ulimit -v " + std::to_string(kib) + "; ");
    ASSERT_LT(kib, 400 << 10) << r.err;
    constexpr int kOfTheLoader = 127;  // no room for libraries, or for the threads' variables of all of them
    if (r.code == kOfTheLoader || r.err.find("terminate") != std::string::npos) continue;  // before main()
    (r.code == 0 ? written : refused) += 1;
    EXPECT_EQ(r.err.empty(), r.code == 0);
    if (r.code != 0) {
      EXPECT_EQ(r.code, 1) << kib << " KiB: " << r.err;
      EXPECT_TRUE(one_line(r.err) && r.err.find("memory") != std::string::npos) << kib << " KiB: " << r.err;
    }
    EXPECT_EQ(fs::exists(out), r.code == 0);
    fs::remove(out);
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace hardy
