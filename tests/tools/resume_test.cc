// Runs that are killed and resumed, through the real command.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/run/metrics.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;

fs::path make_dataset(const test::Scratch& dir) {
  const fs::path file = dir / "data.hdf5";
  datasets::write_hdf5(file, test::some_data(2000));
  return file;
}

pid_t start(std::vector<std::string> words) {
  const pid_t child = fork();
  if (child == 0) {
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(127);
    std::vector<char*> argv{const_cast<char*>(test::command())};
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    execv(test::command(), argv.data());
    _exit(127);
  }
  return child;
}
int finish(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

using Words = std::vector<std::string>;

Words train_words(const fs::path& data, const fs::path& out, const char* threads) {
  return {"train",
          "riql",
          "--dataset",
          data,
          "--env",
          "hopper",
          "--seeds",
          "3",
          "--steps",
          "8000",
          "--hidden",
          "32",
          "--batch-size",
          "32",
          "--checkpoint-every",
          "25",
          "--eval-every",
          "200",
          "--eval-episodes",
          "2",
          "--threads",
          threads,
          "--out",
          out};
}

using Records = std::vector<std::pair<std::int64_t, std::map<std::string, std::vector<std::uint64_t>>>>;
// What the metrics hold of a kind of record, whenever it was written, as bits: what is not a number, a band
// without prompts say, is equal to itself.
Records records(const fs::path& run, const char* kind) {
  Records all;
  for (const run::MetricsRecord& r : run::read_metrics(run / "metrics.jsonl")) {
    if (r.kind != kind) continue;
    all.emplace_back(r.step, Records::value_type::second_type());
    for (const auto& [name, values] : r.values)
      for (const double v : values) all.back().second[name].push_back(std::bit_cast<std::uint64_t>(v));
  }
  return all;
}

// words_of(out): the command of a run. `last`: its last checkpoint.
void kill_and_compare(const test::Scratch& dir, const std::function<Words(const fs::path&)>& words_of,
                      const fs::path& last, int kills) {
  const fs::path whole = dir / "whole", run = dir / "killed";
  ASSERT_EQ(finish(start(words_of(whole))), 0);
  ASSERT_FALSE(test::contents(whole / last).empty());
  int killed = 0;
  bool begun = false;
  for (int attempt = 0; attempt < 200 && !fs::exists(run / "summary.json"); ++attempt) {
    // A kill before run.json is complete leaves a folder that is no run yet.
    if (begun && !fs::exists(run / "run.json")) {
      fs::remove_all(run);
      begun = false;
    }
    const pid_t child = start(begun ? Words{"resume", run} : words_of(run));
    begun = true;
    if (killed < kills) {
      const double pause =
          20 + 180 * Random(7, RandomStream::kUser, static_cast<std::uint64_t>(attempt)).uniform64(0);
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int>(pause * 1000)));
      kill(child, SIGKILL);
      killed += finish(child) == -SIGKILL;
    } else {
      EXPECT_EQ(finish(child), 0);
    }
  }
  EXPECT_EQ(killed, kills) << "the run ended before it was killed so often";
  EXPECT_TRUE(test::contents(run / last) == test::contents(whole / last))
      << "the checkpoints differ after " << killed << " kills";
  for (const char* kind : {"train", "eval"}) {
    EXPECT_FALSE(records(whole, kind).empty()) << kind;
    EXPECT_TRUE(records(run, kind) == records(whole, kind))
        << kind << " records were lost, doubled or changed";
  }
}

void kill_and_compare_riql(const char* threads) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir);
  kill_and_compare(
      dir,
      [&](const fs::path& out) { return train_words(data, out, out.filename() == "whole" ? "1" : threads); },
      "checkpoints/step_000000008000.ckpt", 20);
}

TEST(Resume, AfterTwentyKillsTheLastCheckpointIsByteIdenticalWithOneThread) { kill_and_compare_riql("1"); }
TEST(Resume, AfterTwentyKillsTheLastCheckpointIsByteIdenticalWithTwoThreads) { kill_and_compare_riql("2"); }

Words sac_words(const fs::path& out) {
  return {"train",        "sac",  "--seeds",         "2",  "--steps",     "3000", "--start-steps",      "250",
          "--hidden",     "32",   "--batch-size",    "32", "--log-every", "100",  "--checkpoint-every", "50",
          "--eval-every", "1000", "--eval-episodes", "1",  "--out",       out};
}

