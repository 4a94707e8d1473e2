// What every registered environment promises, and the registry and the batch step themselves.
#include "envs/environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "tests/envs/rollout.h"

namespace hardy::envs {
namespace {

TEST(Registry, NamesTheNearestEnvironment) {
  const auto names = environment_names();
  if (names.empty()) GTEST_SKIP() << "this build has no environment";
  std::string misspelt = names.front();
  misspelt.erase(1, 1);
  try {
    make_environment(misspelt, 1);
    FAIL() << misspelt << " was made";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find(names.front()), std::string::npos) << error.message();
    EXPECT_EQ(error.exit_code(), 2);
  }
}

TEST(Registry, RefusesAnEmptyBatch) {
  for (const auto& name : environment_names()) EXPECT_THROW(make_environment(name, 0), Error);
}

TEST(NormalisedScore, IsZeroAndAHundredAtTheReferences) {
  EnvSpec spec;
  spec.reference_min = -20.272305;
  spec.reference_max = 3234.3;
  EXPECT_DOUBLE_EQ(normalised_score(spec, -20.272305), 0);
  EXPECT_DOUBLE_EQ(normalised_score(spec, 3234.3), 100);
}

class EveryEnvironment : public testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryEnvironment);
INSTANTIATE_TEST_SUITE_P(Envs, EveryEnvironment, testing::ValuesIn(environment_names()),
                         [](const auto& param) { return param.param; });

TEST_P(EveryEnvironment, HasAConsistentSpecification) {
  const auto env = make_environment(GetParam(), 3);
  const EnvSpec& spec = env->spec();
  EXPECT_EQ(spec.name, GetParam());
  EXPECT_EQ(env->size(), 3);
  EXPECT_GT(spec.observation_size, 0);
  EXPECT_GT(spec.max_episode_steps, 0);
  EXPECT_LT(spec.reference_min, spec.reference_max);
  const std::size_t bounded = spec.discrete() ? 0 : static_cast<std::size_t>(spec.action_size);
  ASSERT_EQ(spec.action_low.size(), bounded);
  ASSERT_EQ(spec.action_high.size(), bounded);
  for (std::size_t k = 0; k < spec.action_low.size(); ++k) EXPECT_LT(spec.action_low[k], spec.action_high[k]);
}

TEST_P(EveryEnvironment, GivesTheSameBitsForAnyThreadCount) {
  constexpr int kInstances = 7, kSteps = 60;
  const Record one = rollout(GetParam(), kInstances, kSteps, 11, 1);
  EXPECT_EQ(one, rollout(GetParam(), kInstances, kSteps, 11, 1));
  EXPECT_EQ(one, rollout(GetParam(), kInstances, kSteps, 11, 2));
  EXPECT_EQ(one, rollout(GetParam(), kInstances, kSteps, 11, 3));
  for (const double x : one) ASSERT_TRUE(std::isfinite(x));
}

TEST_P(EveryEnvironment, InstanceDoesNotDependOnTheOthers) {
  const auto alone = make_environment(GetParam(), 1), crowd = make_environment(GetParam(), 3);
  EnvironmentBatch a(*alone), b(*crowd);
  a.reset(0, 5);
  for (int i = 0; i < 3; ++i) b.reset(i, i == 1 ? 5 : 100 + static_cast<std::uint64_t>(i));
  ThreadTeam team(1);
  for (std::uint64_t t = 0; t < 40; ++t) {
    b.act(9, t);
    a.imitate(0, b, 1);
    a.step(team);
    b.step(team);
    ASSERT_EQ(a.rewards[0], b.rewards[1]);
    ASSERT_TRUE(std::ranges::equal(a.observation(0), b.observation(1)));
  }
}

TEST_P(EveryEnvironment, StartsAnewWhateverWasLivedBefore) {
  const auto used = make_environment(GetParam(), 1), fresh = make_environment(GetParam(), 1);
  EnvironmentBatch a(*used), b(*fresh);
  ThreadTeam team(1);
  a.reset(0, 1);
  a.run(team, 150, 2);
  a.reset(0, 3), b.reset(0, 3);
  std::vector<double> state_a(used->state_size()), state_b(fresh->state_size());
  used->save_state(0, state_a), fresh->save_state(0, state_b);
  EXPECT_EQ(state_a, state_b);
  EXPECT_EQ(a.run(team, 150, 4), b.run(team, 150, 4));
}

