// The family `gymnasium`: real Gymnasium environments in Python processes.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/plugin/made_plugin.h"
#include "tests/places.h"

namespace hardy::envs {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::Stepped;

fs::path here() { return test::sources() / "tests/envs/gymnasium"; }

class Gymnasium : public testing::Test {
 protected:
  void SetUp() override { NEED_LIBRARIES("gymnasium"); }
  void TearDown() override {  // no process is left
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  static std::unique_ptr<BatchEnvironment> make(int n, const std::string& keys) {
    return make_environment("gymnasium:python=" + test::python() + "," + keys, n);
  }
  // Told-v0 of odd_envs.py
  static std::unique_ptr<BatchEnvironment> told(int n, const std::string& keys = "") {
    return make(n, "id=odd_envs:Told-v0,path=" + here().string() + keys);
  }
};

// As played.py plays, in the order of its lines.
std::vector<std::vector<double>> played(BatchEnvironment& env, int steps) {
  const EnvSpec& spec = env.spec();
  const auto width = static_cast<std::size_t>(spec.observation_size),
             n = static_cast<std::size_t>(env.size());
  const auto act = static_cast<std::size_t>(spec.action_size);
  std::vector<std::vector<std::vector<double>>> lines(n);
  Stepped s(env);
  std::vector<std::uint64_t> episodes(n, 0);
  std::vector<std::uint8_t> begins(n, 1);
  std::vector<float> numbers(n * act);
  std::vector<std::int32_t> choices(n);
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      const double* const row = s.observations.data() + i * width;
      if (begins[i]) {
        s.reset(static_cast<int>(i), 10 * episodes[i]++ + i);
        lines[i].emplace_back(row, row + width);
      }
      for (std::size_t k = 0; k < act; ++k)
        numbers[i * act + k] = (static_cast<float>((7 * i + 3 * t + k) % 11) - 5) * 0.4f;
      if (spec.discrete())
        choices[i] =
            static_cast<std::int32_t>((7 * i + 3 * t) % static_cast<std::size_t>(spec.action_choices));
    }
    step_all(env, s.team, spec.discrete() ? Actions(choices) : Actions(numbers), s.observations, s.rewards,
             s.terminated, s.truncated);
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> line(s.observations.begin() + static_cast<std::ptrdiff_t>(i * width),
                               s.observations.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
      line.insert(line.end(),
                  {s.rewards[i], static_cast<double>(s.terminated[i]), static_cast<double>(s.truncated[i])});
      lines[i].push_back(line);
      begins[i] = s.terminated[i] || s.truncated[i];
    }
  }
  std::vector<std::vector<double>> all;
  for (const auto& of_one : lines) all.insert(all.end(), of_one.begin(), of_one.end());
  return all;
}

TEST_F(Gymnasium, EqualsGymnasiumInOneProcessBitForBitForAnyNumberOfWorkers) {
  struct Case {
    std::string id, keys, python_keys;
    int steps;
  };
  const std::vector<Case> cases = {
      {"Pendulum-v1", "", "{}", 430},
      {"Pendulum-v1", ",g=9.5,max_episode_steps=30", R"({"g": 9.5, "max_episode_steps": 30})", 70},
      {"CartPole-v1", "", "{}", 100},
      {"HalfCheetah-v5", ",max_episode_steps=6", R"({"max_episode_steps": 6})", 15},
      {"odd_envs:Told-v0", ",end=4,gain=0.5", R"({"end": 4, "gain": 0.5})", 20},
      {"odd_envs:Told-v0", ",cut=3", R"({"cut": 3})", 10},
      {"odd_envs:Told-v0", ",end=6", R"({"end": 6})", 13},  // in the step of the time limit
      {"odd_envs:Told-v0", ",kind=image,moves=choices,flag=false", R"({"kind": "image", "moves": "choices"})",
       9}};
  const test::Scratch dir;
  std::string words;
  for (const Case& c : cases) words += " " + c.id + " '" + c.python_keys + "' 3 " + std::to_string(c.steps);
  ASSERT_EQ(std::system(("'" + test::python() + "' -W ignore '" + (here() / "played.py").string() + "' '" +
                         here().string() + "' '" + (dir / "out.json").string() + "'" + words + " > /dev/null")
                            .c_str()),
            0);
  const nlohmann::json expected = nlohmann::json::parse(test::contents(dir / "out.json"));
  for (std::size_t c = 0; c < cases.size(); ++c)
    for (const std::string workers : {"1", "2", "3", "7"}) {
      if (c > 0 && workers != "2") continue;
      const auto env =
          make(3, "path=" + here().string() + ",id=" + cases[c].id + cases[c].keys + ",workers=" + workers);
      const auto lines = played(*env, cases[c].steps);
      EXPECT_GT(lines.size(), static_cast<std::size_t>(3 * cases[c].steps + 3))
          << "episodes end, and others begin";
      EXPECT_EQ(lines, expected[c].get<decltype(lines)>())
          << cases[c].id << cases[c].keys << " workers " << workers;
    }
}

