// `hardy train hpt` and its relatives as a user meets them.
#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/json.h"
#include "engine/run/archive.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

const std::string kSmall =
    " --task chains:least=2,most=4 --prompt-count 30 --prompts-a-step 6 --rollouts 4 --width 16 --layers 1 "
    "--heads 2 "
    "--test-count 4 --eval-samples 2 --log-every 2 --checkpoint-every 2 --seeds 2";

TEST(PostTrainingCommand, TrainsFromABaseResumesToTheSameBytesAndIsReported) {
  const Scratch dir;
  const std::string d = dir.path().string();
  ASSERT_EQ(hardy_command("train sft" + kSmall + " --steps 6 --slips 0.3 --out " + d + "/base").code, 0);
  const std::string hpt = "train hpt" + kSmall + " --base " + d + "/base --out " + d;
  ASSERT_EQ(hardy_command(hpt + "/whole --steps 6").code, 0);
  ASSERT_EQ(hardy_command(hpt + "/two --threads 1 --steps 3").code, 0);
  ASSERT_EQ(hardy_command("resume " + d + "/two --steps 6").code, 0);
  const auto last = [&](const char* run) {
    nlohmann::json values;
    std::ifstream file((dir / run / "metrics.jsonl").string());
    for (std::string line; std::getline(file, line);)
      if (const auto j = nlohmann::json::parse(line); j.at("kind") == "eval") values = j.at("values");
    return values;
  };
  EXPECT_EQ(last("whole"), last("two"));
  EXPECT_TRUE(last("whole").contains("solve/hard"));
  EXPECT_EQ(hardy_command("report " + d + "/whole -o " + d + "/page.html").code, 0);
  const std::string page = contents(dir / "page.html");
  for (const char* part :
       {"pass@1, hard", "optimiser steps", "pass@2", "still_failing.jsonl", "chains:least=2,most=4"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* part : {"environment steps", "gathered their own data", "expert"})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  std::ifstream failing((dir / "whole/still_failing.jsonl").string());
  std::string line;
  ASSERT_TRUE(std::getline(failing, line));
  EXPECT_TRUE(nlohmann::json::parse(line).at("agents").is_array());
}

TEST(PostTrainingCommand, EvalAsksATokenPolicyPromptsAndShowsItsAnswers) {
  const Scratch dir;
  const std::string d = dir.path().string(), run = d + "/run";
  ASSERT_EQ(hardy_command("train sft" + kSmall + " --steps 4 --out " + run).code, 0);
  const Result own = hardy_command("eval " + run + " --count 5 --samples 3 --show 2 --json");
  ASSERT_EQ(own.code, 0) << own.err;
  const nlohmann::json results = nlohmann::json::parse(own.out);
  ASSERT_EQ(results.size(), 2u);  // an agent each
  EXPECT_EQ(results[0].at("prompts"), 15);
  EXPECT_TRUE(results[0].contains("pass_at_3/mean"));
  EXPECT_EQ(results[0].at("answers").size(), 2u);
  EXPECT_EQ(hardy_command("eval " + run + " --count 5 --samples 3 --show 2 --json").out, own.out);
  put(dir / "mine.jsonl", "{\"prompt\": \"1+1=\", \"answer\": \"2\"}\n");
  const std::string file = run + "/policy/agent_1.policy";
  const Result mine = hardy_command("eval " + file + " --prompts " + d + "/mine.jsonl --max-tokens 3");
  EXPECT_EQ(mine.code, 0) << mine.err;
  EXPECT_NE(mine.out.find("pass_at_8"), std::string::npos) << mine.out;
  const std::filesystem::path sources = test::sources();
  const Result control =
      hardy_command("eval " + (sources / "datasets/behaviours/hopper/step_10000.policy").string() +
                    " --env hopper --prompts x");
  EXPECT_EQ(control.code, 2);
  EXPECT_NE(control.err.find("--prompts: is of token policies"), std::string::npos) << control.err;
  for (const auto& [more, part] :
       {std::pair{" --max-tokens 400", "do not fit"}, {" --task chans", "chains"}}) {
    const Result refused = hardy_command("eval " + file + more);
    EXPECT_EQ(refused.code, 2) << refused.err;
    EXPECT_NE(refused.err.find(part), std::string::npos) << refused.err;
  }
}

TEST(PostTrainingCommand, BenchTimesSamplingAndTrainingApart) {
  const Result r = hardy_command(
      "bench hpt --width 16 --layers 1 --prompts 2 --prompt-tokens 3 --answer-tokens 2 --seconds 0.1 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json result = nlohmann::json::parse(r.out);
  for (const char* key : {"rollout_tokens_per_second", "train_tokens_per_second", "train_share_of_sgemm"})
    EXPECT_GT(result.at(key).get<double>(), 0) << key;
}

TEST(PostTrainingCommand, SaysThatEveryAnswerWasCutOff) {
  const Scratch dir;
  const Result r = hardy_command(
      "train grpo --task chains --prompt-count 30 --prompts-a-step 1 --rollouts 1 --width 16 --layers 1 "
      "--heads 2 "
      "--test-count 0 --steps 9 --max-tokens 1 --out " +
      (dir / "run").string());
  EXPECT_EQ(r.code, 0);
  EXPECT_NE(r.err.find("every answer was cut off, at --max-tokens 1"), std::string::npos) << r.err;
}

TEST(PostTrainingCommand, ExplainsTheCoefficientOfATokenAndNamesWhatIsDoubtful) {
  const Result hpt = hardy_command("train hpt --explain --rollout-estimator cispo --kl k1 --kl-weight 0.1");
  EXPECT_EQ(hpt.code, 0);
  for (const char* part : {"when: switch", "clip(r, 0, 1.28) / r", "two CISPOs", "k1 in the loss",
                           "demonstrations: c = 1 / (B L) 1"})
    EXPECT_NE(hpt.out.find(part), std::string::npos) << part << "\n" << hpt.out;
}

TEST(PostTrainingCommand, RefusesInOneLineAndLeavesNothing) {
  const Scratch dir;
  const std::string d = dir.path().string();
  std::ofstream((dir / "none.jsonl").string()) << R"({"prompt": "1+1="})"
                                               << "\n";
  std::ofstream((dir / "broken.jsonl").string()) << R"({"prompt": "1+1=", "demonstration": "2"})"
                                                 << "\nwhat\n";
  std::ofstream((dir / "empty.jsonl").string()) << "\n";
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"hpt", "needs prompts"},
           {"hpt --task chans", "chains"},
           {"hpt --task chains --gate 9", "more than the rollouts"},
           {"hpt --task chains --gate -2", "-1"},
           {"hpt --task chains --bands hardest", "its bands are easy, middle, hard"},
           {"sft --prompts " + d + "/none.jsonl --max-tokens 4", "no prompt has a demonstration"},
           {"sft --prompts " + d + "/broken.jsonl", "broken.jsonl, line 2: is no JSON object"},
           {"sft --prompts " + d + "/empty.jsonl", "holds no prompt"},
           {"sft --prompts " + d + "/nowhere.jsonl", "cannot be read"},
           {"hpt --task chains --context 8", "do not fit"},
           {"hpt --task chains --prompt-count 5", "fewer than a step takes"},
           {"hpt --task chains --base " + d, "holds no policy/agent_0.policy"},
           {"hpt --task chains --width 30", "no multiple of the heads"},
           {"hpt --task chains --top-p 0.95", "top-p"},
           {"hpt --task chains --micro-batches 33",
            "are more than the prompts of a step, of which there are 32"},
           {"grpo --env pendulum_sparse --micro-batches 2", "is of token policies"},
           {"hpt --task chains --device cuda", "trained on the CPU"}}) {
    const Result o = hardy_command("train " + arguments + " --out " + d + "/run");
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_NE((o.out + o.err).find(part), std::string::npos) << arguments << ": " << o.out << o.err;
    EXPECT_FALSE(std::filesystem::exists(dir / "run")) << arguments;
  }
}

