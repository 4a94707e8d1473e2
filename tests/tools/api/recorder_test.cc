// hardy/hardy.h: a simulator in C records a dataset.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <string>
#include <vector>

#include "datasets/store.h"
#include "datasets/transitions.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"
#include "tools/api/hardy.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

hardy_recorder_options options_for(int instances, int flush_episodes, int choices = 0) {
  hardy_recorder_options o{};
  o.struct_size = sizeof o;
  o.observation_size = 2, o.action_size = 1, o.action_choices = choices;
  o.instances = instances, o.flush_episodes = flush_episodes;
  return o;
}

// Step t of an instance's episode: every number says where it belongs.
int append(hardy_recorder* recorder, int instance, int t, int ending, double reward = 0.5) {
  const double observation[] = {instance + 0.125, static_cast<double>(t)},
               next[] = {instance + 0.125, t + 1.0};
  const float action = 0.25f * static_cast<float>(instance);
  hardy_step step{};
  step.struct_size = sizeof step;
  step.instance = instance, step.ending = ending, step.choice = instance;
  step.observation = observation, step.next_observation = next, step.action = &action;
  step.reward = reward, step.log_prob = -1.5f;
  return hardy_recorder_append(recorder, &step);
}

std::vector<double> column(const fs::path& file, const char* key) {
  const auto reader = datasets::open_dataset(file.string());
  const datasets::Array a = reader->read(reader->column(key));
  const std::vector<float> x = a.floats();
  return {x.begin(), x.end()};
}

TEST(Recorder, InstancesThatStepInTurnsBecomeWholeEpisodesOfAD4rlFileThatH5pyReads) {
  const Scratch dir;
  const fs::path file = dir / "a.hdf5";
  hardy_recorder_options o = options_for(2, 1);
  o.log_probs = 1;
  o.environment = "point_mass";
  hardy_recorder* recorder = nullptr;
  ASSERT_EQ(hardy_recorder_open(file.c_str(), &o, &recorder), HARDY_OK) << hardy_last_error();
  for (int t = 0; t < 3; ++t)
    for (int i = 0; i < 2; ++i)
      ASSERT_EQ(append(recorder, i, t,
                       t < 2    ? HARDY_GOES_ON
                       : i == 1 ? HARDY_TERMINATED
                                : HARDY_GOES_ON),
                HARDY_OK);
  EXPECT_EQ(column(file, "rewards").size(), 3u);  // the one that has ended
  ASSERT_EQ(append(recorder, 0, 3, HARDY_TRUNCATED), HARDY_OK);
  ASSERT_EQ(append(recorder, 1, 0, HARDY_GOES_ON), HARDY_OK);
  ASSERT_EQ(hardy_recorder_close(recorder), HARDY_OK) << hardy_last_error();
  EXPECT_EQ(files_in(dir.path()), 1u);
  EXPECT_EQ(column(file, "observations"), (std::vector<double>{1.125, 0, 1.125, 1, 1.125, 2, 0.125, 0, 0.125,
                                                               1, 0.125, 2, 0.125, 3, 1.125, 0}));
  EXPECT_EQ(column(file, "terminals"), (std::vector<double>{0, 0, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(column(file, "timeouts"), (std::vector<double>{0, 0, 0, 0, 0, 0, 1, 1}));
  const auto reader = datasets::open_dataset(file.string());
  EXPECT_EQ(reader->format(), "d4rl");
  const auto transitions =
      datasets::transitions_of(datasets::read_arrays(*reader), datasets::View::kLossless, "a", 1000);
  EXPECT_EQ(transitions.rows, 8);

  if (!has_modules("h5py")) GTEST_SKIP() << python() << " lacks h5py";
  put(dir / "check.py", R"(
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1])
assert f.attrs["env_id"] in ("point_mass", b"point_mass"), f.attrs["env_id"]
assert f["observations"].dtype == np.float32 and f["observations"].shape == (8, 2)
assert np.array_equal(f["next_observations"][:, 1], f["observations"][:, 1] + 1)
assert f["actions"].shape == (8, 1) and np.array_equal(f["actions"][:, 0], np.float32([.25] * 3 + [0] * 4 + [.25]))
assert f["rewards"].shape == (8,) and (f["rewards"][:] == .5).all()
assert f["terminals"].dtype == bool and f["terminals"][:].sum() == 1
assert (f["infos/action_log_probs"][:] == -1.5).all()
)");
  EXPECT_EQ(std::system(
                ("'" + python() + "' '" + (dir / "check.py").string() + "' '" + file.string() + "'").c_str()),
            0);
}

TEST(Recorder, ChoicesAreIntegers) {
  const Scratch dir;
  hardy_recorder_options o = options_for(3, 0, 3);
  o.action_size = 0;
  hardy_recorder* recorder = nullptr;
  ASSERT_EQ(hardy_recorder_open((dir / "a.hdf5").c_str(), &o, &recorder), HARDY_OK) << hardy_last_error();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(recorder, i, 0, HARDY_TERMINATED), HARDY_OK);
  ASSERT_EQ(hardy_recorder_close(recorder), HARDY_OK);
  const auto reader = datasets::open_dataset((dir / "a.hdf5").string());
  EXPECT_EQ(reader->column("actions").describe(), "int64 [3, 1]");
  EXPECT_EQ(column(dir / "a.hdf5", "actions"), (std::vector<double>{0, 1, 2}));
}

