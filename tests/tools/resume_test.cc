// Runs that are killed and resumed, through the real command.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/random.h"
#include "tests/engine/run/scratch.h"
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
    std::vector<char*> argv{const_cast<char*>(HARDY_COMMAND)};
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    execv(HARDY_COMMAND, argv.data());
    _exit(127);
  }
  return child;
}
int finish(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

constexpr const char* kLast = "checkpoints/step_000000008000.ckpt";

std::vector<std::string> train_words(const fs::path& data, const fs::path& out, const char* threads) {
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

void kill_and_compare(const char* threads, int kills) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir);
  ASSERT_EQ(finish(start(train_words(data, dir / "whole", "1"))), 0);
  const std::string whole = test::contents(dir / "whole" / kLast);
  ASSERT_FALSE(whole.empty());
  const fs::path run = dir / "killed";
  int killed = 0;
  bool begun = false;
  for (int attempt = 0; attempt < 200 && !fs::exists(run / "summary.json"); ++attempt) {
    // A kill before run.json is complete leaves a folder that is no run yet.
    if (begun && !fs::exists(run / "run.json")) {
      fs::remove_all(run);
      begun = false;
    }
    const pid_t child =
        start(begun ? std::vector<std::string>{"resume", run} : train_words(data, run, threads));
    begun = true;
    if (killed < kills) {
      const double pause =
          20 + 180 * Random(7, Stream::kUser, static_cast<std::uint64_t>(attempt)).uniform64(0);
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int>(pause * 1000)));
      kill(child, SIGKILL);
      killed += finish(child) == -SIGKILL;
    } else {
      EXPECT_EQ(finish(child), 0);
    }
  }
  EXPECT_EQ(killed, kills) << "the run ended before it was killed so often";
  EXPECT_TRUE(test::contents(run / kLast) == whole) << "the checkpoints differ after " << killed << " kills";
}

TEST(Resume, AfterTwentyKillsTheLastCheckpointIsByteIdenticalWithOneThread) { kill_and_compare("1", 20); }
TEST(Resume, AfterTwentyKillsTheLastCheckpointIsByteIdenticalWithTwoThreads) { kill_and_compare("2", 20); }

TEST(Resume, ASignalWritesACheckpointAndExitsCleanly) {
  const test::Scratch dir;
  const fs::path data = make_dataset(dir), run = dir / "run";
  std::vector<std::string> words = train_words(data, run, "1");
  words[9] = "1000000";
  const pid_t child = start(words);
  for (int i = 0; i < 300 && (!fs::exists(run / "checkpoints") || fs::is_empty(run / "checkpoints")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  kill(child, SIGTERM);
  EXPECT_EQ(finish(child), 0);
  EXPECT_NE(test::contents(run / "summary.json").find("\"finished\": false"), std::string::npos);
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

}  // namespace
}  // namespace hardy