TEST(PostTrainingCommand, OneRolloutAPromptAndBatchesThatAllFailTrainOnDemonstrationsAlone) {
  const Scratch dir;
  std::ofstream((dir / "p.jsonl").string()) << R"({"prompt": "ab", "demonstration": "cd", "answer": "never"})"
                                            << "\n"
                                            << R"({"prompt": "ba", "demonstration": "dc", "answer": "never"})"
                                            << "\n";
  const Result o = hardy_command(
      "train hpt --prompts " + (dir / "p.jsonl").string() +
      " --prompts-a-step 2 --rollouts 1 --width 8 --layers 1 --heads 1 --steps 3 --log-every 1 --out " +
      (dir / "run").string());
  EXPECT_EQ(o.code, 0) << o.err;
  std::ifstream file((dir / "run/metrics.jsonl").string());
  int records = 0;
  for (std::string line; std::getline(file, line); ++records)
    EXPECT_EQ(nlohmann::json::parse(line).at("values").at("offline_share")[0], 1.0);
  EXPECT_EQ(records, 3);
}

TEST(PostTrainingCommand, TrainsControlPoliciesFromCollectedDemonstrationsAndResumesToTheSameBytes) {
  const Scratch dir;
  const std::string d = dir.path().string();
  ASSERT_EQ(hardy_command("data collect --env key_door:size=4 --behaviour random --episodes 24 --seed 5 " +
                          d + "/demos.hdf5")
                .code,
            0);
  const std::string hpt =
      "train hpt --env key_door:size=4 --start-seed 5 --prompts-a-step 4 --rollouts 2 "
      "--hidden 8 --eval-episodes 4 --eval-every 100 --log-every 1 --checkpoint-every 2 "
      "--seeds 2 --dataset " +
      d + "/demos.hdf5 --verify-demos --out " + d;
  ASSERT_EQ(hardy_command(hpt + "/whole --steps 4").code, 0);
  ASSERT_EQ(hardy_command(hpt + "/two --threads 1 --steps 2").code, 0);
  ASSERT_EQ(hardy_command("resume " + d + "/two --steps 4").code, 0);
  for (const char* policy : {"policy/agent_0.policy", "policy/agent_1.policy"}) {
    const run::Archive whole = run::Archive::read(dir / "whole" / policy, "policy", 4),
                       two = run::Archive::read(dir / "two" / policy, "policy", 4);
    const auto x = whole.get<float>("policy/w1"), y = two.get<float>("policy/w1");
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << policy;
  }
  std::ifstream file((dir / "whole/metrics.jsonl").string());
  int records = 0;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json j = nlohmann::json::parse(line);
    if (j.at("kind") != "train") continue;
    ++records;
    for (const char* figure : {"train_solve/mean", "offline_share", "entropy", "episode_length", "clip_share",
                               "gradient_norm", "still_failing", "truncated_share"})
      EXPECT_EQ(j.at("values").at(figure).size(), 2u) << figure;
    EXPECT_EQ(j.at("values").at("log_prob_difference/max"), (std::vector<double>{0, 0}));
  }
  EXPECT_EQ(records, 4);
  EXPECT_TRUE(std::filesystem::exists(dir / "whole/still_failing.jsonl"));
  EXPECT_EQ(hardy_command(hpt + "/whole --or-resume --steps 4").code, 0);
  EXPECT_EQ(hardy_command("report " + d + "/whole -o " + d + "/page.html").code, 0);
  const Result eval = hardy_command("eval " + d + "/whole --episodes 4 --json");
  EXPECT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(hardy_command("export " + d + "/whole/policy/agent_0.policy " + d + "/p.c").code, 0);
  EXPECT_EQ(hardy_command("train dapg --base " + d + "/whole " + hpt.substr(10, hpt.find(" --verify") - 10) +
                          " --steps 2 --out " + d + "/dapg")
                .code,
            0);
}