// Choices in the replay, exploration that falls with the steps, a target that is copied now and then.
Words dqn_words(const fs::path& out) {
  return {"train",
          "dqn",
          "--seeds",
          "2",
          "--steps",
          "9000",
          "--start-steps",
          "250",
          "--hidden",
          "32",
          "--batch-size",
          "32",
          "--target-every",
          "70",
          "--epsilon-steps",
          "1500",
          "--log-every",
          "100",
          "--checkpoint-every",
          "50",
          "--eval-every",
          "3000",
          "--eval-episodes",
          "1",
          "--out",
          out};
}

TEST(Resume, AfterFiveKillsAMethodOfChoicesLastCheckpointIsByteIdentical) {
  const test::Scratch dir;
  kill_and_compare(dir, dqn_words, "checkpoints/step_000000009000.ckpt", 5);
}

TEST(Resume, AfterTwentyKillsATokenPolicysLastCheckpointIsByteIdentical) {
  const test::Scratch dir;
  const auto words = [](const fs::path& out) {
    return Words{"train",
                 "hpt",
                 "--task",
                 "chains:least=2,most=3",
                 "--prompt-count",
                 "40",
                 "--gate-kind",
                 "running",
                 "--prompts-a-step",
                 "8",
                 "--rollouts",
                 "4",
                 "--width",
                 "32",
                 "--seeds",
                 "2",
                 "--steps",
                 "1200",
                 "--checkpoint-every",
                 "10",
                 "--eval-every",
                 "250",
                 "--test-count",
                 "4",
                 "--threads",
                 "1",
                 "--out",
                 out};
  };
  kill_and_compare(dir, words, "checkpoints/step_000000001200.ckpt", 20);
}

TEST(Resume, AfterFiveKillsAnInteractingMethodsLastCheckpointIsByteIdentical) {
  const test::Scratch dir;
  kill_and_compare(dir, sac_words, "checkpoints/step_000000003000.ckpt", 5);
}

// Environment steps within the device, and over the host: no device has the mountain car. The replay wraps.
void kill_and_compare_on_a_device(const std::string& method, const std::string& environment) {
  SCOPED_TRACE(method + " in " + environment);
  const test::Scratch dir;
  const auto words = [&](const fs::path& out) {
    return Words{"train",       method, "--env",        environment, "--device",           "cuda-emulated",
                 "--seeds",     "2",    "--steps",      "100",       "--start-steps",      "60",
                 "--capacity",  "40",   "--hidden",     "8",         "--batch-size",       "8",
                 "--log-every", "20",   "--eval-every", "50",        "--checkpoint-every", "5",
                 "--keep-last", "2",    "--out",        out};
  };
  kill_and_compare(dir, words, "checkpoints/step_000000000100.ckpt", 3);
}
TEST(Resume, AfterThreeKillsAnInteractionWithinADeviceHasAByteIdenticalLastCheckpoint) {
  kill_and_compare_on_a_device("sac", "pendulum");
  kill_and_compare_on_a_device("dqn", "cart_pole");
}
TEST(Resume, AfterThreeKillsAnInteractionOverTheHostHasAByteIdenticalLastCheckpoint) {
  kill_and_compare_on_a_device("sac", "mountain_car_continuous");
}

// Both phases are killed: the dataset's steps are about as long as the others.
TEST(Resume, AfterTenKillsARunThatGoesOnlineHasALastCheckpointThatIsByteIdentical) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir);
  const auto words = [&](const fs::path& out) {
    Words all = train_words(data, out, "2");
    all[9] = "3000";
    for (const char* word : {"--then", "online", "--online-steps", "1200", "--expansion", "--online-corrupt",
                             "rewards,dynamics"})
      all.emplace_back(word);
    return all;
  };
  kill_and_compare(dir, words, "checkpoints/step_000000004200.ckpt", 10);
}

TEST(Resume, AnInteractingMethodsMetricsCountTheEnvironmentsSteps) {
  const test::Scratch dir;
  ASSERT_EQ(finish(start(sac_words(dir / "run"))), 0);
  std::vector<std::int64_t> steps;
  for (const auto& [step, values] : records(dir / "run", "train")) steps.push_back(step);
  std::vector<std::int64_t> expected;  // from the first learning step on
  for (std::int64_t step = 300; step <= 3000; step += 100) expected.push_back(step);
  EXPECT_EQ(steps, expected);
}

