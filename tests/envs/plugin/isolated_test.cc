// A plug-in in a process of its own: what it does costs its episodes, never the run.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>

#include "engine/base/error.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/plugin/made_plugin.h"

namespace hardy::envs {
namespace {

using test::error_of;
using test::Stepped;

class Isolated : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::Scratch;
    test::made_plugin(dir_->path(), "counting",
                      "-DKEYS='\"steps,nan,crash,hang,crash_reset,crash_save,fail,odd,choices\"'");
  }
  static void TearDownTestSuite() { delete dir_; }
  static std::unique_ptr<BatchEnvironment> make(int n, const std::string& keys, bool isolated = true) {
    return make_environment(
        "plugin:file=" + (*dir_ / "counting.so").string() + (isolated ? ",isolated=true" : "") + keys, n);
  }
  void TearDown() override {  // no process is left
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  static test::Scratch* dir_;
};
test::Scratch* Isolated::dir_ = nullptr;

TEST_F(Isolated, GivesTheSameBitsAndStatesAsInThisProcess) {
  const auto here = make(3, ",steps=4,nan=3", false), there = make(3, ",steps=4,nan=3");
  Stepped a(*here), b(*there);
  EXPECT_EQ(here->spec().action_high, there->spec().action_high);
  EXPECT_EQ(here->state_size(), there->state_size());
  for (int i = 0; i < 3; ++i)
    a.reset(i, static_cast<std::uint64_t>(i)), b.reset(i, static_cast<std::uint64_t>(i));
  EXPECT_EQ(a.observations, b.observations);
  std::vector<double> mine(here->state_size()), its(mine.size());
  for (int t = 0; t < 4; ++t) {
    const std::vector<std::uint8_t> running{1, t != 1, 1};
    a.step({1, 5, -0.5f}, running), b.step({1, 5, -0.5f}, running);
    EXPECT_EQ(a.observations, b.observations);
    EXPECT_EQ(a.rewards, b.rewards);
    EXPECT_EQ(a.truncated, b.truncated);
    for (int i = 0; i < 3; ++i) {
      here->save_state(i, mine), there->save_state(i, its);
      EXPECT_EQ(mine, its);
    }
    there->load_state(0, mine), here->load_state(0, mine);
  }
  EXPECT_EQ(here->first_break(), there->first_break());
  EXPECT_GT(there->broken_episodes(), 0);
}

TEST_F(Isolated, ACrashCutsTheEpisodesOfItsProcessAndAResetGoesOnInANewOne) {
  const auto env = make(2, ",steps=100,crash=5");
  Stepped s(*env);
  s.reset(0, 1), s.reset(1, 2);
  s.step({1, 1}), s.step({1, 1});
  const std::vector<double> before = s.observations;
  s.step({1, 1});  // the fifth and sixth of the process
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(s.terminated, (std::vector<std::uint8_t>{0, 0}));
  EXPECT_EQ(s.rewards, (std::vector<double>{0, 0}));
  EXPECT_EQ(s.observations, before);
  EXPECT_EQ(env->broken_episodes(), 2);
  EXPECT_EQ(env->first_break(),
            "its process crashed (Segmentation fault) in step 3 of an episode of instance 0");
  s.reset(0, 3);
  s.step({2, 1});  // the other one has not been reset: it stays lost
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(s.observations[0], 31);
  s.reset(1, 4);
  s.step({1, 1});
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{0, 0}));
}

TEST_F(Isolated, SeveralWorkersGiveTheSameBitsAndACrashCostsTheEpisodesOfOneOfThem) {
  const auto here = make(5, ",steps=4,nan=3", false);
  for (const std::string workers : {"2", "3", "5", "9"}) {
    const auto there = make(5, ",steps=4,nan=3,workers=" + workers);
    Stepped a(*here), b(*there);
    for (int i = 0; i < 5; ++i)
      a.reset(i, static_cast<std::uint64_t>(i)), b.reset(i, static_cast<std::uint64_t>(i));
    std::vector<double> mine(here->state_size()), its(mine.size());
    for (int t = 0; t < 4; ++t) {
      const std::vector<std::uint8_t> running{1, t != 1, 1, t == 2, 1};
      const std::vector<float> actions{1, 2.5f, -0.5f, 0.25f, t == 2 ? 1.f : -7.f};
      a.step(actions, running), b.step(actions, running);
      EXPECT_EQ(a.observations, b.observations) << workers;
      EXPECT_EQ(a.rewards, b.rewards) << workers;
      EXPECT_EQ(a.truncated, b.truncated) << workers;
      here->save_state(3, mine), there->save_state(3, its);
      EXPECT_EQ(mine, its);
      here->load_state(1, mine), there->load_state(1, its);
    }
  }
  const auto env = make(3, ",steps=100,crash=4,workers=2");  // instance 0 alone, 1 and 2 together
  Stepped s(*env);
  for (int i = 0; i < 3; ++i) s.reset(i, static_cast<std::uint64_t>(i));
  s.step({1, 1, 1}), s.step({1, 1, 1});
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{0, 1, 1}));
  EXPECT_EQ(env->broken_episodes(), 2);
  s.reset(1, 4), s.reset(2, 5);
  s.step({1, 1, 1});
  EXPECT_EQ(s.observations, (std::vector<double>{3, 3, 41, 1, 51, 1}));
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{0, 0, 0}));
}

