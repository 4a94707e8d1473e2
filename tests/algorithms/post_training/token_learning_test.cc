// What the trainer is for: where rollouts alone never meet a reward, demonstrations bring the policy there.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "algorithms/post_training/token_trainee.h"

namespace hardy::test {
namespace {

using algorithms::PostTrainingSettings;
using algorithms::TokenData;
using algorithms::TokenPolicy;
using algorithms::TokenTrainee;

constexpr std::int64_t kSeeds = 4;

TokenData chains(const std::vector<int>& bands, double slips) {
  TokenData data;
  data.task = envs::make_text_task("chains:least=2,most=4");
  data.train = algorithms::draw_prompts(*data.task, 0, envs::Split::kTrain, bands, 400, {.slips = slips});
  data.test = algorithms::draw_prompts(*data.task, 0, envs::Split::kTest, {2}, 60, {});
  data.characters = data.task->alphabet();
  data.longest_answer = 5;
  return data;
}

// offline: if not null, gets the share of prompts that were imitated at each step, over agents.
std::unique_ptr<TokenTrainee> trained(const std::string& method, const TokenData& data, std::int64_t steps,
                                      std::int64_t prompts, const std::vector<TokenPolicy>& base,
                                      std::vector<double>* offline = nullptr) {
  PostTrainingSettings s = algorithms::post_training_settings(method);
  s.prompts = prompts;
  s.learning_rate = 3e-3;
  if (method == "hpt") s.rl_weight = 4;
  nn::TransformerSpec spec;
  spec.vocabulary = static_cast<std::int64_t>(data.characters.size()) + 1;
  spec.width = 32, spec.context = 16;
  spec.learned_positions = spec.gelu = true;
  auto t = std::make_unique<TokenTrainee>(data, s, spec, std::vector<std::uint64_t>{0, 1, 2, 3}, steps, base);
  ThreadTeam team(2);
  for (std::int64_t i = 0; i < steps; ++i) {
    t->step(team);
    if (!offline) continue;
    const std::vector<double> share = t->own_reports().at("offline_share");
    offline->push_back(std::accumulate(share.begin(), share.end(), 0.0) / kSeeds);
  }
  return t;
}
std::vector<double> solved(TokenTrainee& t) {
  ThreadTeam team(2);
  return t.evaluate(team).at("solve/hard");
}

// A base that has seen chains of two and three operands alone never gives an answer as long as four need.
TEST(TokenLearning, LongHptReachesTheHardBandThatGrpoNeverMeets) {
  const auto base = trained("sft", chains({0, 1}, 0), 250, 64, {});
  for (const double s : solved(*base)) EXPECT_LT(s, 0.02);
  std::vector<TokenPolicy> policies(kSeeds);
  const nn::ParameterStore& store = base->learner().parameters();
  for (std::int64_t a = 0; a < kSeeds; ++a)
    for (const nn::TensorSpec& t : base->transformer().tensors("policy", kSeeds)) {
      const auto x = store.agent(store.find(t.name), a);
      policies[static_cast<std::size_t>(a)].parameters.emplace_back(x.begin(), x.end());
    }
  const TokenData data = chains({0, 1, 2}, 0.1);
  std::vector<double> offline;
  const std::vector<double> hpt = solved(*trained("hpt", data, 80, 16, policies, &offline)),
                            grpo = solved(*trained("grpo", data, 80, 16, policies));
  double mean = 0, square = 0;
  for (std::size_t a = 0; a < kSeeds; ++a) mean += (hpt[a] - grpo[a]) / kSeeds;
  for (std::size_t a = 0; a < kSeeds; ++a) square += (hpt[a] - grpo[a] - mean) * (hpt[a] - grpo[a] - mean);
  EXPECT_GT(mean, 3 * std::sqrt(square / (kSeeds - 1) / kSeeds));  // paired by seed
  EXPECT_GT(mean, 0.04);
  const double first = std::accumulate(offline.begin(), offline.begin() + 20, 0.0) / 20,
               last = std::accumulate(offline.end() - 20, offline.end(), 0.0) / 20;
  EXPECT_LT(last, first - 0.05);  // ever fewer prompts are imitated
}

}  // namespace
}  // namespace hardy::test
