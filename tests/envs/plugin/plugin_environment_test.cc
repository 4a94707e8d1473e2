// The family `plugin`: somebody's simulator behind hardy/plugin.h.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "envs/environment.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/plugin/made_plugin.h"

namespace hardy::envs {
namespace {

using test::error_of;
using test::made_plugin;
using test::Stepped;

class Plugin : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::Scratch;
    made_plugin(dir_->path(), "counting");
  }
  static void TearDownTestSuite() { delete dir_; }
  static std::string file(const std::string& name = "counting") { return (*dir_ / (name + ".so")).string(); }
  static std::unique_ptr<BatchEnvironment> make(int n, const std::string& keys = "") {
    return make_environment("plugin:file=" + file() + (keys.empty() ? "" : "," + keys), n);
  }
  static test::Scratch* dir_;
};
test::Scratch* Plugin::dir_ = nullptr;

TEST_F(Plugin, StepsABatchTruncatesAtItsLimitAndScoresByTheReturnWhereItSaysNoReference) {
  const auto env = make(3, "steps=4");
  EXPECT_EQ(env->spec().observation_size, 2);
  EXPECT_EQ(env->spec().action_low, std::vector<float>{-2});
  EXPECT_EQ(env->spec().action_high, std::vector<float>{3});
  EXPECT_EQ(normalised_score(env->spec(), 7.5), 7.5);
  Stepped s(*env);
  for (int i = 0; i < 3; ++i) s.reset(i, static_cast<std::uint64_t>(i + 1));
  EXPECT_EQ(s.observations, (std::vector<double>{10, 0, 20, 0, 30, 0}));
  s.step({1, 2, 3});
  EXPECT_EQ(s.observations, (std::vector<double>{11, 1, 21, 2, 31, 3}));
  EXPECT_EQ(s.rewards, (std::vector<double>{1, 2, 3}));
  s.step({1, 1, 1}, std::vector<std::uint8_t>{1, 0, 1});
  EXPECT_EQ(s.observations, (std::vector<double>{12, 2, 21, 2, 32, 4}));
  s.step({0, 0, 0}), s.step({0, 0, 0});
  EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{1, 0, 1}));
  s.step({0, 0, 0}, std::vector<std::uint8_t>{0, 1, 0});
  EXPECT_EQ(s.truncated[1], 1);
  EXPECT_EQ(s.terminated, (std::vector<std::uint8_t>{0, 0, 0}));
  EXPECT_EQ(env->broken_episodes(), 0);
}

TEST_F(Plugin, ItsOwnEndingsAreTruthValuesAndTerminationWins) {
  const auto ended = make(1, "end=2,cut=2"), cut = make(1, "cut=1");
  Stepped a(*ended), b(*cut);
  a.reset(0, 1), b.reset(0, 1);
  a.step({0}), b.step({0});
  EXPECT_EQ(b.truncated[0], 1);
  a.step({0});
  EXPECT_EQ(a.terminated[0], 1);
  EXPECT_EQ(a.truncated[0], 0);
}

TEST_F(Plugin, AStateGoesOnWhereItWasSavedInWhicheverInstance) {
  const auto env = make(2, "steps=3"), other = make(1, "steps=3");
  ASSERT_TRUE(env->saves_state());
  Stepped a(*env), b(*other);
  a.reset(0, 4), a.reset(1, 5);
  a.step({1, 2}), a.step({1, 2});
  std::vector<double> state(env->state_size());
  env->save_state(1, state);
  other->load_state(0, state);
  std::vector<double> seen(2);
  other->observe(0, seen);
  EXPECT_EQ(seen, (std::vector<double>{52, 4}));
  a.step({0, -1}), b.step({-1});
  EXPECT_EQ(b.observations, (std::vector<double>{53, 3}));
  EXPECT_EQ(a.observations[3], 3);
  EXPECT_EQ(b.truncated[0], 1);  // the time that it took is part of the state
  EXPECT_NE(error_of([&] { env->load_state(0, std::vector<double>(2)); }).find("a state of 2 numbers"),
            std::string::npos);
}

TEST_F(Plugin, WithoutStatesItSaysSo) {
  const std::string stateless = made_plugin(dir_->path(), "stateless", "-DSTATES=NULL,NULL,NULL");
  const auto env = make_environment("plugin:file=" + stateless, 1);
  EXPECT_FALSE(env->saves_state());
  EXPECT_EQ(env->state_size(), 0u);
  EXPECT_NE(error_of([&] { env->load_state(0, {}); }).find("cannot take a state back"), std::string::npos);
}

