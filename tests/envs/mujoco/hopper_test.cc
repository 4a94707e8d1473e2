// Hopper against a bare MuJoCo loop and the published rules; its start, ends, limit and memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "envs/mujoco/model.h"
#include "envs/mujoco/task.h"
#include "tests/envs/rollout.h"

namespace {
std::atomic<std::int64_t> allocations{0};
}

// Every allocation of this program is counted; AddressSanitizer keeps its own operators.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size ? size : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace hardy::envs {
namespace {

// The state's layout: time, qpos [6], qvel [6], warm start [6], steps.
constexpr std::size_t kHeight = 2, kPitch = 3, kHip = 4, kForwardSpeed = 7, kAnkleSpeed = 12, kSteps = 19;

class HopperTest : public testing::Test {
 protected:
  HopperTest() : env(make_environment("hopper", 1)), batch(*env), state(env->state_size()) { start(); }

  void start() {
    batch.reset(0, 1);
    std::ranges::fill(batch.actions.numbers, 0.0f);
    env->save_state(0, state);
  }
  // One step without torque from the start with one number of the state changed.
  void step_from(std::size_t index, double value) {
    start();
    state[index] = value;
    env->load_state(0, state);
    batch.step(team);
  }

  std::unique_ptr<BatchEnvironment> env;
  EnvironmentBatch batch;
  ThreadTeam team{1};
  std::vector<double> state;
};

TEST_F(HopperTest, HasThePublishedSizesAndReferences) {
  const EnvSpec& spec = env->spec();
  EXPECT_EQ(spec.observation_size, 11);
  EXPECT_EQ(spec.action_size, 3);
  EXPECT_EQ(spec.max_episode_steps, 1000);
  EXPECT_EQ(spec.reference_min, -20.272305);
  EXPECT_EQ(spec.reference_max, 3234.3);
  EXPECT_EQ(env->positions(), 6);
  EXPECT_EQ(env->velocities(), 6);
  EXPECT_EQ(env->state_size(), kSteps + 1);
}

TEST_F(HopperTest, StartsWithinTheNoiseThatPhiloxDraws) {
  const double stand[] = {0, 1.25, 0, 0, 0, 0};
  double qpos[6], qvel[6], sum = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    batch.reset(0, seed);
    env->physics(0, qpos, qvel);
    const Random random(seed, RandomStream::kEnvironment);
    for (std::size_t k = 0; k < 6; ++k) {
      ASSERT_NEAR(qpos[k] - stand[k], 5e-3 * (2 * random.uniform64(k) - 1), 1e-15);
      ASSERT_EQ(qvel[k], 5e-3 * (2 * random.uniform64(k + 6) - 1));
      ASSERT_LE(std::abs(qpos[k] - stand[k]), 5e-3);
      sum += qpos[k] - stand[k];
    }
    ASSERT_TRUE(std::ranges::equal(batch.observation(0).first(5), std::span(qpos).subspan(1)));
    ASSERT_TRUE(std::ranges::equal(batch.observation(0).subspan(5), std::span(qvel)));
  }
  EXPECT_NEAR(sum / 3000, 0, 5 * 5e-3 / std::sqrt(3.0 * 3000));
}

TEST_F(HopperTest, IsFourBareStepsWithThePublishedReward) {
  const Model model = compile_model("hopper", mujoco_task("hopper"));
  const Data data = make_data(*model);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    batch.reset(0, seed);
    mj_resetData(model.get(), data.get());
    env->physics(0, {data->qpos, 6}, {data->qvel, 6});
    mj_forward(model.get(), data.get());
    for (std::uint64_t t = 0; t < 200; ++t) {
      batch.act(seed, t);
      if (t % 3 == 0)
        batch.actions.numbers[1] *= 4;  // beyond the bounds: the motor saturates, the cost does not
      const double before = data->qpos[0];
      double cost = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        data->ctrl[k] = std::clamp(static_cast<double>(batch.actions.numbers[k]), -1.0, 1.0);
        cost += 1e-3 * std::pow(static_cast<double>(batch.actions.numbers[k]), 2);
      }
      for (int frame = 0; frame < 4; ++frame) mj_step(model.get(), data.get());
      batch.step(team);
      ASSERT_NEAR(batch.rewards[0], (data->qpos[0] - before) / 0.008 + 1 - cost, 1e-12);
      for (std::size_t k = 0; k < 5; ++k) ASSERT_EQ(batch.observations[k], data->qpos[k + 1]);
      for (std::size_t k = 0; k < 6; ++k)
        ASSERT_EQ(batch.observations[k + 5], std::clamp(data->qvel[k], -10.0, 10.0));
      const bool healthy = data->qpos[1] > 0.7 && data->qpos[2] > -0.2 && data->qpos[2] < 0.2;
      ASSERT_EQ(batch.terminated[0], !healthy) << "step " << t;
    }
  }
}

