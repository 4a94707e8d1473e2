#include "algorithms/post_training/decoder.h"

#include <array>

#include "tests/algorithms/post_training/token_policies.h"

namespace hardy::test {
namespace {

using algorithms::Decoder;
using algorithms::DecoderPrompt;
using algorithms::DecoderSizes;

std::vector<std::vector<std::vector<algorithms::DecodedAnswer>>> decode(
    const nn::Transformer& t, Learner& learner, const std::vector<Tokens>& prompts, std::int64_t answers,
    double temperature = 1, std::int64_t room = 0, int threads = 2, std::int64_t longest = 6) {
  ThreadTeam team(threads);
  std::vector<std::vector<std::vector<algorithms::DecodedAnswer>>> out;
  const std::vector<std::uint64_t> seeds(learner.seeds().begin(), learner.seeds().end());
  learner.write_parameters([&](nn::ParameterStore& store) {
    Decoder d(t, "policy", store, seeds,
              DecoderSizes{static_cast<std::int64_t>(prompts.size()) + room, answers, 4 + room, longest,
                           temperature},
              5);
    std::vector<DecoderPrompt> own;
    for (std::size_t i = 0; i < prompts.size(); ++i)
      own.push_back({&prompts[i], static_cast<std::int32_t>(prompts[i][0] * 7 + prompts[i][1])});
    out = d.decode(std::vector<std::vector<DecoderPrompt>>(seeds.size(), own), 12, team);
  });
  return out;
}

const std::vector<Tokens> kPrompts{{0, 1, 2}, {3, 1}, {2, 2, 4, 1}, {4, 0}};

// Both kinds of position and of feed-forward part, shared and own keys, a free head.
std::vector<nn::TransformerSpec> specs() {
  std::vector<nn::TransformerSpec> all(2, small_transformer());
  all[0].layers = 2;
  all[1].kv_heads = 2;
  all[1].tied = false;
  all[1].learned_positions = all[1].gelu = true;
  return all;
}

TEST(Decoder, GivesTheLogProbabilitiesOfTrainingBitForBitAtAnyBatch) {
  for (const nn::TransformerSpec& spec : specs())
    for (const std::int64_t batch : {1, 8, 256}) {
      SmallTraining t("dr_grpo", 7, 10, spec);
      const std::vector<Tokens> prompts(kPrompts.begin(),
                                        kPrompts.begin() + std::min<std::int64_t>(batch, 4));
      const std::int64_t answers = batch / static_cast<std::int64_t>(prompts.size());
      const auto decoded = decode(t.transformer, t.learner, prompts, answers);
      std::vector<TokenRow> rows;
      for (std::size_t p = 0; p < prompts.size(); ++p)
        for (const auto& answer : decoded[0][p])
          rows.push_back({&prompts[p], &answer.tokens, &answer.log_prob, 1, 1, 0});
      t.update->set_rows({rows});
      ThreadTeam team(2);
      t.learner.step(team);
      EXPECT_EQ(t.update->seen()[0].difference, 0.0) << spec.layers << " layers, " << answers << " answers";
      EXPECT_GT(t.update->seen()[0].rollout_tokens, static_cast<std::int64_t>(rows.size()));
    }
}

TEST(Decoder, DrawsDependOnThePromptAndTheRolloutAndNotOnTheBatch) {
  SmallTraining t("hpt", 4, 9, small_transformer(), {3, 4});
  const auto all = decode(t.transformer, t.learner, kPrompts, 8),
             wide = decode(t.transformer, t.learner, kPrompts, 8, 1, 3, 1);
  const auto one = decode(t.transformer, t.learner, {kPrompts[2]}, 4);
  for (std::size_t a = 0; a < 2; ++a)
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t p = 0; p < kPrompts.size(); ++p) {
        EXPECT_EQ(all[a][p][i].tokens, wide[a][p][i].tokens);
        EXPECT_EQ(all[a][p][i].log_prob, wide[a][p][i].log_prob);
      }
      if (i < 4) {
        EXPECT_EQ(all[a][2][i].tokens, one[a][0][i].tokens);
      }
    }
  const auto differ = [](const auto& answers) {
    return std::ranges::any_of(answers, [&](const auto& x) { return x.tokens != answers[0].tokens; });
  };
  for (std::size_t a = 0; a < 2; ++a)
    for (const auto& answers : all[a]) EXPECT_TRUE(differ(answers));  // the n answers to one prompt
  EXPECT_NE(all[0], all[1]);                                          // two seeds
}