TEST_F(Isolated, AHangIsEndedAfterItsTime) {
  const auto env = make(1, ",hang=2,step_timeout=0.5");
  Stepped s(*env);
  s.reset(0, 1);
  s.step({1});
  const auto began = std::chrono::steady_clock::now();
  s.step({1});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_GE(seconds, 0.5);
  EXPECT_LT(seconds, 10);
  EXPECT_EQ(s.truncated[0], 1);
  EXPECT_EQ(env->first_break(), "it took longer than 0.5 s in step 2 of an episode of instance 0");
  s.reset(0, 2);
  s.step({1});
  EXPECT_EQ(s.truncated[0], 0);
}

// A process that is gone when a checkpoint is written costs its episodes alone, in the run that goes on and
// in the one that begins from there.
TEST_F(Isolated, AStateThatIsLostWhenItIsSavedIsAnEpisodeThatIsCut) {
  const auto env = make(3, ",steps=100,crash_save=1,workers=2"),
             other = make(3, ",steps=100,crash_save=1,workers=2");
  Stepped s(*env), later(*other);
  for (int i = 0; i < 3; ++i) s.reset(i, static_cast<std::uint64_t>(i));
  s.step({1, 1, 1});
  std::vector<double> state(env->state_size());
  for (int i = 1; i < 3; ++i) {
    env->save_state(i, state);
    EXPECT_EQ(env->broken_episodes(), 0);
    other->load_state(i, state);
  }
  later.reset(0, 5);
  other->observe(2, std::span(later.observations).subspan(4, 2));
  EXPECT_EQ(later.observations, (std::vector<double>{50, 0, 0, 0, 21, 1}));
  for (auto& [played, batch] : {std::pair<BatchEnvironment&, Stepped&>{*env, s}, {*other, later}}) {
    batch.step({1, 1, 1});
    EXPECT_EQ(batch.truncated, (std::vector<std::uint8_t>{0, 1, 1}));
    EXPECT_EQ(played.broken_episodes(), 2);
    batch.reset(1, 4), batch.reset(2, 4);
    batch.step({1, 1, 1});
    EXPECT_EQ(batch.truncated, (std::vector<std::uint8_t>{0, 0, 0}));
  }
  EXPECT_EQ(env->first_break(),
            "its process crashed (Segmentation fault) in step 2 of an episode of instance 1");
  EXPECT_EQ(other->first_break(),
            "its state was lost with its process in step 2 of an episode of instance 1");
}

TEST_F(Isolated, WhatItsFunctionsRefuseComesThroughInALine) {
  const auto refused = [](const auto& body, const std::string& says, int code) {
    try {
      body();
      ADD_FAILURE() << says;
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(says), std::string::npos) << e.message();
      EXPECT_EQ(e.exit_code(), code) << e.message();
    }
  };
  refused([] { make(1, ",odd=1"); }, "counting.so: create: odd=1 is not even", 2);
  refused([] { make(1, ",setps=3"); }, "there is no parameter 'setps'; did you mean 'steps'?", 2);
  refused([] { make(1, ",step_timeout=0"); }, "step_timeout=0 is not a number in [", 2);
  refused([] { make(1, ",isolated=maybe", false); }, "isolated=maybe is not known; give true or false", 2);
  refused([] { make(1, ",workers=0"); }, "workers=0 is not an integer in [1, ", 2);
  refused([] { make(1, ",step_timeout=3", false); }, "there is no parameter 'step_timeout'", 2);
  refused([] { make_environment("plugin:isolated=true,file=" + (*dir_ / "no.so").string(), 1); },
          "no.so: there is no such file", 2);
  const auto failing = make(1, ",fail=1"), crashing = make(1, ",crash_reset=1");
  Stepped s(*failing);
  s.reset(0, 0);
  refused([&] { s.step({0}); }, "counting.so: step: it does not like step 1", 1);
  refused([&] { Stepped(*crashing).reset(0, 9); },
          "reset: its process crashed (Segmentation fault), 3 times with seed 9", 1);
}

}  // namespace
}  // namespace hardy::envs
