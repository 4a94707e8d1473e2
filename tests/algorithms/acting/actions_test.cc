// Actions between a task's bounds and the networks' [-1, 1].
#include "algorithms/acting/actions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/policy_file.h"
#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/interacting_trainee.h"
#include "engine/base/error.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

using test::error_of;

const ActionBounds kBounds{{-2, 0, -1, -0.5f}, {2, 5, 1, 0.25f}, "a test"};

TEST(ActionBounds, ScaleEachDimensionIntoMinusOneToOneAndStretchBack) {
  std::vector<float> a{-2, 0, -1, -0.5f, 2, 5, 1, 0.25f, 1, 3.75f, 0.3f, -0.125f, 3, -5, 2, 1};
  const std::vector<float> raw = a, unit{-1, -1, -1, -1, 1, 1, 1, 1, 0.5f, 0.5f, 0.3f, 0, 1.5f, -3, 2, 3};
  kBounds.scale(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], unit[i], 1e-6) << i;
    EXPECT_NEAR(kBounds.stretched(a[i], i % 4), raw[i], 1e-6) << i;
  }
  EXPECT_NEAR(kBounds.log_volume(), std::log(2 * 2.5 * 1 * 0.375), 1e-7);
  EXPECT_EQ(kBounds.text(), "[-2, 2] [0, 5] [-1, 1] [-0.5, 0.25]");
  EXPECT_EQ((ActionBounds{{-0.4f, -0.4f}, {0.4f, 0.4f}, ""}).text(), "[-0.4, 0.4]");
}

TEST(ActionBounds, OfMinusOneToOneChangeNoBit) {
  const ActionBounds unit{{-1, -1}, {1, 1}, ""};
  EXPECT_TRUE(unit.unit());
  EXPECT_FALSE(kBounds.unit());
  const Random random(3, RandomStream::kUser);
  std::vector<float> a;
  for (std::uint64_t i = 0; i < 1000; ++i) a.push_back(1.5f * (2 * random.uniform(i) - 1));
  std::vector<float> scaled = a;
  unit.scale(scaled);
  EXPECT_EQ(scaled, a);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(unit.stretched(a[i], i % 2), a[i]);
  EXPECT_EQ(unit.log_volume(), 0);
}

datasets::Transitions with_actions(int size, std::vector<float> actions) {
  datasets::Transitions t;
  t.action_size = size;
  t.rows = static_cast<std::int64_t>(actions.size()) / size;
  t.actions = std::move(actions);
  return t;
}

TEST(BoundsOfAFile, AreItsActionSpacesThenMinusOneToOneThenWhatItsActionsSpan) {
  const auto t = with_actions(3, {0.5f, 3, 7, -0.25f, -1, 7});
  const ActionBounds spanned = bounds_of(t, {});
  EXPECT_EQ(spanned.low, (std::vector<float>{-1, -1, 6}));
  EXPECT_EQ(spanned.high, (std::vector<float>{1, 3, 8}));
  datasets::ActionSpace space;
  space.low = {-4, -4, 0}, space.high = {4, 4, 9};
  EXPECT_EQ(bounds_of(t, space).low, space.low);
  EXPECT_EQ(bounds_of(t, space).high, space.high);
  EXPECT_TRUE(bounds_of(with_actions(1, {-1, 1}), {}).unit());
}

TEST(OutsideActions, AreCountedByRowsWithTheFurthestAndCanBeClipped) {
  const ActionBounds bounds{{-2, 0}, {2, 5}, ""};
  auto t = with_actions(2, {0, 1, 2.5f, 6, 2, 5, -4, 1, 2.0000001f, 0});
  const OutsideActions outside = outside_of(bounds, t);
  EXPECT_EQ(outside.rows, 2);
  EXPECT_EQ(outside.row, 3);
  EXPECT_EQ(outside.dim, 0);
  EXPECT_EQ(outside.value, -4);
  clip_actions(bounds, t);
  EXPECT_EQ(t.actions, (std::vector<float>{0, 1, 2, 5, 2, 5, -2, 1, 2, 0}));
  EXPECT_EQ(outside_of(bounds, t).rows, 0);
}

TEST(LookLikeChoices, AreWholeNumbersFromZeroOn) {
  EXPECT_TRUE(look_like_choices(with_actions(1, {0, 1, 1, 0})));
  EXPECT_TRUE(look_like_choices(with_actions(1, {2, 1, 0, 3})));
  EXPECT_FALSE(look_like_choices(with_actions(1, {-1, 1, 1, -1})));
  EXPECT_FALSE(look_like_choices(with_actions(1, {0, 0.5f})));
  EXPECT_FALSE(look_like_choices(with_actions(1, {0, 0})));
  EXPECT_FALSE(look_like_choices(with_actions(2, {0, 1})));
}