// Of 256 rows most have ended after a few tokens: the others are moved together, into graphs of fewer rows.
TEST(Decoder, AnAnswerIsTheSameWhenTheOthersHaveEnded) {
  SmallTraining t("hpt", 4, 9, small_transformer(), {3, 4});
  const auto answers = [&](const std::vector<Tokens>& prompts, std::int64_t n) {
    return decode(t.transformer, t.learner, prompts, n, 3, 0, 2, 12);
  };
  const auto all = answers(kPrompts, 64);
  for (std::size_t a = 0; a < 2; ++a) {
    std::array<int, 13> longer{};  // answers of more tokens
    for (const auto& of_prompt : all[a])
      for (const auto& answer : of_prompt)
        for (std::size_t n = 0; n < answer.tokens.size(); ++n) ++longer[n];
    EXPECT_LT(longer[6], 128);
    EXPECT_LT(longer[10], 64);
    EXPECT_GT(longer[11], 8);
  }
  for (std::size_t p = 0; p < kPrompts.size(); ++p) {
    const auto few = answers({kPrompts[p]}, 8);  // no graph of fewer rows
    for (std::size_t a = 0; a < 2; ++a)
      for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(few[a][0][i], all[a][p][i]) << p << " " << i;
  }
}

// Between two calls the parameters may change: what was packed of them does not outlive a call.
TEST(Decoder, ReadsTheParametersOfEachCall) {
  SmallTraining t("hpt", 4, 9, small_transformer(), {3, 4});
  const std::vector<std::uint64_t> seeds(t.learner.seeds().begin(), t.learner.seeds().end());
  const std::vector<DecoderPrompt> own{{&kPrompts[0], 1}, {&kPrompts[2], 2}};
  const std::vector<std::vector<DecoderPrompt>> prompts(seeds.size(), own);
  ThreadTeam team(2);
  t.learner.write_parameters([&](nn::ParameterStore& store) {
    const auto make = [&] {
      return std::make_unique<Decoder>(t.transformer, "policy", store, seeds, DecoderSizes{2, 8, 4, 6, 1}, 5);
    };
    const auto kept = make();
    const auto before = kept->decode(prompts, 12, team);
    const int qkv = store.find("policy/layer0/qkv");
    for (std::int64_t i = 0; i < 50; ++i) store.value(qkv)[i] += 0.5f;
    const auto after = kept->decode(prompts, 12, team);
    EXPECT_NE(after, before);
    EXPECT_EQ(after, make()->decode(prompts, 12, team));
  });
}

TEST(Decoder, EndsAtTheEndOrAtTheLongestAnswer) {
  SmallTraining t("hpt");
  bool truncated = false, ended = false;
  const auto all = decode(t.transformer, t.learner, kPrompts, 32);
  for (const auto& answers : all[0])
    for (const auto& a : answers) {
      ASSERT_EQ(a.tokens.size(), a.log_prob.size());
      ASSERT_LE(a.tokens.size(), 6u);
      EXPECT_EQ(std::count(a.tokens.begin(), a.tokens.end(), 5), a.ended);
      EXPECT_EQ(a.ended, a.tokens.back() == 5);
      if (!a.ended) {
        EXPECT_EQ(a.tokens.size(), 6u);
      }
      EXPECT_GT(a.entropy, 0.5);
      ended |= a.ended, truncated |= !a.ended;
    }
  EXPECT_TRUE(ended && truncated);
}

TEST(Decoder, AtTemperatureZeroTakesTheLikeliestTokenEveryTime) {
  SmallTraining t("hpt");
  const auto all = decode(t.transformer, t.learner, kPrompts, 3, 0);
  for (const auto& answers : all[0])
    for (const auto& a : answers) EXPECT_EQ(a.tokens, answers[0].tokens);
}

}  // namespace
}  // namespace hardy::test