TEST_P(EveryEnvironment, SeedsDiffer) {
  const auto env = make_environment(GetParam(), 2);
  EnvironmentBatch batch(*env);
  batch.reset(0, 1);
  batch.reset(1, 2);
  EXPECT_FALSE(std::ranges::equal(batch.observation(0), batch.observation(1)));
  batch.reset(1, 1);
  EXPECT_TRUE(std::ranges::equal(batch.observation(0), batch.observation(1)));
}

TEST_P(EveryEnvironment, ContinuesARestoredStateWithTheSameBits) {
  const auto env = make_environment(GetParam(), 1);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  batch.reset(0, 3);
  std::vector<double> state(env->state_size());
  for (const int before : {0, 1, 7, 25}) {
    for (int t = 0; t < before; ++t) batch.act(4, static_cast<std::uint64_t>(t)), batch.step(team);
    env->save_state(0, state);
    const std::vector<double> seen(batch.observations);
    const Record straight = batch.run(team, 30, 8);

    // into the same instance, and into one that has lived through something else
    const auto other = make_environment(GetParam(), 2);
    EnvironmentBatch there(*other);
    there.reset(0, 77), there.reset(1, 78);
    there.run(team, 15, 1);
    other->load_state(1, state);
    other->load_state(0, state);
    other->observe(1, there.observation(1));
    EXPECT_TRUE(std::ranges::equal(there.observation(1), seen));
    env->load_state(0, state);
    EXPECT_EQ(batch.run(team, 30, 8), straight);

    std::vector<double> again(env->state_size());
    other->save_state(1, again);
    EXPECT_EQ(again, state);
    for (std::uint64_t t = 0; t < 30; ++t) {
      env->load_state(0, state);  // every step from the restored state, the batch beside it
      batch.act(8, t);
      there.imitate(0, batch, 0);
      there.imitate(1, batch, 0);
      if (t) other->save_state(0, state), env->load_state(0, state);
      batch.step(team), there.step(team);
      ASSERT_EQ(there.rewards[0], batch.rewards[0]);
      ASSERT_EQ(there.rewards[1], batch.rewards[0]);
      ASSERT_TRUE(std::ranges::equal(there.observation(0), batch.observation(0)));
    }
  }
}

TEST_P(EveryEnvironment, RefusesStatesAndSpansOfAnotherSize) {
  const auto env = make_environment(GetParam(), 2);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  batch.reset(0, 1), batch.reset(1, 2);
  std::vector<double> state(env->state_size() + 1);
  EXPECT_THROW(env->load_state(0, state), Error);
  EXPECT_THROW(env->save_state(0, state), Error);
  if (env->spec().discrete())
    batch.actions.choices.pop_back();
  else
    batch.actions.numbers.pop_back();
  EXPECT_THROW(batch.step(team), Error);
}

// Numbers for a task of choices, choices for one of numbers, choices that it has not: one line of the task.
TEST_P(EveryEnvironment, RefusesActionsOfAnotherKind) {
  const auto env = make_environment(GetParam(), 2);
  const auto n = static_cast<std::size_t>(2 * env->spec().action_size);
  std::vector<double> observations(2 * static_cast<std::size_t>(env->spec().observation_size)), rewards(2);
  std::vector<std::uint8_t> terminated(2), truncated(2);
  env->reset(0, 1, std::span(observations).first(observations.size() / 2));
  env->reset(1, 1, std::span(observations).last(observations.size() / 2));
  const auto refused = [&](Actions actions, const std::string& says) {
    try {
      env->step(0, 2, actions, observations, rewards, terminated, truncated);
      ADD_FAILURE() << "taken: " << says;
    } catch (const Error& e) {
      EXPECT_EQ(e.where(), GetParam());
      EXPECT_NE(e.message().find(says), std::string::npos) << e.message();
      EXPECT_EQ(e.exit_code(), 2);
    }
  };
  if (!env->spec().discrete()) return refused(std::vector<std::int32_t>(n), "its actions are numbers");
  refused(std::vector<float>(n), "its actions are choices");
  refused(std::vector<std::int32_t>{0, env->spec().action_choices},
          "instance 1 is given choice " + std::to_string(env->spec().action_choices));
  refused(std::vector<std::int32_t>{-1, 0}, "instance 0 is given choice -1");
}

