// Settings as they resolve, and what is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

TEST(RegretSettings, TheoryScalesAsTheUnitForms) {
  const Sizes sizes{10000, 5, 7, 4, 6};
  const ResolvedSettings r = resolve(Scaling::kEntropy, {}, sizes);
  const double eta0 = std::sqrt(std::log(4.0) / (6 * 1e4)) / 25;
  EXPECT_NEAR(r.steps.eta, eta0, 1e-18);
  EXPECT_NEAR(r.steps.beta, eta0 * 25, 1e-16);
  EXPECT_NEAR(r.steps.gamma, eta0 * eta0 * 625, 1e-18);
  EXPECT_NEAR(resolve(Scaling::kLogBarrier, {}, sizes).steps.eta, 2 * eta0, 1e-18);
  const ResolvedSettings q = resolve(Scaling::kLinearQ, {}, sizes);
  EXPECT_NEAR(q.steps.gamma, 2 * q.steps.eta * 5, 1e-18);
}

TEST(RegretSettings, LiteralConstantsKeepEtaBWithinItsBoundAndSayWhenTheyAreVacuous) {
  SettingsRequest literal;
  literal.preset = "literal";
  const Sizes small{10000, 5, 7, 4, 10}, vast{40'000'000'000, 5, 7, 4, 10};
  const ResolvedSettings r = resolve(Scaling::kEntropy, literal, small);
  EXPECT_NEAR(r.steps.beta, 8 * r.steps.eta * 25, 1e-15);
  EXPECT_TRUE(r.vacuous);
  EXPECT_NE(r.note.find("vacuous"), std::string::npos);
  EXPECT_FALSE(resolve(Scaling::kEntropy, literal, vast).vacuous);
  for (const Sizes& sizes : {small, vast}) {
    const StepSizes s = resolve(Scaling::kLogBarrier, literal, sizes).steps;
    EXPECT_LE(s.eta * 2 * std::exp(1.0) * 5 * s.beta / s.gamma, 0.1);
    EXPECT_LE(s.gamma, 1);
  }
}

TEST(RegretSettings, OnlyMethodsWhoseRegretIsBoundedPrintABoundAndSizesAreCalledWhatTheyAre) {
  const Sizes sizes{10000, 5, 7, 4, 6};
  EXPECT_GT(resolve(regret_method("exp_weights_magnitude_reduced").scaling, {}, sizes).literal_bound, 0);
  EXPECT_GT(resolve(regret_method("ftrl_log_barrier").scaling, {}, sizes).literal_bound, 0);
  for (const char* control : {"exp_weights", "exp_weights_no_bonus"}) {
    const ResolvedSettings r = resolve(regret_method(control).scaling, {}, sizes);
    EXPECT_EQ(r.literal_bound, 0) << control;
    EXPECT_EQ(r.steps.eta, resolve(Scaling::kEntropy, {}, sizes).steps.eta);
  }
  SettingsRequest request;
  EXPECT_NE(resolve(Scaling::kEntropy, request, sizes).note.find("(theory)"), std::string::npos);
  request.eta = 0.1;
  EXPECT_NE(resolve(Scaling::kEntropy, request, sizes).note.find("(theory; eta as given)"),
            std::string::npos);
  request.beta = 0, request.gamma = 0.5;
  EXPECT_NE(resolve(Scaling::kEntropy, request, sizes).note.find("(explicit)"), std::string::npos);
  request.preset = "explicit";
  EXPECT_EQ(resolve(Scaling::kEntropy, request, sizes).preset, "explicit");
  request.gamma.reset();
  test::refusal([&] { resolve(Scaling::kEntropy, request, sizes); });
}

TEST(RegretSettings, WithoutASimulatorSizesFollowTheDimensionsAndTheirPowersOfK) {
  const auto steps = [](std::int64_t K, int H, int A, int d) {
    return resolve(Scaling::kEpochs, {}, {K, H, 5, A, d}).steps;
  };
  const std::int64_t K = 1 << 18;
  EXPECT_NEAR(steps(K, 3, 3, 4).gamma, 1.0 / 64, 1e-12);
  EXPECT_NEAR(steps(K, 3, 3, 4).beta, 0.25 / 48, 1e-12);
  EXPECT_NEAR(steps(K, 3, 3, 8).beta, 0.25 / 96, 1e-12);
  EXPECT_NEAR(steps(K, 3, 6, 4).eta / steps(K, 3, 3, 4).eta, 2, 1e-12);
  EXPECT_NEAR(steps(K, 6, 3, 4).eta / steps(K, 3, 3, 4).eta, 0.5, 1e-12);
  const CoverSizes sizes = cover_sizes(K);
  EXPECT_EQ(sizes.epoch, 256);
  EXPECT_EQ(sizes.cover_episodes, 65536 / 8);
  EXPECT_NEAR(steps(K, 3, 3, 4).eta, 4 * std::sqrt(std::log(1024.0) / 1024), 1e-12);
}

TEST(RegretSettings, WhatBreaksABoundIsRefusedWithTheFigureAndTheBound) {
  const Sizes sizes{1000, 3, 4, 3, 3};
  SettingsRequest request;
  request.gamma = 1.5;
  std::string line = test::refusal([&] { resolve(Scaling::kEntropy, request, sizes); });
  EXPECT_NE(line.find("gamma = 1.5"), std::string::npos) << line;
  EXPECT_NE(line.find("(0,1]"), std::string::npos) << line;
  request = {};
  request.gamma = 0;
  test::refusal([&] { resolve(Scaling::kEntropy, request, sizes); });
  request = {};
  request.preset = "literal";
  request.c_beta = 10;
  line = test::refusal([&] { resolve(Scaling::kLogBarrier, request, sizes); });
  EXPECT_NE(line.find("eta B may reach"), std::string::npos) << line;
  EXPECT_NE(line.find("1/(2H) = 0.166667"), std::string::npos) << line;
  request = {};
  request.preset = "litteral";
  test::refusal([&] { resolve(Scaling::kLogBarrier, request, sizes); });
}

TEST(RegretSettings, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_NE(test::refusal([] { regret_method("ftrl_logbarrier"); }).find("ftrl_log_barrier"),
            std::string::npos);
  test::refusal([] { parse_covariance("exakt"); });
  test::refusal([] { parse_random("splitmix64:x"); });
  RegretConfig config = test::t1("exp_weights", 10, 0.1, 0, 0.1);
  config.seeds.clear();
  ThreadTeam team(1);
  test::refusal([&] { run_regret(config, team); });
}

std::unique_ptr<RegretLearner> none(Steps&) { return nullptr; }

TEST(OwnMethod, LawsOfItsOwnAreItsUnitSizesAndKeysFollowTheSizes) {
  RegretMethod method{.name = "own", .summary = "", .scaling = Scaling::kOwn, .make = none};
  method.steps = {.eta = "A*sqrt(1/K)/H", .gamma = "1/d"};
  method.keys = {{"share", "min(1,d/sqrt(K))", "", 0, 1}, {"rounds", "3", "", 1, 10}};
  const Sizes sizes{400, 2, 5, 3, 4};
  SettingsRequest twice;
  twice.c_eta = 2;
  const ResolvedSettings r = resolve(method, twice, sizes);
  EXPECT_DOUBLE_EQ(r.steps.eta, 2 * 3.0 / 20 / 2);
  EXPECT_EQ(r.steps.beta, 0);
  EXPECT_EQ(r.steps.gamma, 0.25);
  EXPECT_NE(r.note.find("(theory; eta times 2)"), std::string::npos) << r.note;
  EXPECT_EQ(keys_of(method, {}, sizes), (std::map<std::string, double>{{"share", 0.2}, {"rounds", 3}}));
  EXPECT_EQ(keys_of(method, {{"rounds", StepLaw("H*2", "x")}}, sizes).at("rounds"), 4);
  std::string line = test::refusal([&] { keys_of(method, {{"rounds", StepLaw("K", "x")}}, sizes); });
  EXPECT_NE(line.find("own: rounds = 400 at K = 400; from 1 to 10"), std::string::npos) << line;
  line = test::refusal([&] { keys_of(method, {{"shar", StepLaw("1", "x")}}, sizes); });
  EXPECT_NE(line.find("no key 'shar'"), std::string::npos) << line;
  method.keys[0].name = "eta";
  line = test::refusal([&] { RegisterRegretMethod{method}; });
  EXPECT_NE(line.find("named 'eta'"), std::string::npos) << line;
}

}  // namespace
}  // namespace hardy::algorithms