TEST(RequireContinuous, SaysWhatTheTaskAndTheFileHave) {
  const auto spec = envs::make_environment("enumerable_mdp", 1)->spec();
  EXPECT_NE(error_of([&] { require_continuous(spec, "iql"); }).find("4 choices"), std::string::npos);
  datasets::ActionSpace space;
  EXPECT_NO_THROW(require_continuous(space, "f", "iql"));
  space.discrete = true, space.evidence = "int64 [10]";
  const std::string message = error_of([&] { require_continuous(space, "f.hdf5", "iql"); });
  for (const char* part : {"f.hdf5", "choices", "int64 [10]", "iql"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(RequireContinuous, KeepsPoliciesAndInteractionOffTasksOfChoices) {
  PolicySpec spec;
  spec.observation_size = 2, spec.action_size = 1, spec.hidden = {}, spec.action_low = {0},
  spec.action_high = {4};
  EXPECT_NE(error_of([&] {
              evaluate(spec, {{0, 0}, {0}}, "enumerable_mdp", 1, 1);
            }).find("choices"),
            std::string::npos);
  const std::string numbers = error_of([] {
    InteractingTrainee(*make_method("dqn"), "dqn", {.environment = "pendulum", .capacity = 300}, {1});
  });
  EXPECT_NE(numbers.find("dqn acts by one of several choices"), std::string::npos) << numbers;
  const auto sac = make_method("sac");
  EXPECT_NE(error_of([&] {
              InteractingTrainee(*sac, "sac", {.environment = "enumerable_mdp", .capacity = 300}, {1});
            }).find("choices"),
            std::string::npos);
}

// --- learning and acting

std::vector<float> act_of(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                          const std::vector<double>& observations) {
  const auto n = static_cast<std::int64_t>(observations.size()) / spec.observation_size;
  Actor actor(spec, n, parameters);
  std::vector<float> actions(static_cast<std::size_t>(n * spec.action_size));
  ThreadTeam team(1);
  actor.act(observations, {}, actions, {}, team);
  return actions;
}

// What a method's policy does at `target` in every row after it has learned from rows that all do just that.
std::vector<float> imitation_of(const std::string& name, const std::string& head,
                                const std::vector<float>& target, const ActionBounds& bounds) {
  const auto method = test::method_with(
      name, {{"hidden", "16"}, {"batch-size", "16"}, {"head", head}, {"learning-rate", "0.01"}});
  datasets::Transitions t = example_transitions(64);
  for (std::size_t i = 0; i < t.actions.size(); ++i) t.actions[i] = target[i % 3];
  const std::vector<double> observations(t.observations.begin(), t.observations.begin() + 5 * 8);
  OfflineTrainee trainee(*method, std::move(t), {3}, bounds.low, bounds.high);
  ThreadTeam team(1);
  for (int i = 0; i < 400; ++i) trainee.step(team);
  return act_of(trainee.policy(), policy_parameters(trainee.learner().parameters(), 0), observations);
}

TEST(Imitation, ActsAsTheDataDidForAnyBounds) {
  const ActionBounds bounds{{-2, 0, -1}, {2, 5, 1}, ""};
  const std::vector<float> target{0.5f, 4, -0.7f};
  for (const char* name : {"bc", "iql", "riql"})
    for (const char* head : {"deterministic", "gaussian"}) {
      const std::vector<float> acts = imitation_of(name, head, target, bounds);
      for (std::size_t i = 0; i < acts.size(); ++i)
        EXPECT_NEAR(acts[i], target[i % 3], 0.1 * bounds.half(i % 3)) << name << " " << head << " " << i;
    }
}

TEST(Imitation, ReachesTheBounds) {
  const ActionBounds bounds{{-2, 0, -1}, {2, 5, 1}, ""};
  const std::vector<float> acts = imitation_of("bc", "deterministic", {2, 0, 1}, bounds);
  for (std::size_t i = 0; i < acts.size(); i += 3) {
    EXPECT_NEAR(acts[i], 2, 0.1);
    EXPECT_NEAR(acts[i + 1], 0, 0.1);
    EXPECT_NEAR(acts[i + 2], 1, 0.1);
  }
}

// What is learned depends on where an action lies between the bounds, not on its unit.
TEST(Imitation, OfDataInAnotherUnitIsTheSameToTheLastBitOfItsNetworks) {
  const auto networks = [](float factor, float shift, std::vector<float> low, std::vector<float> high) {
    const auto method = test::method_with("riql", {{"hidden", "16"}, {"batch-size", "16"}});
    datasets::Transitions t = example_transitions(64);
    for (std::size_t i = 0; i < t.actions.size(); ++i)  // multiples of 1/64: exact in either unit
      t.actions[i] = factor * std::round(64 * t.actions[i]) / 64 + shift;
    OfflineTrainee trainee(*method, std::move(t), {3}, std::move(low), std::move(high));
    ThreadTeam team(1);
    for (int i = 0; i < 20; ++i) trainee.step(team);
    const auto values = trainee.learner().parameters().values();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_EQ(networks(1, 0, {-1, -1, -1}, {1, 1, 1}), networks(4, 2, {-2, -2, -2}, {6, 6, 6}));
}

// In float32, -2 + (0.4 - -2) is the next number beyond 0.4.
TEST(Actor, ASaturatedPolicysActionsArePreciselyTheBounds) {
  PolicySpec spec;
  spec.head = Head::kDeterministic, spec.hidden = {}, spec.observation_size = 1, spec.action_size = 1;
  spec.action_low = {-2}, spec.action_high = {0.4f};
  ASSERT_GT(-2 + (0.4f - -2.0f), 0.4f);
  EXPECT_EQ(act_of(spec, {{100}, {0}}, {1, -1}), (std::vector<float>{0.4f, -2}));
}

TEST(Replay, HoldsActionsAsTheUpdatesPolicyGivesThem) {
  const auto sac = test::method_with("sac", {{"hidden", "8"}, {"batch-size", "8"}});
  InteractingTrainee interaction(*sac, "sac",
                                 {.environment = "pendulum", .capacity = 250, .start_steps = 200}, {1});
  ThreadTeam team(1);
  for (int i = 0; i < 250; ++i) interaction.step(team);  // torques of up to 2, drawn and then acted
  float largest = 0;
  for (const float a : interaction.replay().actions()) largest = std::max(largest, std::abs(a));
  EXPECT_LE(largest, 1.000001f);
  EXPECT_GT(largest, 0.9f);
}

// log p(a) by the change of variables, from the actions that neighbouring noise gives.
TEST(LogProbabilities, AreDensitiesOfTheActionsThatAreActed) {
  for (const Head head : {Head::kTanhGaussian, Head::kGaussian}) {
    PolicySpec spec;
    spec.head = head;
    spec.observation_size = 1, spec.action_size = 2, spec.hidden = {};
    spec.action_low = {0, -0.25f}, spec.action_high = {5, 0.75f};
    // Means 0.2 and -0.1, standard deviations e^-1 and e^-1.5, whatever is observed.
    const std::vector<std::vector<float>> parameters =
        head == Head::kGaussian ? std::vector<std::vector<float>>{{0, 0}, {0.2f, -0.1f}, {-1, -1.5f}}
                                : std::vector<std::vector<float>>{{0, 0, 0, 0}, {0.2f, -0.1f, -1, -1.5f}};
    constexpr double kStep = 1e-2;
    const std::vector<float> z{0.3f, -0.6f};
    std::vector<float> noise;
    for (const double shift : {-kStep, 0.0, kStep})
      for (const float x : z) noise.push_back(static_cast<float>(x + shift));
    Actor actor(spec, 3, parameters);
    ThreadTeam team(1);
    std::vector<float> actions(6), log_probs(3);
    actor.act(std::vector<double>(3, 0), noise, actions, log_probs, team);
    double expected = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      const double slope = (actions[4 + k] - actions[k]) / (2 * kStep);
      expected += -0.5 * z[k] * z[k] - 0.5 * std::log(2 * std::numbers::pi) - std::log(slope);
    }
    EXPECT_NEAR(log_probs[1], expected, 1e-3) << name_of(head);
  }
}

TEST(PolicyFile, OfFormat1ActsByAGaussiansOutputsThemselves) {
  const test::Scratch dir;
  PolicySpec spec;
  spec.head = Head::kGaussian;
  spec.observation_size = 1, spec.action_size = 2, spec.hidden = {};
  spec.action_low = {-2, 0}, spec.action_high = {2, 5};
  const std::vector<std::vector<float>> parameters{{0, 0}, {1.5f, -0.5f}, {0, 0}};
  const auto acts = [&](bool scaled) {
    spec.scaled = scaled;
    write_policy(dir / "p.policy", spec, parameters, {});
    const LoadedPolicy loaded = read_policy(dir / "p.policy");
    EXPECT_EQ(run::Archive::read(dir / "p.policy", "policy", kPolicyFormat).format(), scaled ? 2 : 1);
    return act_of(loaded.spec, loaded.parameters, {0});
  };
  EXPECT_EQ(acts(false), (std::vector<float>{1.5f, 0}));  // as they are, held within the bounds
  EXPECT_EQ(acts(true), (std::vector<float>{2, 1.25f}));  // 0 + 2 * 1.5 held to 2; 2.5 - 2.5 * 0.5
}

}  // namespace
}  // namespace hardy::algorithms