// Killed at any step: the file has all that was flushed, in whole episodes, and whoever writes there next
// removes what was left beside it.
TEST(Recorder, AfterAKillTheFileIsWholeUpToTheLastFlush) {
  const Scratch dir;
  const fs::path file = dir / "a.hdf5";
  for (const int steps : {7, 20, 41}) {
    fs::remove(file);
    const pid_t child = ::fork();
    if (child == 0) {
      const hardy_recorder_options o = options_for(1, 2);
      hardy_recorder* recorder = nullptr;
      if (hardy_recorder_open(file.c_str(), &o, &recorder) != HARDY_OK) ::_exit(1);
      for (int k = 0; k < steps; ++k)
        if (append(recorder, 0, k % 5, k % 5 == 4 ? HARDY_TRUNCATED : HARDY_GOES_ON, k) != HARDY_OK)
          ::_exit(1);
      ::raise(SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const int flushed = steps / 10 * 10;  // episodes of 5 steps, 2 a flush
    EXPECT_EQ(fs::exists(file), flushed > 0);
    if (flushed > 0) {
      std::vector<double> expected;
      for (int k = 0; k < flushed; ++k) expected.push_back(k);
      EXPECT_EQ(column(file, "rewards"), expected);
    }
    EXPECT_GT(files_in(dir.path()), flushed > 0 ? 1u : 0u);
    hardy_recorder_options o = options_for(1, 1);
    o.overwrite = 1;
    hardy_recorder* recorder = nullptr;
    ASSERT_EQ(hardy_recorder_open(file.c_str(), &o, &recorder), HARDY_OK) << hardy_last_error();
    EXPECT_EQ(fs::exists(file), flushed > 0);  // until the first flush
    ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 9), HARDY_OK);
    ASSERT_EQ(hardy_recorder_close(recorder), HARDY_OK);
    EXPECT_EQ(column(file, "rewards"), std::vector<double>{9});
    EXPECT_EQ(files_in(dir.path()), 1u);
  }
}

TEST(Recorder, AFullDiskLosesNothingThatWasFlushedAndTheRestWhenThereIsRoomAgain) {
  const Scratch dir;
  const fs::path file = dir / "a.hdf5";
  const hardy_recorder_options o = options_for(1, 1);
  hardy_recorder* recorder = nullptr;
  ASSERT_EQ(hardy_recorder_open(file.c_str(), &o, &recorder), HARDY_OK);
  ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 1), HARDY_OK) << hardy_last_error();
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{4096, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 2), HARDY_FAILED);
  const std::string said = hardy_last_error();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(said.find("a.hdf5: cannot be written (is the disk full?); it holds the 1 rows of the last flush"),
            std::string::npos)
      << said;
  EXPECT_EQ(column(file, "rewards"), std::vector<double>{1});
  ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 3), HARDY_OK) << hardy_last_error();
  EXPECT_EQ(column(file, "rewards"), (std::vector<double>{1, 2, 3}));
  fs::remove(file);  // somebody takes it away meanwhile
  ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 4), HARDY_OK) << hardy_last_error();
  EXPECT_EQ(column(file, "rewards"), (std::vector<double>{1, 2, 3, 4}));
  ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 5), HARDY_OK) << hardy_last_error();
  ASSERT_EQ(hardy_recorder_close(recorder), HARDY_OK);
  EXPECT_EQ(column(file, "rewards"), (std::vector<double>{1, 2, 3, 4, 5}));
}

TEST(Recorder, WhatCannotBeRightIsRefusedAndNothingOfItRecorded) {
  const Scratch dir;
  const auto refused = [](int status, const char* says) {
    EXPECT_EQ(status, HARDY_BAD_INPUT);
    EXPECT_NE(std::string(hardy_last_error()).find(says), std::string::npos) << hardy_last_error();
  };
  hardy_recorder* recorder = nullptr;
  hardy_recorder_options o = options_for(1, 1);
  put(dir / "there", "x");
  refused(hardy_recorder_open((dir / "there").c_str(), &o, &recorder), "there: exists already");
  refused(hardy_recorder_open((dir / "no/where").c_str(), &o, &recorder), "its folder does not exist");
  refused(hardy_recorder_open((dir / "a").c_str(), nullptr, &recorder), "hardy_recorder_options: is NULL");
  o.observation_size = 0;
  refused(hardy_recorder_open((dir / "a").c_str(), &o, &recorder), "observation_size: is 0; give 1 to");
  o = options_for(1, 1), o.struct_size = 4;
  refused(hardy_recorder_open((dir / "a").c_str(), &o, &recorder), "struct_size is 4");
  EXPECT_EQ(recorder, nullptr);

  o = options_for(2, 1);
  ASSERT_EQ(hardy_recorder_open((dir / "a").c_str(), &o, &recorder), HARDY_OK) << hardy_last_error();
  hardy_recorder* second = nullptr;
  refused(hardy_recorder_open((dir / "a").c_str(), &o, &second), "a: ");  // it is being written
  refused(append(recorder, 2, 0, HARDY_GOES_ON), "instance: is 2; give 0 to 1");
  refused(append(recorder, 0, 0, 3), "ending: is 3");
  refused(append(recorder, 0, 0, HARDY_TERMINATED, std::nan("")), "reward: is not finite");
  refused(append(recorder, 0, 0, HARDY_TERMINATED, 1e300), "reward: is not finite in float32");
  ASSERT_EQ(append(recorder, 0, 0, HARDY_TERMINATED, 7), HARDY_OK);
  ASSERT_EQ(hardy_recorder_close(recorder), HARDY_OK);
  EXPECT_EQ(column(dir / "a", "rewards"), std::vector<double>{7});
  EXPECT_EQ(hardy_recorder_close(nullptr), HARDY_OK);
}

}  // namespace
}  // namespace hardy::test
