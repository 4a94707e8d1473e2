// Post-training of a token policy, as the shared training loop drives it. A step: prompts of a shuffled pass
// over the set, answers to each, their verifier, what each answer and demonstration weighs (batch.h), and one
// or more optimiser steps (token_update.h).
#pragma once

#include <memory>
#include <vector>

#include "algorithms/experiments/training.h"
#include "algorithms/post_training/batch.h"
#include "algorithms/post_training/token_evaluation.h"
#include "algorithms/post_training/token_policy.h"
#include "algorithms/post_training/token_update.h"

namespace hardy::algorithms {

struct TokenData {
  PromptSet train, test;                       // test may be empty: no evaluations
  std::shared_ptr<const envs::TextTask> task;  // null: answers are right to the letter
  std::string task_name;
  std::string characters;
  std::int64_t longest_answer = 0;  // in tokens, the end included
  std::int64_t eval_samples = 8;
};

class TokenTrainee final : public Trainee {
 public:
  // steps: those of the whole run, which schedules and switches count by. base: none, one for all agents, or
  // one an agent. An Error where prompts, demonstrations or the base do not fit the transformer's context and
  // alphabet.
  TokenTrainee(TokenData data, const PostTrainingSettings& settings, const nn::TransformerSpec& spec,
               std::vector<std::uint64_t> seeds, std::int64_t steps, std::int64_t sequences,
               const std::vector<TokenPolicy>& base);

  void step(ThreadTeam& team) override;
  std::int64_t steps_done() const override { return t_; }
  Learner& learner() override { return learner_; }
  PolicySpec policy() const override { return {}; }
  ReportValues own_reports() const override;
  bool evaluates() const override { return evaluation_ != nullptr; }
  run::MetricValues evaluate(ThreadTeam& team) override { return evaluation_->evaluate(team); }
  void write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                       const nlohmann::json& about) override;
  std::string warning() const override;
  void leave_in(const std::filesystem::path& run) const override;
  void save(run::ArchiveWriter& file) const override;
  void restore(const run::Archive& file) override;

  const nn::Transformer& transformer() const { return transformer_; }
  // Prompts that no rollout of this agent has solved, of those that it has seen.
  std::int64_t still_failing(std::int64_t agent) const;

 private:
  struct Chosen {  // an agent's prompts of this step
    std::vector<std::size_t> prompts;
    std::vector<std::vector<DecodedAnswer>> answers;
    std::vector<GroupOutcome> groups;
  };
  void load(const std::vector<TokenPolicy>& base);
  void choose(std::size_t agent, Chosen& chosen) const;
  void judge(std::size_t agent, Chosen& chosen);
  void report(const std::vector<Chosen>& chosen, const std::vector<WeighedBatch>& batches);

  TokenData data_;
  PostTrainingSettings settings_;
  nn::Transformer transformer_;
  Alphabet alphabet_;
  std::int64_t steps_;
  Verifier verify_;
  std::vector<std::vector<std::int32_t>> prompts_, demonstrations_;  // tokens; an empty demonstration: none
  Learner learner_;
  Estimator rollouts_, demonstrations_by_;
  std::unique_ptr<TokenUpdate> update_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<TokenEvaluation> evaluation_;
  std::int64_t t_ = 0;
  std::vector<std::vector<float>> estimate_;         // [agents][prompts] of the running gate; -1: never seen
  std::vector<std::vector<std::uint8_t>> state_of_;  // [agents][prompts] 0 unseen, 1 failing, 2 solved once
  std::vector<double> flop_;                         // an agent has cost until now
  ReportValues reports_;
};

}  // namespace hardy::algorithms