// What is not finite does not come through: the episode is cut where it was last well, counted and named.
TEST_F(Plugin, AnEpisodeThatBreaksIsCutCountedAndNamed) {
  for (const auto& [keys, how] :
       {std::pair("nan=2", "observation 1 is not finite in step 2 of an episode of instance 0"),
        std::pair("nan_reward=2", "the reward is not finite in step 2 of an episode of instance 0")}) {
    const auto env = make(2, keys);
    Stepped s(*env);
    s.reset(0, 1), s.reset(1, 2);
    s.step({1, 1});
    EXPECT_EQ(env->broken_episodes(), 0);
    EXPECT_EQ(env->first_break(), "");
    s.step({1, 1}, std::vector<std::uint8_t>{1, 0});
    EXPECT_EQ(s.observations, (std::vector<double>{11, 1, 21, 1}));
    EXPECT_EQ(s.rewards[0], 0);
    EXPECT_EQ(s.terminated[0], 0);
    EXPECT_EQ(s.truncated[0], 1);
    EXPECT_EQ(env->broken_episodes(), 1);
    EXPECT_EQ(env->first_break(), how);
    s.reset(0, 3);
    s.step({1, 1}, std::vector<std::uint8_t>{1, 0});
    EXPECT_EQ(s.truncated[0], 0);
  }
  const auto env = make(1, "nan=0");
  EXPECT_NE(error_of([&] {
              Stepped(*env).reset(0, 7);
            }).find("reset gave an observation that is not finite: number 1 of seed 7"),
            std::string::npos);
}

TEST_F(Plugin, ActionsOutOfBoundsAreMovedToThemOrRefusedAndNaNAlways) {
  const auto clipping = make(2), refusing = make(2, "actions=refuse");
  Stepped a(*clipping), b(*refusing);
  for (int i = 0; i < 2; ++i) a.reset(i, 0), b.reset(i, 0);
  a.step({5, -2.5f});
  EXPECT_EQ(a.rewards, (std::vector<double>{3, -2}));
  a.step({3, -2});  // the bounds are within
  a.step({1, 9}), a.step({9, 1}, std::vector<std::uint8_t>{0, 1});
  EXPECT_EQ(clipping->clipped_actions(), 3);
  EXPECT_EQ(refusing->clipped_actions(), 0);
  EXPECT_NE(error_of([&] {
              b.step({1, -2.5f});
            }).find("action 0 of instance 1 is -2.5; its bounds are -2 and 3"),
            std::string::npos);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(error_of([&] {
              a.step({0, nan});
            }).find("action 0 of instance 1 is not finite"),
            std::string::npos);
}

TEST_F(Plugin, ChoicesAreIntegers) {
  const auto env = make(1, "choices=4");
  EXPECT_EQ(env->spec().action_choices, 4);
  Stepped s(*env);
  s.reset(0, 0);
  ThreadTeam team(1);
  step_all(*env, team, std::vector<std::int32_t>{3}, s.observations, s.rewards, s.terminated, s.truncated);
  EXPECT_EQ(s.rewards[0], 3);
}

TEST_F(Plugin, AParallelOneGivesTheSameBits) {
  const std::string parallel = made_plugin(dir_->path(), "parallel", "-DPARALLEL");
  const auto one = make(5), many = make_environment("plugin:file=" + parallel, 5);
  Stepped a(*one), b(*many);
  for (int i = 0; i < 5; ++i)
    a.reset(i, static_cast<std::uint64_t>(i)), b.reset(i, static_cast<std::uint64_t>(i));
  for (int t = 0; t < 5; ++t) {
    a.step({0.1f, 0.2f, 0.3f, 0.4f, 0.5f}), b.step({0.1f, 0.2f, 0.3f, 0.4f, 0.5f});
    EXPECT_EQ(a.observations, b.observations);
    EXPECT_EQ(a.truncated, b.truncated);
  }
}

TEST_F(Plugin, AStepThatFailsEndsTheRunInThePluginsOwnWords) {
  const auto env = make(2, "fail=1");
  Stepped s(*env);
  s.reset(0, 0), s.reset(1, 0);
  try {
    s.step({0, 0});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 1);
    EXPECT_NE(e.message().find("counting.so: step: it does not like step 1"), std::string::npos)
        << e.message();
  }
}

