// Whole updates of BC, IQL and RIQL against the independent float64 NumPy oracle, and what must hold
// between them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iterator>
#include <map>

#include "algorithms/offline/offline_trainee.h"
#include "engine/base/json.h"
#include "engine/run/schema.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"
#include "tests/places.h"

namespace hardy::algorithms {
namespace {

using nlohmann::json;
using test::Values;

std::unique_ptr<Method> method_with(const std::string& name, const Values& values) {
  Values usual{{"hidden", "8"}, {"batch-size", "16"}, {"normalise", "false"}};
  if (name == "riql") usual["end-loss"] = "same";  // as published, where a test does not say otherwise
  return test::method_with(name, test::over(usual, values));
}

std::unique_ptr<OfflineTrainee> trainee_of(const std::string& name, const Values& values,
                                           std::vector<std::uint64_t> seeds = {3},
                                           const datasets::Transitions& t = example_transitions(100)) {
  const auto method = method_with(name, values);
  return std::make_unique<OfflineTrainee>(*method, t, std::move(seeds), std::vector<float>(3, -1.0f),
                                          std::vector<float>(3, 1.0f));
}

// Runs one step of the engine and one of the oracle from the same parameters on the same rows.
void compare_with_oracle(const std::string& name, const Values& values, const json& settings,
                         const datasets::Transitions& t = example_transitions(100),
                         const std::vector<float>& imitation = {}) {
  if (!test::has_modules("numpy")) GTEST_SKIP() << "skipped: " << test::python() << " has no numpy";
  const auto trainee = trainee_of(name, values, {3}, t);
  const auto rows = [](const std::vector<float>& table, std::int64_t width) {
    return test::drawn_rows(table, width, 16, 3, 0);
  };
  json tensors = test::parameters_of(trainee->learner().parameters());
  tensors["observations"] = test::as_json({16, 5}, rows(t.observations, 5));
  tensors["actions"] = test::as_json({16, 3}, rows(t.actions, 3));
  tensors["rewards"] = test::as_json({16}, rows(t.rewards, 1));
  tensors["next_observations"] = test::as_json({16, 5}, rows(t.next_observations, 5));
  tensors["terminals"] = test::as_json({16}, rows(t.terminals, 1));
  if (!t.trust.empty()) tensors["trust"] = test::as_json({16, 4}, rows(t.trust, 4));
  if (!imitation.empty()) tensors["imitation"] = test::as_json({16}, rows(imitation, 1));
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

// Ten episodes of ten rows, so that a rank is a tenth: rows weigh exp(-rank / 10 / 0.2), over the mean.
TEST(OfflineUpdate, ImitationByTheRankOfReturnsEqualsTheOracle) {
  datasets::Transitions t = example_transitions(100);
  std::vector<float> imitation(100);
  double sum = 0;
  for (int rank = 0; rank < 10; ++rank) sum += std::exp(-rank / 2.0);
  for (std::size_t row = 0; row < 100; ++row) {
    const auto rank = static_cast<int>((row / 10 * 7) % 10);  // of the ten episodes, no two the same
    t.episode_end[row] = row % 10 == 9;
    t.rewards[row] = static_cast<float>(-rank);
    imitation[row] = static_cast<float>(10 * std::exp(-rank / 2.0) / sum);
  }
  for (const char* head : {"deterministic", "gaussian"})
    compare_with_oracle(
        "riql",
        {{"critics", "3"}, {"alpha", "0.1"}, {"sigma", "1"}, {"return-temperature", "0.2"}, {"head", head}},
        {{"method", "riql"}, {"alpha", 0.1}, {"sigma", 1.0}, {"policy", head}}, t, imitation);
  compare_with_oracle("iql", {{"return-temperature", "0.2"}}, {{"method", "iql"}}, t, imitation);
}

datasets::Transitions judged_transitions() {
  datasets::Transitions t = example_transitions(100);
  const Random random(9, RandomStream::kUser);
  for (std::uint64_t i = 0; i < 400; ++i) t.trust.push_back(static_cast<float>(random.uniform(i)));
  return t;
}

TEST(OfflineUpdate, RiqlOnRowsThatAreBelievedInPartEqualsTheOracle) {
  const auto [least, most] = reward_span(judged_transitions());
  for (const char* head : {"deterministic", "gaussian"})
    compare_with_oracle("riql",
                        {{"critics", "4"},
                         {"alpha", "0.25"},
                         {"threshold", "1"},
                         {"end-loss", "squared"},
                         {"redescend", "1.5"},
                         {"target-bounds", "data"},
                         {"gamma", "0.5"},
                         {"head", head}},
                        {{"method", "riql"},
                         {"alpha", 0.25},
                         {"sigma", 1.0},
                         {"end_loss", "squared"},
                         {"redescend", 1.5},
                         {"gamma", 0.5},
                         {"clamp", {least / 0.5, most / 0.5}},
                         {"policy", head}},
                        judged_transitions());
}

TEST(OfflineUpdate, TheAveragedPolicyIsTheRunningMeanOfTheOneThatLearnsWhichIsAsWithoutIt) {
  for (const char* method : {"riql", "iql"})
    for (const char* head : {"deterministic", "gaussian"}) {
      const auto averaged = trainee_of(method, {{"average", "0.25"}, {"head", head}}),
                 plain = trainee_of(method, {{"head", head}});
      const auto values = [](OfflineTrainee& trainee, const std::string& network) {
        std::map<std::string, std::vector<float>> all;
        const nn::ParameterStore& store = trainee.learner().parameters();
        for (const nn::TensorSpec& t : trainee.policy().mlp()->tensors(network, 1)) {
          const auto x = store.agent(store.find(t.name), 0);
          all[t.name.substr(network.size())].assign(x.begin(), x.end());
        }
        return all;
      };
      // Begun as the plain one, so that all that differs is the mean.
      averaged->learner().write_parameters([&](nn::ParameterStore& store) {
        const nn::ParameterStore& from = plain->learner().parameters();
        for (const auto& [name, x] : values(*plain, "policy"))
          for (const std::string network : {"learning_policy", "policy"})
            std::ranges::copy(from.agent(from.find("policy" + name), 0),
                              store.agent(store.find(network + name), 0).begin());
      });
      ThreadTeam team(1);
      auto mean = values(*averaged, "policy");
      for (int step = 0; step < 4; ++step) {
        averaged->step(team), plain->step(team);
        const auto live = values(*averaged, "learning_policy"), acting = values(*averaged, "policy");
        EXPECT_EQ(live, values(*plain, "policy")) << method << " " << head;
        for (auto& [name, x] : mean)
          for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = 0.75f * x[i] + 0.25f * live.at(name)[i];
            ASSERT_NEAR(acting.at(name)[i], x[i], 1e-6) << name;
          }
      }
    }
}

TEST(OfflineUpdate, RowsThatAreNotBelievedMoveNothing) {
  datasets::Transitions t = example_transitions(100), worse = t;
  for (std::size_t row = 0; row < 100; ++row) {
    const float trust = row % 3 == 0 ? 0.0f : 1.0f;
    for (datasets::Transitions* x : {&t, &worse}) x->trust.insert(x->trust.end(), 4, trust);
    if (trust == 0) worse.rewards[row] += 5, worse.actions[3 * row] = 0.9f, worse.observations[5 * row] += 1;
  }
  const auto after = [](const datasets::Transitions& data) {
    const auto trainee = trainee_of("riql", {{"threshold", "1"}}, {3}, data);
    ThreadTeam team(1);
    for (int i = 0; i < 5; ++i) trainee->step(team);
    const auto x = trainee->learner().parameters().values();
    return std::vector<float>(x.begin(), x.end());
  };
  EXPECT_EQ(after(t), after(worse));
  worse.trust.clear();
  EXPECT_NE(after(t), after(worse));
}

// Three hundred steps in a row, on the rows that the engine draws, normalised by each side for itself: what a
// comparison of single steps does not see (moments, targets, the threshold, the schedule) would add up.
void follow_the_oracle(const std::string& name, const Values& values, const json& settings) {
  if (!test::has_modules("numpy")) GTEST_SKIP() << "skipped: " << test::python() << " has no numpy";
  constexpr int kSteps = 300;
  datasets::Transitions t = example_transitions(100);
  for (float& x : t.observations) x = 3 * x + 1;
  for (float& x : t.next_observations) x = 3 * x + 1;
  OfflineTrainee trainee(
      *method_with(name, test::over({{"normalise", "true"}, {"schedule-steps", "1000"}}, values)), t, {3},
      std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f));
  json tensors = test::parameters_of(trainee.learner().parameters());
  const auto add = [&](const char* key, const std::vector<float>& table, std::int64_t width) {
    std::vector<float> all;
    for (std::uint64_t step = 0; step < kSteps; ++step)
      std::ranges::copy(test::drawn_rows(table, width, 16, 3, step), std::back_inserter(all));
    tensors[key] = test::as_json(width == 1 ? Shape{kSteps, 16} : Shape{kSteps, 16, width}, all);
  };
  add("observations", t.observations, 5), add("next_observations", t.next_observations, 5);
  add("actions", t.actions, 3), add("rewards", t.rewards, 1), add("terminals", t.terminals, 1);
  tensors["raw/observations"] = test::as_json({100, 5}, t.observations);
  tensors["raw/next_observations"] = test::as_json({100, 5}, t.next_observations);
  json all = {{"method", name}, {"steps", kSteps}, {"normalise", true}, {"policy_steps", 1000}};
  all.update(settings);
  const json out = test::ask_oracle("offline_update.py", all, tensors);