TEST(PostTrainingCommand, RefusesControlThatCannotBe) {
  const Scratch dir;
  const std::string d = dir.path().string(), demos = " --dataset " + d + "/demos.hdf5";
  ASSERT_EQ(hardy_command("data collect --env key_door:size=4 --behaviour random --episodes 24 --seed 5 " +
                          d + "/demos.hdf5")
                .code,
            0);
  const std::string door = " --env key_door:size=4";
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"hpt" + door, "imitates demonstrations"},
           {"hpt" + door + demos, "begins at one of the 24 starts"},
           {"hpt --env cart_pole" + demos, "cart_pole: does not say what a success is"},
           {"hpt --env cart_pole --success-return 100" + demos, "has 9 observations and 1 actions"},
           {"hpt --env cart_pole --success-return much" + demos, "is no number"},
           {"hpt --env pendulum_sparse" + demos, "has 9 observations"},
           {"hpt" + door + " --start-seed 5 --starts 8" + demos, "fewer than a step takes"},
           {"hpt" + door + " --start-seed 5 --gate 9 --prompts-a-step 4" + demos, "more than the rollouts"},
           {"luffy --env pendulum_sparse" + demos, "a density has a unit"},
           {"srft --env pendulum_sparse" + demos, "a density has a unit"},
           {"grpo" + door + " --temperature 0.5", "sampled as it is"},
           {"grpo" + door + " --task chains", "is of token policies"},
           {"grpo --hidden 8 --task chains", "is of control policies"},
           {"grpo" + door + " --base " + d + "/demos.hdf5", "demos.hdf5"},
           {"awr --task chains", "is a method of control policies"},
           {"grpo" + door + " --normalise", "no demonstrations to normalise by"}}) {
    const Result o = hardy_command("train " + arguments + " --out " + d + "/run");
    EXPECT_EQ(o.code, 2) << arguments << o.err;
    EXPECT_NE((o.out + o.err).find(part), std::string::npos) << arguments << ": " << o.out << o.err;
    EXPECT_FALSE(std::filesystem::exists(dir / "run")) << arguments;
  }
}

}  // namespace
}  // namespace hardy::test