TEST_F(HopperTest, TerminatesWhenLowTiltedOrOutOfBounds) {
  step_from(kHeight, 1.25);
  EXPECT_FALSE(batch.terminated[0]);
  for (const auto& [index, value] : {std::pair{kHeight, 0.6},
                                     {kPitch, 0.25},
                                     {kPitch, -0.25},
                                     {kHip, 101.0},
                                     {kForwardSpeed, 101.0},
                                     {kForwardSpeed, -101.0}}) {
    step_from(index, value);
    EXPECT_TRUE(batch.terminated[0]) << index << " " << value;
    EXPECT_FALSE(batch.truncated[0]);
  }
  step_from(kPitch, 0.19);
  EXPECT_FALSE(batch.terminated[0]);
  step_from(kForwardSpeed, 95);  // clipped in the observation, healthy
  EXPECT_FALSE(batch.terminated[0]);
  EXPECT_EQ(batch.observations[5], 10);
}

TEST_F(HopperTest, PaysTheBonusOnTheTerminatingStep) {
  step_from(kPitch, 0.25);
  ASSERT_TRUE(batch.terminated[0]);
  double qpos[6], qvel[6];
  env->physics(0, qpos, qvel);
  EXPECT_NEAR(batch.rewards[0], (qpos[0] - state[1]) / 0.008 + 1, 1e-12);
}

TEST_F(HopperTest, TerminatesWhenTheSimulationDiverges) {
  step_from(kAnkleSpeed, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(batch.terminated[0]);
  for (const double x : batch.observations) EXPECT_TRUE(std::isfinite(x));
  start();
  batch.step(team);
  EXPECT_FALSE(batch.terminated[0]);
  EXPECT_FALSE(std::filesystem::exists("MUJOCO_LOG.TXT"));
}

TEST_F(HopperTest, TruncatesAtTheThousandthStepUnlessItEndsThere) {
  step_from(kSteps, 998);
  EXPECT_FALSE(batch.truncated[0]);
  batch.step(team);
  EXPECT_TRUE(batch.truncated[0]);
  EXPECT_FALSE(batch.terminated[0]);
  step_from(kSteps, 999);
  EXPECT_TRUE(batch.truncated[0]);
  state[kPitch] = 0.3;
  env->load_state(0, state);
  batch.step(team);
  EXPECT_TRUE(batch.terminated[0]);
  EXPECT_FALSE(batch.truncated[0]);
}

TEST_F(HopperTest, StepsAndResetsWithoutAllocating) {
  static std::atomic<int> by_mujoco{0};
  batch.step(team);
  mju_user_malloc = [](std::size_t size) {
    ++by_mujoco;
    return std::aligned_alloc(64, (size + 63) / 64 * 64);
  };
  const std::int64_t before = allocations;
  for (std::uint64_t t = 0; t < 200; ++t) {
    batch.act(6, t);
    batch.step(team);
    env->save_state(0, state);
    env->load_state(0, state);
    if (batch.terminated[0]) batch.reset(0, t);
  }
  const std::int64_t after = allocations;
  mju_user_malloc = nullptr;
  EXPECT_EQ(after, before);
  EXPECT_EQ(by_mujoco, 0);
}

TEST(MujocoModel, TurnsErrorsIntoOurOwnAndLogsNothing) {
  EXPECT_THROW(compile_model("broken", "<mujoco><worldbody><body/>"), Error);
  compile_model("hopper", mujoco_task("hopper"));  // the handlers are in place now
  try {
    mju_error("something is wrong");
    FAIL() << "mju_error returned";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("something is wrong"), std::string::npos);
    EXPECT_EQ(error.exit_code(), 1);
  }
  mju_warning("something is odd");
  EXPECT_FALSE(std::filesystem::exists("MUJOCO_LOG.TXT"));
}

}  // namespace
}  // namespace hardy::envs