TEST(Resume, ASignalWritesACheckpointAndExitsWith75) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  std::vector<std::string> words = train_words(data, run, "1");
  words[9] = "1000000";
  const pid_t child = start(words);
  for (int i = 0; i < 300 && (!fs::exists(run / "checkpoints") || fs::is_empty(run / "checkpoints")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  kill(child, SIGTERM);
  EXPECT_EQ(finish(child), 75);
  EXPECT_NE(test::contents(run / "summary.json").find("\"finished\": false"), std::string::npos);
}

// A command that keeps no state is stopped while it writes: the same exit code, and nothing stays.
TEST(Stopping, ACommandBesideTrainingExitsWith75AndLeavesNothingHalfWritten) {
  const test::Scratch dir;
  const fs::path data = dir / "data.hdf5";
  datasets::write_hdf5(data, test::some_data(60000));
  const auto stopped = [&](const Words& words, const fs::path& out, int signal) {
    const pid_t child = start(words);
    const fs::path half = out.string() + ".tmp-" + std::to_string(child);
    bool begun = false;
    for (int i = 0; i < 5000 && !begun && !fs::exists(out); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      begun = fs::exists(half);
    }
    EXPECT_TRUE(begun) << "it was too fast to be stopped, or writes elsewhere: " << half;
    kill(child, signal);
    EXPECT_EQ(finish(child), 75) << words[1];
    EXPECT_FALSE(fs::exists(out)) << words[1];
    EXPECT_EQ(test::files_in(dir.path()), 1u) << words[1];
  };
  stopped({"data", "convert", data, dir / "c.hdf5", "--gzip", "9"}, dir / "c.hdf5", SIGTERM);
  stopped({"data", "convert", data, dir / "minari-v0", "--to", "minari"}, dir / "minari-v0", SIGINT);
  const pid_t regret = start({"regret", "--method", "exp_weights", "--env", "simplex:seed=1,H=3,S=4,A=3,d=3",
                              "--episodes", "4000000", "--out", dir / "r"});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  kill(regret, SIGINT);
  EXPECT_EQ(finish(regret), 75);
  EXPECT_EQ(test::files_in(dir.path()), 1u);
}

nlohmann::json json_of(const fs::path& file) { return nlohmann::json::parse(test::contents(file)); }

// words_of(out, steps). The longer run's last checkpoint is that of a run which was that long from its start.
void extend_and_compare(const test::Scratch& dir,
                        const std::function<Words(const fs::path&, const char*)>& words_of) {
  const fs::path whole = dir / "whole", run = dir / "extended", last = "checkpoints/step_000000000600.ckpt";
  ASSERT_EQ(finish(start(words_of(whole, "600"))), 0);
  ASSERT_EQ(finish(start(words_of(run, "400"))), 0);
  EXPECT_EQ(finish(start({"resume", run, "--steps", "300"})), 2);  // it is at 400
  EXPECT_EQ(json_of(run / "run.json").at("steps"), 400);
  ASSERT_EQ(finish(start({"resume", run, "--steps", "600"})), 0);
  EXPECT_FALSE(test::contents(whole / last).empty());
  EXPECT_TRUE(test::contents(run / last) == test::contents(whole / last));
  const nlohmann::json about = json_of(run / "run.json");
  EXPECT_EQ(about.at("steps"), 600);
  EXPECT_EQ(about.at("settings").at("steps"), "600");
  EXPECT_EQ(about.at("steps_before"), nlohmann::json::array({400}));
  EXPECT_NE(test::contents(run / "config.ini").find("\nsteps = 600\n"), std::string::npos);
  EXPECT_EQ(json_of(run / "summary.json").at("steps"), 600);
  EXPECT_EQ(json_of(run / "summary.json").at("finished"), true);
  // Gone on with once more it has nothing to do, and says nothing twice.
  const auto evaluations = records(run, "eval").size();
  ASSERT_EQ(finish(start({"resume", run})), 0);
  EXPECT_EQ(records(run, "eval").size(), evaluations);
}

TEST(Resume, WithMoreStepsAnOfflineRunBecomesTheLongerRunToTheLastBit) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir);
  extend_and_compare(dir, [&](const fs::path& out, const char* steps) {
    Words words = train_words(data, out, "1");
    words[9] = steps;
    return words;
  });
}

TEST(Resume, WithMoreStepsAnInteractingRunHasRoomForThemAndBecomesTheLongerRunToTheLastBit) {
  const test::Scratch dir;
  extend_and_compare(dir, [](const fs::path& out, const char* steps) {
    Words words = sac_words(out);
    words[5] = steps;
    return words;
  });
}