EnvSpec sound_spec() {
  EnvSpec spec;
  spec.name = "sound";
  spec.observation_size = 3, spec.action_size = 2, spec.max_episode_steps = 10;
  spec.action_low = {-1, 0}, spec.action_high = {1, 5};
  return spec;
}

TEST(CheckSpec, TakesWhatIsSoundAndNamesTheEnvironmentAndTheEntryThatIsNot) {
  EXPECT_NO_THROW(check_spec(sound_spec()));
  const float infinity = std::numeric_limits<float>::infinity();
  const auto says = [](const char* entry, const auto& spoil) {
    EnvSpec spec = sound_spec();
    spoil(spec);
    try {
      check_spec(spec);
      ADD_FAILURE() << entry << " was taken";
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(entry), std::string::npos) << e.message();
      EXPECT_NE(e.message().find("'" + spec.name + "'"), std::string::npos) << e.message();
      EXPECT_EQ(e.exit_code(), 2);
    }
  };
  says("name", [](EnvSpec& s) { s.name = ""; });
  says("observation_size is 0", [](EnvSpec& s) { s.observation_size = 0; });
  says("action_size is -1", [](EnvSpec& s) { s.action_size = -1; });
  says("max_episode_steps is 0", [](EnvSpec& s) { s.max_episode_steps = 0; });
  says("action_low holds 0 numbers", [](EnvSpec& s) { s.action_low = {}; });
  says("action_high holds 3 numbers", [](EnvSpec& s) { s.action_high = {1, 1, 1}; });
  says("action_high[1] is not finite", [&](EnvSpec& s) { s.action_high[1] = infinity; });
  says("action_low[0] is not finite", [](EnvSpec& s) { s.action_low[0] = std::nanf(""); });
  says("action_low[1] is not below", [](EnvSpec& s) { s.action_low[1] = 5; });
  says("reference_min", [](EnvSpec& s) { s.reference_min = s.reference_max; });
  says("reference_min", [&](EnvSpec& s) { s.reference_max = static_cast<double>(infinity); });
  says("choices", [](EnvSpec& s) { s.action_choices = 4; });  // two dimensions, other bounds
}

// An environment whose odd instances fail.
class Failing final : public BatchEnvironment {
 public:
  Failing() { spec_.name = "failing", spec_.observation_size = 1, spec_.action_size = 1; }
  const EnvSpec& spec() const override { return spec_; }
  int size() const override { return 6; }
  void reset(int, std::uint64_t, std::span<double>) override {}
  void observe(int, std::span<double>) const override {}
  void step(int begin, int, Actions, std::span<double>, std::span<double> rewards, std::span<std::uint8_t>,
            std::span<std::uint8_t>) override {
    if (begin % 2) throw Error::failed_run("instance " + std::to_string(begin));
    rewards[static_cast<std::size_t>(begin)] = 1;
  }
  std::size_t state_size() const override { return 0; }
  void save_state(int, std::span<double>) const override {}
  void load_state(int, std::span<const double>) override {}

 private:
  EnvSpec spec_;
};

TEST(StepAll, ThrowsTheLowestFailureAfterSteppingTheOthers) {
  for (const int threads : {1, 3}) {
    Failing env;
    EnvironmentBatch batch(env);
    ThreadTeam team(threads);
    try {
      batch.step(team);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.problem(), "instance 1");
    }
    EXPECT_EQ(batch.rewards, (std::vector<double>{1, 0, 1, 0, 1, 0}));
  }
}

// `Failing` has no bounds; it is registered as somebody's own environment is.
TEST(Registry, RefusesAnEnvironmentWhoseSpecificationIsNone) {
  const Registration registration(
      "unbounded", [](int) -> std::unique_ptr<BatchEnvironment> { return std::make_unique<Failing>(); });
  try {
    make_environment("unbounded", 6);
    FAIL() << "it was made";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("'failing'"), std::string::npos) << e.message();
    EXPECT_EQ(e.exit_code(), 2);
  }
}

TEST(Registry, KnowsWhichTasksActionsAreChoices) {
  EXPECT_EQ(make_environment("enumerable_mdp", 1)->spec().action_choices, 4);
  EXPECT_EQ(make_environment("cart_pole", 1)->spec().action_choices, 2);
  EXPECT_FALSE(make_environment("pendulum", 1)->spec().discrete());
}

TEST(Registry, RefusesASecondEnvironmentOfAName) {
  EXPECT_THROW(Registration("pendulum", Factory{nullptr}), Error);
}

}  // namespace
}  // namespace hardy::envs
