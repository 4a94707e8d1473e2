// The records of the MuJoCo tasks: sizes, references, starts, keys, sparse success, and what goes wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/reference_scores.h"
#include "envs/mujoco/task.h"
#include "tests/engine/base/refusal.h"
#include "tests/envs/rollout.h"

namespace hardy::envs {
namespace {

using test::refusal;

// Steps with an action of zeros from the present state.
struct One {
  explicit One(const std::string& name)
      : env(make_environment(name, 1)), batch(*env), state(env->state_size()) {
    batch.reset(0, 1);
    env->save_state(0, state);
  }
  void step_from(std::size_t index, double value) {
    std::vector<double> changed = state;
    changed[index] = value;
    env->load_state(0, changed);
    batch.step(team);
  }
  std::unique_ptr<BatchEnvironment> env;
  EnvironmentBatch batch;
  ThreadTeam team{1};
  std::vector<double> state;
};

TEST(MujocoTasks, HaveThePublishedSizesAndD4rlsReferences) {
  struct Published {
    const char *name, *family;
    int observation, action, positions, velocities;
  };
  for (const Published& p : {Published{"hopper", "hopper", 11, 3, 6, 6},
                             {"half_cheetah", "halfcheetah", 17, 6, 9, 9},
                             {"walker2d", "walker2d", 17, 6, 9, 9},
                             {"ant", "ant", 111, 8, 15, 14},
                             {"ant:version=v4", "ant", 27, 8, 15, 14}}) {
    const auto env = make_environment(p.name, 1);
    EXPECT_EQ(env->spec().observation_size, p.observation) << p.name;
    EXPECT_EQ(env->spec().action_size, p.action) << p.name;
    EXPECT_EQ(env->spec().max_episode_steps, 1000) << p.name;
    EXPECT_EQ(env->positions(), p.positions) << p.name;
    EXPECT_EQ(env->velocities(), p.velocities) << p.name;
    const auto reference = datasets::reference_scores(p.family);
    ASSERT_TRUE(reference);
    EXPECT_EQ(env->spec().reference_min, reference->min) << p.name;
    EXPECT_EQ(env->spec().reference_max, reference->max) << p.name;
  }
}

TEST(MujocoTasks, NormalStartsHaveTheirStandardDeviation) {
  One one("half_cheetah");
  double qpos[9], qvel[9], squares = 0, fourth = 0, pairs = 0;
  constexpr int kStarts = 2000;
  for (std::uint64_t seed = 0; seed < kStarts; ++seed) {
    one.batch.reset(0, seed);
    one.env->physics(0, qpos, qvel);
    for (std::size_t k = 0; k < 9; ++k) {
      ASSERT_LE(std::abs(qpos[k]), 0.1);
      const double z = qvel[k] / 0.1;
      squares += z * z;
      fourth += z * z * z * z;
    }
    pairs += qvel[0] * qvel[1] / 0.01;
  }
  const double n = 9 * kStarts;
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96 / n));
  EXPECT_NEAR(pairs / kStarts, 0, 5 / std::sqrt(kStarts));
}

TEST(MujocoTasks, TakeKeysForWhatTheirRecordSays) {
  // Two steps of one frame move as one step of two; noise=0 begins at the model's own start.
  One whole("half_cheetah:noise=0,frame_skip=2,control_cost=0"),
      half("half_cheetah:noise=0,frame_skip=1,control_cost=0");
  std::ranges::fill(whole.batch.actions.numbers, 0.5f);
  std::ranges::fill(half.batch.actions.numbers, 0.5f);
  EXPECT_EQ(whole.batch.observations[0], 0);
  whole.batch.step(whole.team);
  half.batch.step(half.team);
  const double first = half.batch.rewards[0];
  half.batch.step(half.team);
  EXPECT_EQ(whole.batch.observations, half.batch.observations);
  EXPECT_NEAR(whole.batch.rewards[0], (first + half.batch.rewards[0]) / 2, 1e-12);
  EXPECT_EQ(make_environment("walker2d:max_steps=7", 1)->spec().max_episode_steps, 7);
}

TEST(MujocoTasks, PayByTheirWeights) {
  One plain("hopper:noise=0"), other("hopper:noise=0,alive_bonus=3,control_cost=0.5,forward_weight=2");
  std::ranges::fill(plain.batch.actions.numbers, 0.5f);
  std::ranges::fill(other.batch.actions.numbers, 0.5f);
  plain.batch.step(plain.team);
  other.batch.step(other.team);
  const double speed = plain.batch.rewards[0] - 1 + 1e-3 * 0.75;
  EXPECT_NEAR(other.batch.rewards[0], 2 * speed + 3 - 0.5 * 0.75, 1e-12);
}