TEST(Resume, ARunInUseIsRefused) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  std::vector<std::string> words = train_words(data, run, "1");
  words[9] = "1000000";
  const pid_t child = start(words);
  for (int i = 0; i < 300 && !fs::exists(run / "run.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(finish(start({"resume", run})), 2);
  kill(child, SIGKILL);
  finish(child);
}

// A short run of cloning, as a scheduler calls it.
std::string short_run(const fs::path& data, const fs::path& out, const std::string& more = "") {
  return "train bc --dataset " + data.string() +
         " --steps 60 --hidden 8 --batch-size 8 --checkpoint-every 20 --log-every 50 --out " + out.string() +
         " --or-resume " + more;
}

TEST(OrResume, BeginsGoesOnAndFindsTheRunDone) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  const test::Result begun = test::hardy_command(short_run(data, run));
  EXPECT_EQ(begun.code, 0) << begun.err;
  const std::string policy = test::contents(run / "policy/agent_0.policy");
  fs::remove(run / "checkpoints/step_000000000060.ckpt");
  nlohmann::json summary = json_of(run / "summary.json");
  summary["finished"] = false;
  test::put(run / "summary.json", summary.dump());
  fs::remove(run / "policy/agent_0.policy");
  EXPECT_EQ(test::hardy_command(short_run(data, run)).code, 0);  // from step 40
  EXPECT_TRUE(test::contents(run / "policy/agent_0.policy") == policy);
  const auto written = fs::last_write_time(run / "summary.json");
  const test::Result done = test::hardy_command(short_run(data, run, "--threads 2"));
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, begun.out);
  EXPECT_EQ(fs::last_write_time(run / "summary.json"), written);
}

TEST(OrResume, AnotherRunInTheFolderIsRefusedByWhatDiffers) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  ASSERT_EQ(test::hardy_command(short_run(data, run)).code, 0);
  const test::Result other = test::hardy_command(short_run(data, run, "--seed 7"));
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("its seed is 0, not 7"), std::string::npos) << other.err;
}

TEST(OrResume, KilledAtAnyMomentTheSameCommandEndsAtTheSameBytes) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), whole = dir / "whole" / "run";
  fs::create_directory(dir / "whole");
  ASSERT_EQ(test::hardy_command(short_run(data, "run"), "cd " + whole.parent_path().string() + ";").code, 0);
  int cut = 0;
  for (int kill = 0; kill < 20; ++kill) {
    const fs::path place = dir / std::to_string(kill);
    fs::create_directory(place);
    const std::string there = "cd " + place.string() + ";";
    char seconds[16];
    std::snprintf(seconds, sizeof seconds, "%.3f", 0.004 * (kill + 1));
    const test::Result first = test::hardy_command(
        short_run(data, "run") + " >/dev/null 2>&1 & sleep " + seconds + "; kill -KILL $!; wait $!", there);
    cut += first.code != 0;
    const test::Result second = test::hardy_command(short_run(data, "run"), there);
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_TRUE(test::contents(place / "run/policy/agent_0.policy") ==
                test::contents(whole / "policy/agent_0.policy"));
    EXPECT_EQ(test::files_in(place), 1u);  // nothing half made is left
  }
  EXPECT_GT(cut, 0);
}

TEST(Resume, WhatIsNotTheRunsIsRefusedAndWhatIsMissingIsSaid) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  ASSERT_EQ(test::hardy_command(short_run(data, run)).code, 0);
  const std::string config = test::contents(run / "config.ini");
  std::string edited = config;
  edited.replace(edited.find("batch-size = 8"), 14, "batch-size = 9");
  test::put(run / "config.ini", edited);
  const test::Result refused = test::hardy_command("resume " + run.string());
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("says batch-size = 9, the run began with 8"), std::string::npos) << refused.err;
  test::put(run / "config.ini", config);

  const std::string policy = test::contents(run / "policy/agent_0.policy");
  test::put(run / "checkpoints/step_000000000060.ckpt", "damaged");
  const test::Result earlier = test::hardy_command("resume " + run.string());
  EXPECT_EQ(earlier.code, 0);
  EXPECT_NE(earlier.err.find("step_000000000060.ckpt"), std::string::npos) << earlier.err;
  EXPECT_NE(earlier.err.find("goes on from step 40"), std::string::npos) << earlier.err;
  EXPECT_TRUE(test::contents(run / "policy/agent_0.policy") == policy);

  fs::remove_all(run / "checkpoints");
  fs::create_directory_symlink(run, dir / "link");  // and by another name
  const test::Result again = test::hardy_command("resume " + (dir / "link").string());
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("no checkpoint: it begins at step 0"), std::string::npos) << again.err;
  EXPECT_TRUE(fs::exists(run / "checkpoints/step_000000000060.ckpt"));
  EXPECT_TRUE(test::contents(run / "policy/agent_0.policy") == policy);
}

