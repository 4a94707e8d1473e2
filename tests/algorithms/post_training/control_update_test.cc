#include "tests/algorithms/oracle.h"
#include "tests/algorithms/post_training/control_policies.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

constexpr Head kHeads[] = {Head::kGaussian, Head::kTanhGaussian, Head::kCategorical};

nlohmann::json as_json(const PolicySpec& spec, const ControlEpisode& e) {
  const auto rows = [&](const std::vector<float>& x, int width) {
    nlohmann::json all = nlohmann::json::array();
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width))
      all.push_back(std::vector<float>(x.begin() + static_cast<std::ptrdiff_t>(i),
                                       x.begin() + static_cast<std::ptrdiff_t>(i) + width));
    return all;
  };
  nlohmann::json j{{"observations", rows(e.observations, spec.observation_size)}, {"behaviour", e.log_prob}};
  if (algorithms::chooses(spec.head))
    j["drawn"] = e.choices;
  else
    j["drawn"] = rows(e.drawn, spec.action_size);
  return j;
}

TEST(ControlUpdate, EqualsTheOraclesStepOfEveryHeadAndMethod) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  ThreadTeam team(2);
  for (const Head head : kHeads)
    for (const char* method : {"hpt", "grpo", "dapg", "awr"}) {
      SCOPED_TRACE(std::string(method) + " " + algorithms::name_of(head));
      SmallControl training(method, head);
      nlohmann::json groups = nlohmann::json::array();
      for (const SmallStart& s : training.starts) {
        nlohmann::json rollouts = nlohmann::json::array();
        for (const ControlEpisode& e : s.rollouts) rollouts.push_back(as_json(training.spec, e));
        groups.push_back({{"rollouts", rollouts},
                          {"returns", s.returns},
                          {"solved", algorithms::solved_of(s.outcome())},
                          {"demonstration_return", s.outcome().demonstration_return},
                          {"demonstration", as_json(training.spec, s.demonstration)}});
      }
      const nlohmann::json out = ask_oracle("control_update.py",
                                            {{"method", method},
                                             {"head", algorithms::name_of(head)},
                                             {"layers", 2},
                                             {"groups", groups},
                                             {"step", 3},
                                             {"lambda", training.settings.lambda},
                                             {"lr", 0.01},
                                             {"decay", 0.1},
                                             {"clip_norm", 0.5}},
                                            parameters_of(training.learner.parameters()));
      training.step(team, 3);
      expect_the_oracles_step(training.learner, out);
    }
}

TEST(ControlUpdate, HasTheSameBitsForAnyThreadsAndForWhateverStandsBehindAnEpisodesEnd) {
  ThreadTeam one(1), three(3);
  for (const Head head : kHeads) {
    SmallControl a("mix", head), b("mix", head), c("mix", head, 4, 13);
    a.step(one);
    b.step(three);
    c.step(three);
    EXPECT_EQ(a.gradients(), b.gradients());
    EXPECT_EQ(a.gradients(), c.gradients());
    EXPECT_EQ(a.values(), c.values());
  }
}

TEST(ControlUpdate, SplitIntoPassesChangesSumsInTheirLastBitsAlone) {
  expect_passes_change_last_bits_alone(
      [](std::int64_t pass) { return SmallControl("mix", Head::kGaussian, pass); });
}

TEST(ControlUpdate, OfAnAgentDoesNotDependOnItsNeighbours) {
  ThreadTeam team(2);
  SmallControl pair("hpt", Head::kGaussian, 4, SmallControl::kSteps, {8, 3}), alone("hpt");
  pair.step(team);
  alone.step(team);
  expect_same_agent(pair.learner.parameters(), 1, alone.learner.parameters(), 0);
}

TEST(ControlUpdate, WithoutRowsHasAGradientOfZero) {
  ThreadTeam team(1);
  for (const double same : {0.0, 0.7, 1.0}) {
    SmallControl t("grpo");
    for (SmallStart& s : t.starts) s.returns = {same, same, same, same};
    EXPECT_TRUE(t.rows().empty());
    t.step(team);
    for (const float g : t.gradients()) EXPECT_EQ(g, 0.0f);
  }
}

// pi_ref = 1 weighs by the density itself, which has a unit: refused. A choice's probability has none.
TEST(ControlUpdate, RefusesToWeighByADensity) {
  for (const char* method : {"luffy", "srft"}) {
    EXPECT_THROW(algorithms::post_training_settings(method).check(true), Error);
    algorithms::post_training_settings(method).check(false);
  }
}

}  // namespace
}  // namespace hardy::test