TEST(MujocoTasks, RefuseKeysThatTheyDoNotHave) {
  EXPECT_NE(refusal([] { make_environment("walker2d:frame_skp=4", 1); }).find("did you mean 'frame_skip'?"),
            std::string::npos);
  EXPECT_NE(
      refusal([] { make_environment("walker2d:frame_skip=0", 1); }).find("frame_skip=0 is not an integer"),
      std::string::npos);
  EXPECT_NE(refusal([] { make_environment("half_chetah:noise=0", 1); }).find("did you mean 'half_cheetah'?"),
            std::string::npos);
  EXPECT_NE(refusal([] { make_environment("ant:version=v5", 1); }).find("no version 'v5'"),
            std::string::npos);
  EXPECT_NE(refusal([] { make_environment("pendulum:noise=1", 1); }).find("pendulum takes none"),
            std::string::npos);
}

TEST(MujocoTasks, WalkersAndAntsEndOutsideOfTheirHeights) {
  One walker("walker2d"), ant("ant");
  for (const auto& [height, ends] : {std::pair{0.7, true}, {1.2, false}, {2.1, true}}) {
    walker.step_from(2, height);
    EXPECT_EQ(walker.batch.terminated[0], ends) << height;
  }
  for (const auto& [height, ends] : {std::pair{0.7, false}, {1.2, true}}) {
    ant.step_from(3, height);
    EXPECT_EQ(ant.batch.terminated[0], ends) << height;
  }
  walker.step_from(3, 1.1);  // the pitch
  EXPECT_TRUE(walker.batch.terminated[0]);
}

TEST(MujocoTasks, SparseHopperPaysOnceWhereItIsFarEnough) {
  One one("hopper_sparse"), near("hopper_sparse:goal=0.5");
  one.step_from(1, 1.9);  // the forward position
  EXPECT_EQ(one.batch.rewards[0], 0);
  EXPECT_FALSE(one.batch.terminated[0]);
  one.step_from(1, 2.1);
  EXPECT_EQ(one.batch.rewards[0], 1);
  EXPECT_TRUE(one.batch.terminated[0]);
  near.step_from(1, 0.6);
  EXPECT_EQ(near.batch.rewards[0], 1);
  near.step_from(2, 0.6);  // fallen
  EXPECT_TRUE(near.batch.terminated[0]);
  EXPECT_EQ(near.batch.rewards[0], 0);
}

TEST(MujocoTasks, AnEpisodeThatDoesNotStayFiniteEndsAndIsCounted) {
  One one("half_cheetah");
  one.step_from(15, 1e12);  // a velocity
  EXPECT_TRUE(one.batch.terminated[0]);
  EXPECT_FALSE(one.batch.truncated[0]);
  EXPECT_TRUE(std::isfinite(one.batch.rewards[0]));
  for (const double x : one.batch.observations) EXPECT_TRUE(std::isfinite(x));
  EXPECT_EQ(one.env->broken_episodes(), 1);
  EXPECT_EQ(one.env->first_break(), "the simulation diverged in step 1 of an episode of instance 0");
  one.batch.reset(0, 3);
  one.batch.actions.numbers[2] = std::numeric_limits<float>::quiet_NaN();
  one.batch.step(one.team);
  EXPECT_TRUE(one.batch.terminated[0]);
  EXPECT_EQ(one.batch.rewards[0], 0);
  EXPECT_EQ(one.env->broken_episodes(), 2);
  one.batch.reset(0, 3);
  one.batch.actions.numbers[2] = 0;
  one.batch.step(one.team);
  EXPECT_FALSE(one.batch.terminated[0]);
  EXPECT_EQ(one.env->broken_episodes(), 2);
}

TEST(MujocoTasks, AntsSpeedIsThatOfItsTrunkAlsoAfterItsStateWasLoaded) {
  One a("ant"), b("ant");
  for (int t = 0; t < 5; ++t) a.batch.act(3, static_cast<std::uint64_t>(t)), a.batch.step(a.team);
  a.env->save_state(0, a.state);
  b.env->load_state(0, a.state);
  b.batch.act(3, 9);
  a.batch.act(3, 9);
  a.batch.step(a.team);
  b.batch.step(b.team);
  EXPECT_EQ(a.batch.rewards, b.batch.rewards);
  EXPECT_EQ(a.batch.observations, b.batch.observations);
}

}  // namespace
}  // namespace hardy::envs
