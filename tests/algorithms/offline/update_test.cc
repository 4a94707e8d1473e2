// Whole updates of BC, IQL and RIQL against the independent float64 NumPy oracle, and what must hold
// between them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "algorithms/offline/offline_trainee.h"
#include "engine/run/schema.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"

namespace hardy::algorithms {
namespace {

using nlohmann::json;
using test::Values;

std::unique_ptr<Method> method_with(const std::string& name, const Values& values) {
  return test::method_with(
      name, test::over({{"hidden", "8"}, {"batch-size", "16"}, {"normalise", "false"}}, values));
}

std::unique_ptr<OfflineTrainee> trainee_of(const std::string& name, const Values& values,
                                           std::vector<std::uint64_t> seeds = {3}) {
  const auto method = method_with(name, values);
  return std::make_unique<OfflineTrainee>(*method, example_transitions(100), std::move(seeds),
                                          std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f));
}

// Runs one step of the engine and one of the oracle from the same parameters on the same rows.
void compare_with_oracle(const std::string& name, const Values& values, const json& settings) {
  if (!test::oracle_runs()) GTEST_SKIP() << "skipped: " << test::oracle_python() << " has no numpy";
  const auto trainee = trainee_of(name, values);
  const datasets::Transitions t = example_transitions(100);
  const auto rows = [](const std::vector<float>& table, std::int64_t width) {
    return test::drawn_rows(table, width, 16, 3, 0);
  };
  json tensors = test::parameters_of(trainee->learner().parameters());
  tensors["observations"] = test::as_json({16, 5}, rows(t.observations, 5));
  tensors["actions"] = test::as_json({16, 3}, rows(t.actions, 3));
  tensors["rewards"] = test::as_json({16}, rows(t.rewards, 1));
  tensors["next_observations"] = test::as_json({16, 5}, rows(t.next_observations, 5));
  tensors["terminals"] = test::as_json({16}, rows(t.terminals, 1));
  const json out = test::ask_oracle("offline_update.py", settings, tensors);
  ThreadTeam team(2);
  trainee->step(team);
  test::expect_the_oracles_step(trainee->learner(), out);
}

TEST(OfflineUpdate, BcEqualsTheOracle) { compare_with_oracle("bc", {}, {{"method", "bc"}}); }

TEST(OfflineUpdate, XBcIsBcOnTheRowsOfTheBestEpisodes) {
  datasets::Transitions t = example_transitions(100);  // ten episodes of ten rows
  for (std::size_t row = 9; row < 100; row += 10) t.episode_end[row] = 1;
  for (std::size_t row = 0; row < 100; ++row) t.rewards[row] = row / 10 == 3 || row / 10 == 8 ? 2.0f : 1.0f;
  datasets::Transitions best = t;
  best.rows = 20;
  const auto keep = [](auto& x, std::ptrdiff_t width) {
    std::remove_reference_t<decltype(x)> kept(x.begin() + 30 * width, x.begin() + 40 * width);
    kept.insert(kept.end(), x.begin() + 80 * width, x.begin() + 90 * width);
    x = kept;
  };
  keep(best.observations, 5), keep(best.next_observations, 5), keep(best.actions, 3);
  keep(best.rewards, 1), keep(best.terminals, 1), keep(best.episode_end, 1);
  const auto after = [](const std::string& name, const Values& values, const datasets::Transitions& data) {
    OfflineTrainee trainee(
        *test::method_with(name, test::over({{"hidden", "8"}, {"batch-size", "16"}}, values)), data, {3},
        std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f));
    ThreadTeam team(1);
    for (int i = 0; i < 5; ++i) trainee.step(team);
    const auto x = trainee.learner().parameters().values();
    return std::pair(std::vector<float>(x.begin(), x.end()), trainee.choice());
  };
  const auto [chosen, choice] = after("x_bc", {{"frac", "0.2"}, {"discount", "1"}}, t);
  EXPECT_EQ(chosen, after("bc", {}, best).first);
  EXPECT_EQ(choice, "it learns from 2 of 10 episodes, with returns from 20 on: 20 of 100 rows");
  EXPECT_NE(chosen, after("bc", {}, t).first);
}

TEST(OfflineUpdate, IqlEqualsTheOracle) { compare_with_oracle("iql", {}, {{"method", "iql"}}); }

TEST(OfflineUpdate, RiqlEqualsTheOracleAtThePublishedThresholds) {
  for (const char* sigma : {"0.1", "0.5", "1", "3"})
    compare_with_oracle("riql", {{"critics", "5"}, {"alpha", "0.25"}, {"sigma", sigma}},
                        {{"method", "riql"}, {"alpha", 0.25}, {"sigma", std::atof(sigma)}});
}

TEST(OfflineUpdate, RiqlWithAGaussianPolicyEqualsTheOracle) {
  compare_with_oracle("riql", {{"critics", "3"}, {"alpha", "0.1"}, {"sigma", "1"}, {"head", "gaussian"}},
                      {{"method", "riql"}, {"alpha", 0.1}, {"sigma", 1.0}, {"policy", "gaussian"}});
}

