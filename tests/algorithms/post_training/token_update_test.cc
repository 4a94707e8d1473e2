#include "tests/algorithms/oracle.h"
#include "tests/algorithms/post_training/token_policies.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

TEST(TokenUpdate, EqualsTheOraclesStepOfHptGrpoLuffyAndSrft) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  ThreadTeam team(2);
  for (const char* method : {"hpt", "grpo", "luffy", "srft"}) {
    SCOPED_TRACE(method);
    SmallTraining training(method);
    nlohmann::json groups = nlohmann::json::array();
    for (const SmallGroup& g : training.groups)
      groups.push_back({{"prompt", g.prompt},
                        {"rollouts", g.rollouts},
                        {"behaviour", g.behaviour},
                        {"returns", g.returns},
                        {"demonstration", g.demonstration}});
    const nn::TransformerSpec s = small_transformer();
    const nlohmann::json out = ask_oracle("token_update.py",
                                          {{"method", method},
                                           {"groups", groups},
                                           {"heads", s.heads},
                                           {"kv_heads", s.kv_heads},
                                           {"layers", s.layers},
                                           {"longest", SmallTraining::kLongest},
                                           {"lr", 0.01},
                                           {"decay", 0.1},
                                           {"clip_norm", 0.5}},
                                          parameters_of(training.learner.parameters()));
    training.step(team);
    expect_the_oracles_step(training.learner, out);
  }
}

// A pass has 288 rows, or 512, or with the most padding 2240: more than a product sums in one piece.
TEST(TokenUpdate, HasTheSameBitsForAnyThreadsAndAnyPadding) {
  const nn::TransformerSpec spec = [] {
    nn::TransformerSpec s = small_transformer();
    s.context = 70;
    return s;
  }();
  const auto left = [&](std::int64_t tokens, int threads) {
    ThreadTeam team(threads);
    SmallTraining t("mix", 32, tokens, spec);
    t.step(team);
    std::vector<float> all = t.gradients();
    for (const float x : t.values()) all.push_back(x);
    const auto reports = t.learner.reports();
    for (const double x : reports.at("loss/policy")) all.push_back(static_cast<float>(x));
    return all;
  };
  const std::vector<float> tight = left(9, 1);
  for (const std::int64_t tokens : {9, 16, 17, 70}) EXPECT_EQ(left(tokens, 3), tight) << tokens;
}

TEST(TokenUpdate, HasTheSameBitsHoweverItsRowsAreHandedOver) {
  ThreadTeam team(2);
  SmallTraining straight("mix", 2), turned("mix", 2);
  straight.step(team);
  std::vector<TokenRow> rows = turned.rows();
  std::ranges::reverse(rows);
  std::ranges::rotate(rows, rows.begin() + 3);
  turned.update->set_rows({rows});
  turned.learner.step(team);
  EXPECT_EQ(straight.gradients(), turned.gradients());
  EXPECT_EQ(straight.values(), turned.values());
}

TEST(TokenUpdate, SplitIntoPassesChangesSumsInTheirLastBitsAlone) {
  expect_passes_change_last_bits_alone([](std::int64_t pass) { return SmallTraining("mix", pass); });
}

TEST(TokenUpdate, OfAnAgentDoesNotDependOnItsNeighbours) {
  ThreadTeam team(2);
  SmallTraining pair("hpt", 4, 9, small_transformer(), {8, 3}), alone("hpt");
  pair.step(team);
  alone.step(team);
  expect_same_agent(pair.learner.parameters(), 1, alone.learner.parameters(), 0);
}

TEST(TokenUpdate, WithoutRowsHasAGradientOfZero) {
  ThreadTeam team(1);
  SmallTraining t("grpo");
  for (SmallGroup& g : t.groups) g.returns = {0.7, 0.7, 0.7, 0.7};
  EXPECT_TRUE(t.rows().empty());
  t.step(team);
  for (const float g : t.gradients()) EXPECT_EQ(g, 0.0f);
}

}  // namespace
}  // namespace hardy::test