TEST_F(Gymnasium, ItsSpecIsTheEnvironmentsOwn) {
  const auto pendulum = make(1, "id=Pendulum-v1");
  EXPECT_EQ(pendulum->spec().observation_size, 3);
  EXPECT_EQ(pendulum->spec().action_low, std::vector<float>{-2});
  EXPECT_EQ(pendulum->spec().action_high, std::vector<float>{2});
  EXPECT_EQ(pendulum->spec().max_episode_steps, 200);
  EXPECT_EQ(normalised_score(pendulum->spec(), -150), -150);
  EXPECT_FALSE(pendulum->saves_state());
  const auto choices = told(1, ",moves=choices,kind=discrete");
  EXPECT_EQ(choices->spec().action_choices, 3);
  EXPECT_EQ(choices->spec().observation_size, 5);
  Stepped s(*choices);
  s.reset(0, 1);
  EXPECT_EQ(s.observations, (std::vector<double>{1, 0, 0, 0, 0}));
  step_all(*choices, s.team, std::vector<std::int32_t>{0}, s.observations, s.rewards, s.terminated,
           s.truncated);
  EXPECT_EQ(s.observations, (std::vector<double>{0, 1, 0, 0, 0}));
  EXPECT_EQ(told(1)->spec().action_size, 2);
}

// Whatever a step does, it costs the episodes of its instance or of its process, and the next reset goes on.
TEST_F(Gymnasium, AStepThatRaisesGivesNaNHangsOrDiesCostsItsEpisode) {
  for (const auto& [keys, how] :
       {std::pair(",fail=2", "it raised KeyError: 'no such joint' (odd_envs.py:"),
        std::pair(",nan=2", "the reward is not finite in step 2 of an episode of instance 0"),
        std::pair(",shape=2", "it raised ValueError: an observation of shape (1,), where its space has (3,)"),
        std::pair(",die=2", "its process crashed (Killed) in step 2 of an episode of instance 0"),
        std::pair(",hang=2,step_timeout=0.5",
                  "it took longer than 0.5 s in step 2 of an episode of instance 0")}) {
    const auto env = told(3, std::string(keys) + ",workers=2");  // instance 0 alone, 1 and 2 together
    Stepped s(*env);
    for (int i = 0; i < 3; ++i) s.reset(i, static_cast<std::uint64_t>(i));
    const std::vector<float> actions{1, 0, 1, 0, 1, 0};
    s.step(actions, std::vector<std::uint8_t>{1, 0, 0});
    s.step(actions);  // the second of instance 0
    EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{1, 0, 0})) << keys;
    EXPECT_EQ(s.terminated, (std::vector<std::uint8_t>{0, 0, 0})) << keys;
    EXPECT_EQ(s.rewards[0], 0) << keys;
    EXPECT_EQ(s.observations, (std::vector<double>{0, 1, 1, 1, 1, 1, 2, 1, 1})) << keys;
    EXPECT_EQ(env->broken_episodes(), 1) << keys;
    EXPECT_EQ(env->first_break().rfind(how, 0), 0u) << env->first_break();
    s.reset(0, 5);
    s.step(actions, std::vector<std::uint8_t>{1, 1, 0});  // the second of instance 1
    EXPECT_EQ(s.observations, (std::vector<double>{5, 1, 1, 1, 1, 1, 2, 1, 1})) << keys;
    EXPECT_EQ(s.truncated, (std::vector<std::uint8_t>{0, 1, 0})) << keys;
    s.step(actions, std::vector<std::uint8_t>{0, 0, 1});  // of 2, unless it went with the process
    EXPECT_EQ(s.truncated[2], 1) << keys;
    EXPECT_EQ(env->broken_episodes(), 3) << keys;
    EXPECT_EQ(env->first_break().rfind(how, 0), 0u) << env->first_break();
  }
}