// The losses of the first step from equal parameters.
double first_loss(const std::string& name, const Values& values, const std::string& key,
                  const OfflineTrainee& from) {
  const auto trainee = trainee_of(name, values);
  const nn::ParameterStore& theirs = const_cast<OfflineTrainee&>(from).learner().parameters();
  trainee->learner().write_parameters([&](nn::ParameterStore& store) {
    for (int i = 0; i < store.size(); ++i) {
      const int other = theirs.find(store.name(i));
      ASSERT_GE(other, 0) << store.name(i);
      std::ranges::copy(theirs.agent(other, 0), store.agent(i, 0).begin());
    }
  });
  ThreadTeam team(1);
  trainee->step(team);
  return trainee->learner().reports().at(key)[0];
}

TEST(OfflineUpdate, RiqlWithTwoCriticsAlphaZeroAndSquaredLossIsIql) {
  const auto iql = trainee_of("iql", {});
  const Values reduced{{"critics", "2"}, {"alpha", "0"}, {"loss", "squared"}, {"clamp-targets", "false"}};
  for (const char* key : {"loss/v", "loss/q", "loss/policy"})
    EXPECT_EQ(first_loss("riql", reduced, key, *iql), first_loss("iql", {}, key, *iql)) << key;
}

TEST(OfflineUpdate, AHuberLossWithAVastThresholdIsAScaledSquare) {
  const auto iql = trainee_of("iql", {});
  const Values base{{"critics", "2"}, {"alpha", "0"}, {"clamp-targets", "false"}};
  Values squared = base, huber = base;
  squared["loss"] = "squared";
  huber["threshold"] = "1e6";
  EXPECT_NEAR(first_loss("riql", huber, "loss/q", *iql) * 2e6, first_loss("riql", squared, "loss/q", *iql),
              1e-4);
}

TEST(OfflineUpdate, TheAutomaticThresholdFollowsTheChosenQuantile) {
  const auto trainee =
      trainee_of("riql", {{"threshold", "auto"}, {"threshold-quantile", "0.8"}, {"learning-rate", "0"}});
  ThreadTeam team(1);
  for (int i = 0; i < 3000; ++i) trainee->step(team);
  // With frozen networks: the 0.8-quantile of |TD error| over all rows, measured directly.
  const double threshold = trainee->learner().reports().at("huber_threshold")[0];
  EXPECT_GT(threshold, 1.5);  // rewards have a standard deviation of 2; 0.8 of |N(0, 2)| lie within 2.56
  EXPECT_LT(threshold, 3.6);
}

TEST(OfflineUpdate, BitsDoNotDependOnThreadsNorOnOtherAgents) {
  const auto after = [](std::vector<std::uint64_t> seeds, int threads, std::size_t agent) {
    const auto trainee = trainee_of("riql", {{"hidden", "64"}, {"batch-size", "64"}}, std::move(seeds));
    ThreadTeam team(threads);
    for (int i = 0; i < 20; ++i) trainee->step(team);
    std::vector<float> all;
    const nn::ParameterStore& store = trainee->learner().parameters();
    for (int i = 0; i < store.size(); ++i) {
      const auto x = store.agent(i, static_cast<std::int64_t>(agent));
      all.insert(all.end(), x.begin(), x.end());
    }
    return all;
  };
  const auto alone = after({5}, 1, 0);
  EXPECT_EQ(alone, after({5}, 3, 0));
  EXPECT_EQ(alone, after({4, 5, 6}, 2, 1));
}

TEST(OfflineUpdate, ALossThatIsNotFiniteStopsItsAgentAndTheOthersGoOn) {
  const auto trainee = trainee_of("riql", {}, {1, 2});
  Learner& learner = trainee->learner();
  ThreadTeam team(1);
  trainee->step(team);
  learner.write_parameters(
      [](nn::ParameterStore& store) { store.agent(store.find("v/w1"), 0)[3] = std::nanf(""); });
  const std::vector<float> before(learner.parameters().agent(0, 0).begin(),
                                  learner.parameters().agent(0, 0).end());
  const std::vector<float> other(learner.parameters().agent(0, 1).begin(),
                                 learner.parameters().agent(0, 1).end());
  trainee->step(team);
  EXPECT_FALSE(learner.active(0));
  EXPECT_TRUE(learner.active(1));
  EXPECT_NE(learner.stop_reason(0).find("step 2"), std::string::npos) << learner.stop_reason(0);
  EXPECT_NE(learner.stop_reason(0).find("v/w1"), std::string::npos) << learner.stop_reason(0);
  EXPECT_TRUE(std::ranges::equal(before, learner.parameters().agent(0, 0)));
  EXPECT_FALSE(std::ranges::equal(other, learner.parameters().agent(0, 1)));
}

}  // namespace
}  // namespace hardy::algorithms
