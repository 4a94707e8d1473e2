#include "algorithms/post_training/batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/algorithms/post_training/token_policies.h"

namespace hardy::test {
namespace {

using algorithms::WeighedBatch;

WeighedBatch weighed(const PostTrainingSettings& s, const std::vector<GroupOutcome>& groups,
                     double longest = 16) {
  return algorithms::weigh(groups, s, s.rollouts_by(longest), s.demonstrations_by(longest), s.imitates(0, 2),
                           s.rolls_out(0, 2));
}
std::vector<GroupOutcome> outcomes() {
  std::vector<GroupOutcome> all;
  for (const SmallGroup& g : small_groups()) all.push_back(g.outcome());
  return all;
}

// A right answer of 2 tokens and a wrong one of 10, A = +-1: what each token's coefficient is.
TEST(Weigh, WeighsLongAndShortAnswersAsEachAggregationSays) {
  for (const auto& [aggregation, right, wrong] :
       {std::tuple{"sequence_mean", .25, -.05}, std::tuple{"token_mean", 1 / 12., -1 / 12.},
        std::tuple{"token_sum_fixed", 1 / 32., -1 / 32.}, std::tuple{"token_sum", .5, -.5}}) {
    PostTrainingSettings s = algorithms::post_training_settings("dr_grpo");
    s.rollout_aggregation = aggregation;
    GroupOutcome g;
    g.returns = {2, 0};
    g.lengths = {2, 10};
    const WeighedBatch b = weighed(s, {g});
    ASSERT_EQ(b.rows.size(), 2u);
    EXPECT_NEAR(b.rows[0].advantage * b.rows[0].rollout_weight, right, 1e-7) << aggregation;
    EXPECT_NEAR(b.rows[1].advantage * b.rows[1].rollout_weight, wrong, 1e-7) << aggregation;
  }
}

TEST(Weigh, SwitchesPerPromptAndSendsTheGateItselfToImitation) {
  PostTrainingSettings s = algorithms::post_training_settings("hpt");
  s.rl_weight = 4;
  const WeighedBatch b = weighed(s, outcomes());  // solved 2, 0, 3 of 4
  std::vector<std::int32_t> imitated;
  for (const auto& r : b.rows) {
    if (r.rollout < 0) imitated.push_back(r.group);
    EXPECT_EQ(r.rollout_weight > 0, r.rollout >= 0);
    if (r.rollout >= 0) {
      EXPECT_FLOAT_EQ(r.rollout_weight, 4.0f / 12);
    }
    if (r.rollout < 0) {
      EXPECT_FLOAT_EQ(r.demonstration_weight, 1.0f / (3 * 3));
    }
  }
  EXPECT_EQ(imitated, std::vector<std::int32_t>{1});
  EXPECT_EQ(b.demonstrations, 1);
  s.gate = 2;
  EXPECT_EQ(weighed(s, outcomes()).demonstrations, 2);
}

TEST(Weigh, AtTheGatesEndsIsReinforcementOrImitationAlone) {
  PostTrainingSettings hpt = algorithms::post_training_settings("hpt"), rl = hpt, sft = hpt;
  rl.when = algorithms::When::kRollouts;
  sft.when = algorithms::When::kDemonstrations;
  const auto same = [](const WeighedBatch& a, const WeighedBatch& b) {
    ASSERT_EQ(a.rows.size(), b.rows.size());
    for (std::size_t i = 0; i < a.rows.size(); ++i) {
      EXPECT_EQ(a.rows[i].group, b.rows[i].group);
      EXPECT_EQ(a.rows[i].rollout, b.rows[i].rollout);
      EXPECT_EQ(a.rows[i].advantage, b.rows[i].advantage);
      EXPECT_EQ(a.rows[i].rollout_weight, b.rows[i].rollout_weight);
      EXPECT_EQ(a.rows[i].demonstration_weight, b.rows[i].demonstration_weight);
    }
  };
  hpt.gate = -1;
  same(weighed(hpt, outcomes()),
       algorithms::weigh(outcomes(), rl, rl.rollouts_by(16), rl.demonstrations_by(16), false, true));
  hpt.gate = 4;
  same(weighed(hpt, outcomes()),
       algorithms::weigh(outcomes(), sft, sft.rollouts_by(16), sft.demonstrations_by(16), true, false));
}

// The loss of a prompt is alpha L_RL + beta L_SFT, alpha and beta of how many of its rollouts solved it.
TEST(Weigh, PutsAlphaAndBetaBeforeThePartsOfAPrompt) {
  PostTrainingSettings soft = algorithms::post_training_settings("hpt"), both = soft;
  soft.gate_kind = "soft";
  both.when = algorithms::When::kBoth;
  for (int solved = 0; solved <= 8; ++solved) {
    GroupOutcome g;
    for (int i = 0; i < 8; ++i) g.returns.push_back(i < solved ? 1 : 0);
    g.lengths.assign(8, 3);
    g.demonstration_length = 4;
    const algorithms::Balance share = algorithms::balance_of(algorithms::Gate::kSoft, solved, 8, 0);
    const WeighedBatch part = weighed(soft, {g}), whole = weighed(both, {g});
    std::size_t rows = 0;
    for (const auto& r : whole.rows)
      for (const auto& s : part.rows)
        if (s.rollout == r.rollout) {
          ++rows;
          EXPECT_EQ(s.advantage, r.advantage);
          EXPECT_FLOAT_EQ(s.rollout_weight, static_cast<float>(share.rl) * r.rollout_weight);
          EXPECT_FLOAT_EQ(s.demonstration_weight, static_cast<float>(share.sft) * r.demonstration_weight);
        }
    EXPECT_EQ(rows, part.rows.size());
    EXPECT_EQ(rows, (share.rl > 0 && solved > 0 && solved < 8 ? 8u : 0u) + (share.sft > 0 ? 1u : 0u))
        << solved;
  }
}

TEST(Weigh, LeavesOutRowsWhoseCoefficientIsZeroAndCountsThemStill) {
  PostTrainingSettings s = algorithms::post_training_settings("grpo");
  std::vector<GroupOutcome> groups = outcomes();
  const WeighedBatch b = weighed(s, groups);
  EXPECT_EQ(b.rows.size(), 8u);                                // the group that failed altogether has none
  EXPECT_FLOAT_EQ(b.rows[0].rollout_weight, 1.0f / (12 * 2));  // of all 12 answers
  groups[0].returns[0] = std::numeric_limits<double>::quiet_NaN();
  for (const auto& r : weighed(s, groups).rows) EXPECT_FALSE(r.group == 0 && r.rollout == 0);
}

TEST(Weigh, PutsADemonstrationIntoItsGroupsMeanWhereTheEstimatorSaysSo) {
  PostTrainingSettings s = algorithms::post_training_settings("luffy");
  const WeighedBatch b = weighed(s, outcomes());
  for (const auto& r : b.rows)
    if (r.group == 0) {
      EXPECT_FLOAT_EQ(r.advantage, (r.rollout < 0 || r.rollout == 0 || r.rollout == 3 ? 1.0f : 0.0f) - 0.6f);
    }
}

TEST(Weigh, FollowsARunningEstimateWhereItIsTheGate) {
  PostTrainingSettings s = algorithms::post_training_settings("hpt");
  s.gate_kind = "running";
  std::vector<GroupOutcome> groups = outcomes();
  for (GroupOutcome& g : groups) g.solved_share = 0.3;
  EXPECT_EQ(weighed(s, groups).demonstrations, 0);
  for (GroupOutcome& g : groups) g.solved_share = 0;
  EXPECT_EQ(weighed(s, groups).demonstrations, 3);
}

TEST(PostTrainingSettings, RefuseWhatHasNoMeaning) {
  for (const auto& change : std::vector<std::function<void(PostTrainingSettings&)>>{
           [](auto& s) { s.gate = 9; }, [](auto& s) { s.updates = 5; },
           [](auto& s) { s.gate_kind = "soft", s.rollouts = 4; },
           [](auto& s) { s.learning_rate = std::numeric_limits<double>::infinity(); }}) {
    PostTrainingSettings s = algorithms::post_training_settings("hpt");
    EXPECT_NO_THROW(s.check(false));
    change(s);
    EXPECT_THROW(s.check(false), Error);
  }
  EXPECT_THROW(algorithms::post_training_settings("luffy").check(true), Error);  // densities
}

}  // namespace
}  // namespace hardy::test