TEST_F(Plugin, WhatIsNoPluginOrNoneOfThisVersionIsRefusedInALine) {
  const auto refused = [](const std::string& name, const std::string& says) {
    try {
      make_environment(name, 2);
      ADD_FAILURE() << name << " should be refused: " << says;
    } catch (const Error& e) {
      EXPECT_EQ(e.exit_code(), 2) << e.message();
      EXPECT_NE(e.message().find(says), std::string::npos) << e.message();
      EXPECT_EQ(e.message().find('\n'), std::string::npos) << e.message();
    }
  };
  const auto made = [&](const std::string& defines, const std::string& says) {
    static int n = 0;
    refused("plugin:file=" + made_plugin(dir_->path(), "bad" + std::to_string(n++), defines), says);
  };
  made("-DABI=7", "is made for version 7 of hardy/plugin.h; this hardy speaks version 1");
  made("-DENTRY=another", "has no function hardy_plugin_entry");
  made("-DNOTHING", "hardy_plugin_entry gives NULL");
  made("-DSIZE=16", "struct_size is 16; set it to sizeof(hardy_plugin_table)");
  made("-DSTEP=NULL", "its table has no step");
  made("-DSTATES=state_size,NULL,load_state", "give all three or none");
  made("-DUNBOUNDED", "spec: gives no action_low and action_high");
}

TEST_F(Plugin, ANamesKeysAreLookedAt) {
  const auto refused = [](const std::string& name, const std::string& says) {
    const std::string message = error_of([&] { make_environment(name, 2); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  };
  const std::string with_keys = made_plugin(dir_->path(), "keys", "-DKEYS='\"steps,nan\"'");
  refused("plugin", "which library? it has no file=");
  refused("plugin:file=" + (*dir_ / "nowhere.so").string(), "nowhere.so: there is no such file");
  test::put(*dir_ / "text.so", "not a library");
  refused("plugin:file=" + (*dir_ / "text.so").string(), "text.so: cannot be loaded");
  refused("plugin:file=" + file() + ",actions=ignore", "actions=ignore is not known; give clip or refuse");
  refused("plugin:file=" + file() + ",odd=1", "counting.so: create: odd=1 is not even (a second line)");
  refused("plugin:file=" + file() + ",size=0", "observation_size is 0");
  refused("plugin:file=" + file() + ",steps=0", "max_episode_steps is 0");
  refused("plugin:file=" + file() + ",choices=-3", "action_choices is negative; give 0 where");
  refused("plugin:file=" + with_keys + ",stpes=3", "there is no parameter 'stpes'; did you mean 'steps'?");
  EXPECT_EQ(make_environment("plugin:file=" + with_keys + ",steps=3", 1)->spec().max_episode_steps, 3);
}

TEST(Names, AFileInANameIsFoundFromElsewhereToo) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(absolute_name("plugin:mass=2,file=./a/../b.so,g=9"), "plugin:mass=2,file=" + here + "/b.so,g=9");
  EXPECT_EQ(absolute_name("plugin:file=/x/b.so"), "plugin:file=/x/b.so");
  EXPECT_EQ(absolute_name("gymnasium:id=m:A-v0,path=x,python=./venv/bin/python,file=x"),
            "gymnasium:id=m:A-v0,path=" + here + "/x,python=" + here + "/venv/bin/python,file=x");
  EXPECT_EQ(absolute_name("gymnasium:python=python3.11"), "gymnasium:python=python3.11");
  EXPECT_EQ(absolute_name("hopper"), "hopper");
  EXPECT_EQ(absolute_name("a:profile=x"), "a:profile=x");
  for (const char* wrong : {"hopper:", "hopper:goal=1,", "hopper:,goal=1"})  // as it is: it is refused later
    EXPECT_EQ(absolute_name(wrong), wrong);
  EXPECT_EQ(absolute_name(""), "");
  EXPECT_EQ(file_in("plugin:mass=2,file=a/b.so,g=9"), "a/b.so");
  EXPECT_EQ(with_file("plugin:mass=2,file=a/b.so,g=9", "/c.so"), "plugin:mass=2,file=/c.so,g=9");
  EXPECT_EQ(with_file("plugin:file=b.so", "c"), "plugin:file=c");
  for (const char* none : {"hopper", "a:profile=x", "gymnasium:id=A-v0,file=x", "hopper:goal=1", ""}) {
    EXPECT_EQ(file_in(none), "");
    EXPECT_EQ(with_file(none, "c"), none);
  }
}

}  // namespace
}  // namespace hardy::envs