TEST(Resume, KilledBeforeItsFirstCheckpointSaysNothingTwice) {
  const test::Scratch dir;
  const fs::path whole = dir / "whole", run = dir / "run";
  ASSERT_EQ(finish(start({"train",
                          "hpt",
                          "--task",
                          "chains:least=2,most=3",
                          "--prompt-count",
                          "20",
                          "--prompts-a-step",
                          "4",
                          "--rollouts",
                          "2",
                          "--width",
                          "16",
                          "--layers",
                          "1",
                          "--steps",
                          "6",
                          "--eval-every",
                          "3",
                          "--test-count",
                          "2",
                          "--threads",
                          "1",
                          "--out",
                          whole})),
            0);
  fs::copy(whole, run, fs::copy_options::recursive);
  fs::remove_all(run / "checkpoints");
  fs::create_directory(run / "checkpoints");
  fs::remove(run / "summary.json");
  const std::string said = test::contents(run / "metrics.jsonl");
  test::put(run / "metrics.jsonl", said.substr(0, said.find('\n') + 1));  // how it began, evaluated at step 0
  ASSERT_EQ(records(run, "eval").size(), 1u);
  ASSERT_EQ(finish(start({"resume", run})), 0);
  EXPECT_TRUE(records(run, "eval") == records(whole, "eval"));
  EXPECT_TRUE(records(run, "train") == records(whole, "train"));
}

// A stop comes while evaluations are played: the run ends at once, and the one that goes on makes up for
// them.
TEST(Resume, AStopInTheMiddleOfEvaluationsLosesNoneOfThem) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), whole = dir / "whole", run = dir / "run";
  const auto words = [&](const fs::path& out) {
    return Words{"train",    "bc", "--dataset",    data, "--env",        "hopper", "--steps",         "40",
                 "--hidden", "8",  "--batch-size", "8",  "--eval-every", "10",     "--eval-episodes", "400",
                 "--seeds",  "2",  "--threads",    "1",  "--out",        out};
  };
  ASSERT_EQ(finish(start(words(whole))), 0);
  ASSERT_EQ(records(whole, "eval").size(), 4u);
  const pid_t child = start(words(run));
  for (int i = 0; i < 500 && !fs::exists(run / "run.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  kill(child, SIGINT);
  EXPECT_EQ(finish(child), 75);
  EXPECT_LT(records(run, "eval").size(), 4u);
  EXPECT_EQ(json_of(run / "summary.json").at("finished"), false);
  ASSERT_EQ(finish(start({"resume", run})), 0);
  EXPECT_TRUE(records(run, "eval") == records(whole, "eval"));
  EXPECT_EQ(json_of(run / "summary.json").at("finished"), true);
}

TEST(Resume, WithMoreStepsAndACheckpointThatDoesNotFitChangesNothing) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run", other = dir / "other";
  ASSERT_EQ(test::hardy_command(short_run(data, run)).code, 0);
  ASSERT_EQ(test::hardy_command(short_run(data, other) + " --hidden 24").code, 0);
  const char* last = "checkpoints/step_000000000060.ckpt";
  test::put(run / last, test::contents(other / last));
  const std::string config = test::contents(run / "config.ini"), about = test::contents(run / "run.json");
  const test::Result r = test::hardy_command("resume " + run.string() + " --steps 100");
  EXPECT_EQ(r.code, 2);
  EXPECT_NE(r.err.find(last), std::string::npos) << r.err;
  EXPECT_EQ(test::contents(run / "config.ini"), config);
  EXPECT_EQ(test::contents(run / "run.json"), about);
}

TEST(Resume, TheLastStepIsLoggedWhateverTheInterval) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  ASSERT_EQ(test::hardy_command(short_run(data, run)).code, 0);
  std::vector<std::int64_t> steps;
  for (const auto& r : run::read_metrics(run / "metrics.jsonl")) steps.push_back(r.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{50, 60}));
}

}  // namespace
}  // namespace hardy
