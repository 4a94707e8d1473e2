// Pendulum and cart-pole against steps of Gymnasium's equations worked out by hand, and what every
// environment owes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "engine/base/error.h"
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

TEST(Control, AnActionThatIsNotFiniteIsRefusedAndMovesNothing) {
  for (const char* name : {"pendulum", "pendulum_sparse", "mountain_car_continuous", "point_maze:map=large"})
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
      const auto env = make_environment(name, 2);
      const auto n = static_cast<std::size_t>(env->spec().observation_size),
                 act = static_cast<std::size_t>(env->spec().action_size);
      std::vector<double> observations(2 * n), rewards(2), before(env->state_size()), after = before;
      std::vector<std::uint8_t> terminated(2), truncated(2);
      for (int i = 0; i < 2; ++i) env->reset(i, 3, std::span(observations).subspan(0, n));
      env->save_state(1, before);
      std::vector<float> actions(2 * act, 0.5f);
      actions.back() = odd;
      try {
        env->step(0, 2, actions, observations, rewards, terminated, truncated);
        ADD_FAILURE() << name;
      } catch (const Error& e) {
        EXPECT_EQ(e.message(),
                  std::string(name) + ": action " + std::to_string(act - 1) + " of instance 1 is not finite");
      }
      env->save_state(1, after);
      EXPECT_EQ(before, after);
      env->step(0, 1, actions, observations, rewards, terminated,
                truncated);  // another one's is not looked at
    }
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

TEST(Control, AnAcrobotsBitsDoNotDependOnWhoIsBesideItNorOnWhereABatchIsCut) {
  constexpr int kInstances = 21;  // no multiple of a vector's lanes
  constexpr std::size_t kObservation = 6;
  const auto whole = make_environment("acrobot", kInstances), cut = make_environment("acrobot", kInstances);
  std::vector<std::unique_ptr<BatchEnvironment>> alone;
  struct Seen {
    std::vector<double> observations = std::vector<double>(kInstances * kObservation),
                        rewards = std::vector<double>(kInstances);
    std::vector<std::uint8_t> terminated = std::vector<std::uint8_t>(kInstances), truncated = terminated;
    bool operator==(const Seen&) const = default;
  } together, apart, pieces;
  std::vector<std::int32_t> choices(kInstances);
  for (int i = 0; i < kInstances; ++i) {
    alone.push_back(make_environment("acrobot", 1));
    // Fast ones turn over between two steps, those next to them do not.
    const std::array state{0.3 * i - 3, 3 - 0.2 * i, i % 3 * 6.0, i % 4 * -9.0, 0.0, 7.0, 0.0};
    whole->load_state(i, state);
    cut->load_state(i, state);
    alone.back()->load_state(0, state);
  }
  const auto step = [&](BatchEnvironment& env, int begin, int end, Seen& to, std::size_t at = 0) {
    const auto n = static_cast<std::size_t>(env.size());
    const auto part = [&](auto& all) { return std::span(all).subspan(at, n); };
    env.step(begin, end, part(std::as_const(choices)),
             std::span(to.observations).subspan(at * kObservation, n * kObservation), part(to.rewards),
             part(to.terminated), part(to.truncated));
  };
  bool ended = false;
  for (int t = 0; t < 60; ++t) {
    for (int i = 0; i < kInstances; ++i) choices[static_cast<std::size_t>(i)] = (t / 7 + i) % 3;
    step(*whole, 0, kInstances, together);
    for (const auto& [begin, end] : {std::pair{0, 1}, {1, 12}, {12, kInstances}})
      step(*cut, begin, end, pieces);
    for (std::size_t i = 0; i < kInstances; ++i) step(*alone[i], 0, 1, apart, i);
    ASSERT_TRUE(together == pieces) << t;
    ASSERT_TRUE(together == apart) << t;
    for (int i = 0; i < kInstances; ++i) {  // what is observed outside of a step is what the step gave
      std::array<double, kObservation> seen{};
      whole->observe(i, seen);
      for (std::size_t k = 0; k < kObservation; ++k)
        ASSERT_EQ(seen[k], together.observations[static_cast<std::size_t>(i) * kObservation + k]);
    }
    ended |= std::ranges::count(together.terminated, 1) > 0;
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace hardy::envs
