// Pendulum and cart-pole against steps of Gymnasium's equations worked out by hand, and what every
// environment owes.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "envs/environment.h"

namespace hardy::envs {
namespace {

struct Stepped {
  std::vector<double> observation;
  double reward;
  bool terminated, truncated;
};
Stepped step(BatchEnvironment& env, Actions action) {
  std::vector<double> observation(static_cast<std::size_t>(env.spec().observation_size));
  double reward = 0;
  std::uint8_t terminated = 0, truncated = 0;
  env.step(0, 1, action, observation, {&reward, 1}, {&terminated, 1}, {&truncated, 1});
  return {observation, reward, terminated != 0, truncated != 0};
}
Stepped step(BatchEnvironment& env, float number) { return step(env, std::span(&number, 1)); }
Stepped choose(BatchEnvironment& env, std::int32_t choice) { return step(env, std::span(&choice, 1)); }

TEST(Control, PendulumMovesAsItsEquationSays) {
  const auto env = make_environment("pendulum", 1);
  env->load_state(0, std::array{1.0, 0.5, 0.0, 0.0, 0.0});
  const Stepped s = step(*env, 1);
  const double speed = 1.2811032386059224;  // 0.5 + (15 sin 1 + 3) 0.05
  EXPECT_NEAR(s.observation[2], speed, 1e-14);
  EXPECT_NEAR(s.observation[0], std::cos(1 + 0.05 * speed), 1e-14);
  EXPECT_NEAR(s.observation[1], std::sin(1 + 0.05 * speed), 1e-14);
  EXPECT_NEAR(s.reward, -1.026, 1e-14);
  EXPECT_FALSE(s.terminated);
}

TEST(Control, PendulumCountsItsAngleFromTheTopAndHoldsTorqueAndSpeed) {
  const auto env = make_environment("pendulum", 1);
  env->load_state(0, std::array{2 * M_PI + 0.25, 7.9, 0.0, 0.0, 0.0});
  const Stepped s = step(*env, 100);  // as 2
  EXPECT_NEAR(s.reward, -(0.0625 + 0.1 * 7.9 * 7.9 + 0.004), 1e-12);
  EXPECT_EQ(s.observation[2], 8);
}

TEST(Control, CartPoleFromRestTakesItsPublishedFirstStep) {
  const auto env = make_environment("cart_pole", 1);
  env->load_state(0, std::array{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  const Stepped s = choose(*env, 1);
  EXPECT_NEAR(s.observation[1], 0.195121951219, 1e-11);   // 0.02 (10 + 0.05 * 600 / 41) / 1.1
  EXPECT_NEAR(s.observation[3], -0.292682926829, 1e-11);  // -0.02 * 600 / 41
  EXPECT_EQ(s.observation[0], 0);
  EXPECT_EQ(s.reward, 1);
  EXPECT_FALSE(s.terminated);
  env->load_state(0, std::array{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  EXPECT_EQ(choose(*env, 0).observation[1], -s.observation[1]);
}

TEST(Control, CartPoleEndsWhereThePoleFallsOrTheTrackDoes) {
  const auto env = make_environment("cart_pole", 1);
  const double limit = 12 * M_PI / 180;
  env->load_state(0, std::array{0.0, 0.0, limit - 1e-4, 0.1, 0.0, 0.0, 0.0});
  EXPECT_TRUE(choose(*env, 0).terminated);
  env->load_state(0, std::array{2.39, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  EXPECT_TRUE(choose(*env, 0).terminated);
  env->load_state(0, std::array{-2.3, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  EXPECT_FALSE(choose(*env, 0).terminated);
}

TEST(Control, EpisodesAreCutAtTheirLimitAndStartsFollowTheSeed) {
  const auto env = make_environment("pendulum", 2);
  std::vector<double> a(3), b(3);
  env->reset(0, 77, a);
  env->reset(1, 77, b);
  EXPECT_EQ(a, b);
  env->reset(1, 78, b);
  EXPECT_NE(a, b);
  const auto one = make_environment("pendulum", 1);
  one->reset(0, 5, a);
  for (int t = 1; t <= 200; ++t) EXPECT_EQ(step(*one, 0.5f).truncated, t == 200) << t;
}

TEST(Control, ASavedStateGoesOnBitForBit) {
  for (const char* name : {"pendulum", "cart_pole"}) {
    const auto one = [&](BatchEnvironment& e, float number) {
      return e.spec().discrete() ? choose(e, number > 0) : step(e, number);
    };
    const auto env = make_environment(name, 1), other = make_environment(name, 1);
    std::vector<double> o(static_cast<std::size_t>(env->spec().observation_size)), state(env->state_size());
    env->reset(0, 9, o);
    for (int t = 0; t < 5; ++t) one(*env, 0.3f);
    env->save_state(0, state);
    other->load_state(0, state);
    other->observe(0, o);
    for (int t = 0; t < 5; ++t)
      EXPECT_EQ(one(*env, -0.2f).observation, one(*other, -0.2f).observation) << name;
  }
}

}  // namespace
}  // namespace hardy::envs
