// `hardy eval --offline`: policies ranked by data alone.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "algorithms/experiments/rank_correlation.h"
#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

using test::hardy_command;

TEST(OfflineEval, ValuesEveryPolicyOfARunAndRefusesWhatIsOfAnEnvironment) {
  const test::Scratch dir;
  const std::string data = (dir / "d.hdf5").string(), run = (dir / "run").string();
  datasets::write_hdf5(dir / "d.hdf5", test::some_data(300));
  ASSERT_EQ(hardy_command("train bc --dataset " + data +
                          " --hidden 8 --batch-size 16 --steps 5 --seeds 2 --out " + run)
                .code,
            0);
  const std::string words =
      "eval " + run + " --offline --dataset " + data + " --hidden 8 --batch-size 32 --fit-steps 40 --fits 3";
  const test::Result one = hardy_command(words + " --json --threads 1"),
                     two = hardy_command(words + " --json --threads 2");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, two.out);
  const auto results = nlohmann::json::parse(one.out);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].at("values").size(), 3u);
  EXPECT_LE(results[0].at("low").get<double>(), results[0].at("value").get<double>());
  EXPECT_NE(results[0].at("value"), results[1].at("value"));
  EXPECT_NE(hardy_command(words).out.find("from 1 beginnings"), std::string::npos);

  for (const char* wrong : {" --env pendulum", " --dataset none.hdf5", " --frames somewhere"}) {
    const test::Result refused = hardy_command(words + wrong);
    EXPECT_EQ(refused.code, 2) << wrong;
    EXPECT_TRUE(test::one_line(refused.err)) << refused.err;
  }
  const test::Result half = hardy_command("eval " + run + " --env hopper --gamma 0.5");
  EXPECT_EQ(half.code, 2);
  EXPECT_NE(half.err.find("--gamma"), std::string::npos);
  EXPECT_EQ(hardy_command("eval " + run + " --offline").code, 2);

  const test::Result single =
      hardy_command("eval " + run + " --offline --dataset " + data +
                    " --hidden 8 --batch-size 32 --fit-steps 40 --fits 1");  // no interval of one fit
  ASSERT_EQ(single.code, 0) << single.err;
  EXPECT_EQ(single.out.find('['), std::string::npos) << single.out;
  EXPECT_NE(single.err.find("2 of 2 values have not settled"), std::string::npos) << single.err;
  EXPECT_NE(single.err.find("25000 --fit-steps"), std::string::npos) << single.err;
  const test::Result diverged = hardy_command(words + " --learning-rate 1e30");
  EXPECT_EQ(diverged.code, 1);
  EXPECT_NE(diverged.err.find("no fit of its value stayed finite"), std::string::npos) << diverged.err;
}

// What fitted Q evaluation is not of stands beside the others in a grid, and takes nothing from them.
TEST(OfflineEval, LeavesPoliciesThatActByTheStepsBeforeOutOfAGridsOrder) {
  const test::Scratch dir;
  const std::string data = (dir / "d.hdf5").string(), grid = (dir / "grid").string();
  ASSERT_EQ(hardy_command("data collect --env pendulum --behaviour random --steps 600 " + data).code, 0);
  test::put(dir / "grid.ini", "method = bc:hidden=8 dt:width=8,layers=1,context=4\ndataset = " + data +
                                  "\nenv = pendulum\nsteps = 5\nseeds = 2\nbatch-size = 8\n"
                                  "eval-episodes = 1\nthreads = 1\n");
  ASSERT_EQ(hardy_command("grid new " + grid + " " + (dir / "grid.ini").string()).code, 0);
  ASSERT_EQ(hardy_command("grid run " + grid).code, 0);
  const std::string words =
      " --offline --dataset " + data + " --hidden 8 --batch-size 32 --fit-steps 20 --fits 2";
  const test::Result r = hardy_command("eval " + grid + words);
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.err.find("2 policies act by the steps before and are left out"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("2 of 2 values have not settled"), std::string::npos) << r.err;
  EXPECT_NE(r.out.find("of 2 policies"), std::string::npos) << r.out;
  for (const auto& cell : std::filesystem::directory_iterator(dir / "grid/cells")) {
    if (!cell.path().filename().string().starts_with("dt")) continue;
    const test::Result alone = hardy_command("eval " + (cell.path() / "run").string() + words);
    EXPECT_EQ(alone.code, 2);
    EXPECT_NE(alone.err.find("agent_0.policy: acts by the steps before"), std::string::npos) << alone.err;
  }
}

