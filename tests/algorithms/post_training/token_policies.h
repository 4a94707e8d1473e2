// Small token policies and batches that the tests of post-training share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "algorithms/post_training/batch.h"
#include "algorithms/post_training/token_update.h"
#include "tests/algorithms/post_training/trainees.h"

namespace hardy::test {

using algorithms::GroupOutcome;
using algorithms::Learner;
using algorithms::PostTrainingSettings;
using algorithms::TokenRow;
using algorithms::TokenUpdate;
using Tokens = std::vector<std::int32_t>;

inline nn::TransformerSpec small_transformer() {
  nn::TransformerSpec s;
  s.vocabulary = 6, s.width = 8, s.layers = 1, s.heads = 2, s.kv_heads = 1, s.inner = 8, s.context = 16;
  return s;
}

// A prompt with rollouts, what the behaviour policy said of their tokens, and a demonstration.
struct SmallGroup {
  Tokens prompt;
  std::vector<Tokens> rollouts;
  std::vector<std::vector<float>> behaviour;
  std::vector<double> returns;
  Tokens demonstration;

  GroupOutcome outcome() const {
    GroupOutcome g;
    g.returns = returns;
    for (const Tokens& r : rollouts) g.lengths.push_back(static_cast<std::int64_t>(r.size()));
    g.demonstration_length = static_cast<std::int64_t>(demonstration.size());
    return g;
  }
};

inline std::vector<SmallGroup> small_groups() {
  std::vector<SmallGroup> all{
      {{0, 1, 2}, {{3, 5}, {4, 1, 5}, {2, 2, 2, 5}, {3, 5}}, {}, {1, 0, 0, 1}, {3, 1, 5}},
      {{3, 1}, {{0, 5}, {1, 5}, {4, 4, 5}, {2, 5}}, {}, {0, 0, 0, 0}, {4, 0, 5}},
      {{2, 2, 4, 1}, {{1, 5}, {0, 3, 5}, {0, 5}, {5}}, {}, {0, 1, 1, 1}, {0, 0, 5}}};
  std::uint64_t i = 0;
  for (SmallGroup& g : all)
    for (const Tokens& r : g.rollouts) {
      g.behaviour.emplace_back();
      for (std::size_t t = 0; t < r.size(); ++t)  // about the start's log 1/6, on both sides of every clip
        g.behaviour.back().push_back(-1.8f + 0.9f * (Random(5, RandomStream::kUser).uniform(i++) - 0.5f));
    }
  return all;
}

struct SmallTraining {
  nn::Transformer transformer;
  PostTrainingSettings settings;
  algorithms::Estimator rollouts, demonstrations;
  std::vector<SmallGroup> groups = small_groups();
  Learner learner;
  std::unique_ptr<TokenUpdate> update;

  static constexpr double kLongest = 5;

  explicit SmallTraining(const std::string& method, std::int64_t pass = 4, std::int64_t tokens = 9,
                         const nn::TransformerSpec& spec = small_transformer(),
                         std::vector<std::uint64_t> seeds = {3})
      : transformer(spec),
        settings(algorithms::post_training_settings(method)),
        rollouts(settings.rollouts_by(kLongest)),
        demonstrations(settings.demonstrations_by(kLongest)),
        learner(std::move(seeds)) {
    const algorithms::Network network = learner.network("policy", std::make_shared<nn::Transformer>(spec));
    update = std::make_unique<TokenUpdate>(
        learner, transformer, network, nullptr, rollouts, demonstrations, 1.0, 0.0, oracle_descent(),
        algorithms::TokenUpdateSizes{tokens, settings.entropy_weighted, pass});
    learner.finish();
  }

  std::vector<TokenRow> rows() const {
    std::vector<GroupOutcome> outcomes;
    for (const SmallGroup& g : groups) outcomes.push_back(g.outcome());
    std::vector<TokenRow> all;
    for (const algorithms::WeighedRow& r :
         algorithms::weigh(outcomes, settings, rollouts, demonstrations, settings.imitates(0, 2),
                           settings.rolls_out(0, 2))
             .rows) {
      const SmallGroup& g = groups[static_cast<std::size_t>(r.group)];
      const auto i = static_cast<std::size_t>(r.rollout);
      all.push_back({&g.prompt, r.rollout < 0 ? &g.demonstration : &g.rollouts[i],
                     r.rollout < 0 ? nullptr : &g.behaviour[i], r.advantage, r.rollout_weight,
                     r.demonstration_weight, r.praise_weight, r.imitation_weight,
                     static_cast<std::int64_t>(all.size())});
    }
    return all;
  }
  void step(ThreadTeam& team) {
    update->set_rows(std::vector<std::vector<TokenRow>>(static_cast<std::size_t>(learner.agents()), rows()));
    learner.step(team);
  }
  std::vector<float> values() const { return values_of(learner.parameters()); }
  std::vector<float> gradients() const { return gradients_of(learner.parameters()); }
};

}  // namespace hardy::test