TEST_F(Gymnasium, AResetThatFailsEndsTheRunInItsWords) {
  const auto env = told(1);
  for (const auto& [seed, says] :
       {std::pair(99, "reset: RuntimeError: it does not like 99 (odd_envs.py:"),
        std::pair(98, "reset: its process crashed (Killed), 3 times with seed 98")}) {
    try {
      Stepped(*env).reset(0, static_cast<std::uint64_t>(seed));
      ADD_FAILURE() << seed;
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(says), std::string::npos) << e.message();
      EXPECT_EQ(e.message().find("gymnasium:"), 0u) << e.message();
      EXPECT_EQ(e.exit_code(), 1);
    }
  }
  Stepped s(*env);
  s.reset(0, (std::uint64_t{1} << 63) + 5);  // a seed that np.random.seed would not take
  EXPECT_EQ(s.observations[0], 7);           // modulo 2^31 - 1
}

TEST_F(Gymnasium, WhatCannotBeMadeIsRefusedInALineThatSaysWhatWouldBeRight) {
  const test::Scratch dir;
  test::put(dir / "bare",
            "#!/bin/sh\nexec '" + test::python() + "' -S \"$@\"\n");  // without what is installed
  fs::permissions(dir / "bare", fs::perms::owner_all);
  test::put(dir / "broken_module.py", "import nothing_of_that_name\n");
  const std::string odd = ",path=" + here().string() + ",id=odd_envs:Told-v0",
                    python = "python=" + test::python();
  const auto refused = [](const std::string& keys, const std::vector<std::string>& says) {
    try {
      make_environment("gymnasium:" + keys, 1);
      ADD_FAILURE() << keys << " should be refused: " << says.front();
    } catch (const Error& e) {
      EXPECT_EQ(e.exit_code(), 2) << e.message();
      for (const std::string& part : says)
        EXPECT_NE(e.message().find(part), std::string::npos) << e.message();
      EXPECT_EQ(e.message().find('\n'), std::string::npos) << e.message();
    }
  };
  refused("workers=2", {"which environment? it has no id=; e.g. gymnasium:id=HalfCheetah-v5"});
  refused("id=CartPole-v1,workers=0", {"workers=0 is not an integer in [1, "});
  refused("id=CartPole-v1,actions=maybe", {"actions=maybe is not known; give clip or refuse"});
  refused("id=CartPole-v1,max_episode_steps=0", {"max_episode_steps=0 is not an integer in [1, "});
  refused("id=CartPole-v1,python=/no/python",
          {"cannot be started: /no/python (No such file", "pip install gymnasium"});
  refused("id=CartPole-v1,python=" + (dir / "bare").string(),
          {"there is no Gymnasium in ", "-m pip install gymnasium`", "python=FILE or HARDY_PYTHON"});
  refused(python + ",id=Pendulm-v1", {"there is no environment 'Pendulm-v1'; did you mean 'Pendulum-v1'"});
  refused(python + ",id=Pendulum-v7", {"did you mean 'Pendulum-v1'"});
  refused(python + ",id=Pendulum-v0", {"`Pendulum` is deprecated", "`Pendulum-v1`"});
  refused(python + ",id=no_module:A-v0",
          {"module 'no_module' cannot be imported: ModuleNotFoundError", "path=DIR"});
  refused(python + ",path=" + dir.path().string() + ",id=broken_module:A-v0",
          {"No module named 'nothing_of_that_name' (broken_module.py:1)"});
  refused(python + ",id=Pendulum-v1,gravity=3",
          {"unexpected keyword argument 'gravity'", "its keys: render_mode, g"});
  refused(python + odd + ",odd=3.5",
          {"it cannot be made: ValueError: odd is 3.5 and that will not do (odd_envs.py:"});
  refused(python + ",id=odd_envs:Endless-v0,path=" + here().string(),
          {"registered without a time limit; give max_episode_steps=N"});
  refused(python + odd + ",kind=dict", {"its observations are Dict('a': Discrete(2))", "FlattenObservation"});
  refused(python + odd + ",kind=many", {"its observations are Discrete(100000)", "up to 4096"});
  refused(python + odd + ",moves=unbounded",
          {"its actions are Box(-inf, 1.0, (1,)", "bounds that are not finite"});
  refused(python + odd + ",moves=whole", {"its actions are Box(0, 3, (1,), int64)", "TransformAction"});
  refused(python + odd + ",moves=multi", {"its actions are MultiDiscrete([2 3])", "TransformAction"});
}

}  // namespace
}  // namespace hardy::envs