// Eight policies of a grid, of which bc has no critic; what stands in the table is what the runs say.
TEST(OfflineEval, OrdersAGridsPoliciesAndSaysHowWell) {
  const test::Scratch dir;
  const std::string data = (dir / "d.hdf5").string(), grid = (dir / "grid").string();
  datasets::write_hdf5(dir / "d.hdf5", test::some_data(600));
  test::put(dir / "grid.ini", "method = bc iql\ndataset = " + data +
                                  "\nenv = hopper\nsteps = 10 30\nseeds = 2\nhidden = 8\nbatch-size = 32\n"
                                  "eval-episodes = 1\nthreads = 1\n");
  ASSERT_EQ(hardy_command("grid new " + grid + " " + (dir / "grid.ini").string()).code, 0);
  const std::string words =
      "eval " + grid + " --offline --dataset " + data + " --hidden 8 --batch-size 32 --fit-steps 20 --fits 2";
  const test::Result early = hardy_command(words);
  EXPECT_EQ(early.code, 2);
  EXPECT_NE(early.err.find("no cell has ended yet"), std::string::npos) << early.err;
  ASSERT_EQ(hardy_command("grid run " + grid).code, 0);
  const test::Result r = hardy_command(words + " --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const auto all = nlohmann::json::parse(r.out);
  ASSERT_EQ(all.at("policies").size(), 8u);
  std::vector<double> scores, values, firm;
  for (const auto& p : all.at("policies")) {
    scores.push_back(p.at("score"));
    values.push_back(p.at("value"));
    const double interval = p.at("high").get<double>() - p.at("low").get<double>();
    firm.push_back(interval <= std::abs(values.back()) ? values.back()
                                                       : std::numeric_limits<double>::quiet_NaN());
    const std::string policy = p.at("policy");
    const auto summary = nlohmann::json::parse(
        test::contents(std::filesystem::path(policy).parent_path().parent_path() / "summary.json"));
    const std::size_t agent = policy.find("agent_1") != std::string::npos;
    EXPECT_EQ(summary.at("agents")[agent].at("last").at("score/mean"), p.at("score"));
    const bool critic = p.at("cell").get<std::string>().find("iql") != std::string::npos;
    EXPECT_EQ(p.contains("td_error"), critic);
    if (!critic) continue;
    EXPECT_LE(p.at("td_error").at("low"), p.at("td_error").at("value"));
    EXPECT_LE(p.at("td_error").at("value"), p.at("td_error").at("high"));
  }
  const auto expected = algorithms::rank_correlation(scores, values);
  const auto& said = all.at("rank_correlation");
  EXPECT_EQ(said.at("value").at("policies"), 8);
  EXPECT_EQ(said.at("td_error").at("policies"), 4);
  EXPECT_DOUBLE_EQ(said.at("value").at("spearman").get<double>(), expected.spearman);
  EXPECT_DOUBLE_EQ(said.at("value").at("kendall").get<double>(), expected.kendall);
  EXPECT_EQ(said.at("firm_value").at("policies"), algorithms::rank_correlation(scores, firm).n);
  const std::string table = hardy_command(words).out;
  EXPECT_NE(table.find("rank correlation of the score with the value: Spearman"), std::string::npos) << table;
  EXPECT_EQ(hardy_command("eval " + grid).code, 2);
  EXPECT_EQ(hardy_command(words + " --env hopper").code, 2);
}

}  // namespace
}  // namespace hardy