  ThreadTeam team(1);
  const auto q = out.at("mean/q").at("data"), weight = out.at("mean/weight").at("data");
  for (std::size_t step = 0; step < kSteps; ++step) {
    trainee.step(team);
    const ReportValues reports = trainee.learner().reports();
    ASSERT_NEAR(reports.at("value/q")[0], q.at(step).get<double>(), 1e-3) << step;
    const double w = weight.at(step);
    ASSERT_NEAR(reports.at("weight")[0], w, 2e-3 * std::max(1.0, w)) << step;
  }
  const ReportValues reports = trainee.learner().reports();
  const std::map<std::string, std::string> lasting{{"huber_threshold", "threshold"},
                                                   {"advantage_scale", "advantage_scale"}};
  for (const auto& [key, theirs] : lasting)
    if (const auto at = reports.find(key); at != reports.end()) {  // as the step found it
      const double next = out.at(theirs).at("data").at(0);
      EXPECT_NEAR(at->second[0], next, 0.02 * next) << key;
    }
  const nn::ParameterStore& store = trainee.learner().parameters();
  for (int i = 0; i < store.size(); ++i) {
    const auto expected = out.at("new/" + store.name(i)).at("data").get<std::vector<double>>();
    const auto mine = store.agent(i, 0);
    double largest = 0;
    for (const double x : expected) largest = std::max(largest, std::abs(x));
    for (std::size_t k = 0; k < expected.size(); ++k)
      EXPECT_NEAR(mine[k], expected[k], 1e-3 * largest) << store.name(i) << " " << k;
  }
}

TEST(OfflineUpdate, ThreeHundredStepsOfIqlFollowTheOracle) { follow_the_oracle("iql", {}, json::object()); }

TEST(OfflineUpdate, ThreeHundredStepsOfRiqlFollowTheOracleWithTheDefaultThresholdAndAFixedOne) {
  follow_the_oracle("riql", {{"end-loss", "squared"}},
                    {{"alpha", 0.25}, {"sigma", "auto"}, {"end_loss", "squared"}});
  follow_the_oracle("riql", {{"threshold", "100"}, {"alpha", "0.1"}}, {{"alpha", 0.1}, {"sigma", 0.1}});
  follow_the_oracle("riql", {{"statistics", "medians"}},
                    {{"alpha", 0.25}, {"sigma", "auto"}, {"statistics", "medians"}});
}

TEST(OfflineUpdate, ThreeHundredStepsWithScaledAdvantagesFollowTheOracle) {
  const Values scaled{{"advantage-quantile", "0.8"}, {"beta", "1"}};
  follow_the_oracle("iql", scaled, {{"advantage_quantile", 0.8}, {"beta", 1}});
  follow_the_oracle("riql", scaled, {{"advantage_quantile", 0.8}, {"beta", 1}, {"sigma", "auto"}});
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
