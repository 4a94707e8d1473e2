// Fitted Q evaluation against values that are known in closed form.
#include "algorithms/offline/fitted_q.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.h"
#include "engine/base/random.h"

namespace hardy {
namespace {

using algorithms::FittedQ;
using algorithms::FittedQSettings;
using algorithms::LoadedPolicy;

// Acts by 2 tanh(bias) everywhere.
LoadedPolicy constant_policy(float bias) {
  LoadedPolicy policy;
  policy.spec.head = algorithms::Head::kDeterministic;
  policy.spec.observation_size = 1, policy.spec.action_size = 1;
  policy.spec.hidden = {2};
  policy.spec.action_low = {-2}, policy.spec.action_high = {2};
  policy.parameters = {{0, 0}, {0, 0}, {0, 0}, {bias}};
  return policy;
}

// The state moves in a circle of `length` steps, the reward is the action; every episode ends there, in a
// terminal state, or by a time limit. Actions are uniform draws.
datasets::Transitions rewards_are_actions(std::int64_t episodes, std::int64_t length, bool terminal) {
  datasets::Transitions t;
  t.observation_size = t.action_size = 1;
  t.rows = episodes * length;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    const auto at = static_cast<float>(i % length);
    const bool last = i % length == length - 1;
    const auto a =
        static_cast<float>(4 * Random(3, RandomStream::kUser).uniform64(static_cast<std::uint64_t>(i)) - 2);
    t.observations.push_back(at);
    t.actions.push_back(a);
    t.rewards.push_back(a);
    t.next_observations.push_back(last && !terminal ? 0 : at + 1);
    t.terminals.push_back(last && terminal ? 1.f : 0.f);
    t.episode_end.push_back(last);
  }
  return t;
}

FittedQSettings quick() {
  FittedQSettings s;
  s.steps = 3000, s.fits = 4, s.batch = 64, s.hidden = {32, 32}, s.gamma = 0.9, s.polyak = 0.02,
  s.learning_rate = 1e-3;
  return s;
}

TEST(FittedQ, IsThePolicysValueAndNotTheBehaviours) {
  ThreadTeam team(2);
  // A terminal after 5 steps of pi's action 1: 1 + .9 + ... + .9^4.
  const double five = (1 - std::pow(0.9, 5)) / 0.1;
  const float bias = std::atanh(0.5f);
  const FittedQ ends =
      algorithms::fitted_q(constant_policy(bias), rewards_are_actions(200, 5, true), quick(), team);
  EXPECT_NEAR(ends.mean, five, 0.1);
  EXPECT_LE(ends.low, ends.mean);
  EXPECT_GE(ends.high, ends.mean);
  EXPECT_LT(ends.high - ends.low, 0.5);
  EXPECT_EQ(ends.beginnings, 200);
  EXPECT_LT(ends.moved, 0.3);
  EXPECT_LT(std::abs(ends.behaviour), 0.5);  // its actions' mean is 0
  // The other sign.
  EXPECT_NEAR(
      algorithms::fitted_q(constant_policy(-bias), rewards_are_actions(200, 5, true), quick(), team).mean,
      -five, 0.1);
  // Without an end the time limit bootstraps: 1 / (1 - gamma).
  EXPECT_NEAR(
      algorithms::fitted_q(constant_policy(bias), rewards_are_actions(200, 5, false), quick(), team).mean, 10,
      0.6);
}

TEST(FittedQ, SaysThatItHasNotSettled) {
  ThreadTeam team(1);
  FittedQSettings s = quick();
  s.steps = 60, s.polyak = 0.005;
  const FittedQ early =
      algorithms::fitted_q(constant_policy(std::atanh(0.5f)), rewards_are_actions(200, 5, false), s, team);
  EXPECT_LT(early.mean, 5);
  EXPECT_GT(early.moved, 0.01 * early.mean);
  EXPECT_FALSE(early.settled);
  s.steps = 2000, s.polyak = 0.05;  // 10 / (polyak (1 - gamma))
  EXPECT_TRUE(
      algorithms::fitted_q(constant_policy(std::atanh(0.5f)), rewards_are_actions(200, 5, true), s, team)
          .settled);
  s.polyak = 0;  // targets that never follow: nothing moves, and nothing is learned
  EXPECT_FALSE(
      algorithms::fitted_q(constant_policy(std::atanh(0.5f)), rewards_are_actions(200, 5, true), s, team)
          .settled);
}

TEST(FittedQ, HasNoIntervalOfOneFitAndNoValueOfNone) {
  ThreadTeam team(1);
  FittedQSettings s = quick();
  s.steps = 50, s.fits = 1;
  const auto data = rewards_are_actions(200, 5, true);
  const FittedQ one = algorithms::fitted_q(constant_policy(0.3f), data, s, team);
  EXPECT_EQ(one.finite, 1);
  EXPECT_TRUE(std::isfinite(one.mean));
  EXPECT_TRUE(std::isnan(one.low) && std::isnan(one.high));
  s.fits = 3, s.learning_rate = 1e30;
  const FittedQ none = algorithms::fitted_q(constant_policy(0.3f), data, s, team);
  EXPECT_EQ(none.finite, 0);
  EXPECT_TRUE(std::isnan(none.mean));
  EXPECT_FALSE(none.settled);
}

TEST(FittedQ, HasTheSameBitsForAnyNumberOfThreads) {
  FittedQSettings s = quick();
  s.steps = 50;
  ThreadTeam one(1), three(3);
  const auto data = rewards_are_actions(300, 5, true);
  EXPECT_EQ(algorithms::fitted_q(constant_policy(0.3f), data, s, one).values,
            algorithms::fitted_q(constant_policy(0.3f), data, s, three).values);
}

TEST(FittedQ, RefusesDataOfOtherSizesAndTooFew) {
  ThreadTeam team(1);
  LoadedPolicy wide = constant_policy(0);
  wide.spec.observation_size = 2;
  EXPECT_THROW(static_cast<void>(algorithms::fitted_q(wide, rewards_are_actions(20, 5, true), quick(), team)),
               Error);
  EXPECT_THROW(static_cast<void>(
                   algorithms::fitted_q(constant_policy(0), rewards_are_actions(2, 5, true), quick(), team)),
               Error);
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(static_cast<void>(algorithms::fitted_q(constant_policy(0), rewards_are_actions(20, 5, true),
                                                      quick(), team, stop.token())),
               Stopped);
}

}  // namespace
}  // namespace hardy
