// Post-training of a token policy (group_trainee.h): items are prompts, rollouts are answers, and a verifier
// says what an answer is worth.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/post_training/decoder.h"
#include "algorithms/post_training/group_trainee.h"
#include "algorithms/post_training/token_evaluation.h"
#include "algorithms/post_training/token_policy.h"
#include "algorithms/post_training/token_update.h"
#include "engine/comm/bytes.h"

namespace hardy::algorithms {

struct TokenData {
  PromptSet train, test;                       // test may be empty: no evaluations
  std::shared_ptr<const envs::TextTask> task;  // null: answers are right to the letter
  std::string task_name;
  std::string characters;
  std::int64_t longest_answer = 0;  // in tokens, the end included
  std::int64_t eval_samples = 8;
};

// worth: what the verifier gave it; NaN: it failed, or the answer does not count.
struct JudgedAnswer {
  DecodedAnswer answer;
  double worth = 0;
};
template <class Part>
void each_part(comm::Of<JudgedAnswer> auto& judged, const Part& part) {
  part(judged.answer);
  part(judged.worth);
}

class TokenTrainee final : public GroupTrainee {
 public:
  // steps: those of the whole run, which schedules and switches count by. base: none, one for all agents, or
  // one an agent. An Error where prompts, demonstrations or the base do not fit the transformer's context and
  // alphabet. ranks: processes that share the prompts of a step by index, sample their answers and verify
  // them, and take the passes of its update in turn.
  TokenTrainee(TokenData data, const PostTrainingSettings& settings, const nn::TransformerSpec& spec,
               std::vector<std::uint64_t> seeds, std::int64_t steps, const std::vector<TokenPolicy>& base,
               comm::Ranks& ranks = comm::alone());

  PolicySpec policy() const override { return {}; }
  bool evaluates() const override { return evaluation_ != nullptr; }
  run::MetricValues evaluate(ThreadTeam& team, StopToken stop = {}) override {
    return evaluation_->evaluate(team, stop);
  }
  void write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                       const nlohmann::json& about) override;
  std::string warning() const override;

  const nn::Transformer& transformer() const { return transformer_; }

 private:
  void roll_out(const std::vector<std::vector<std::size_t>>& items, ThreadTeam& team) override;
  double worth_of(const PromptRow& row, const DecodedAnswer& answer) const;
  GroupOutcome outcome(std::size_t agent, std::size_t place, std::size_t item, bool rolled_out) override;
  const std::vector<SequenceSeen>& descend(const std::vector<std::vector<ChosenRow>>& rows,
                                           ThreadTeam& team) override;
  double flops_a_token() const override { return transformer_.flops_a_token(); }
  double played(std::size_t agent, const std::vector<std::size_t>& items) const override;
  nlohmann::json describe(std::size_t item) const override;
  void report(std::size_t agent, const std::vector<std::size_t>& items,
              const std::vector<GroupOutcome>& groups, ReportValues& reports) const override;

  TokenData data_;
  nn::Transformer transformer_;
  Alphabet alphabet_;
  Verifier verify_;
  std::vector<std::size_t> bounds_;  // of the ranks' shares of a step's prompts
  std::int64_t part_;                // prompts answered at once
  std::vector<std::vector<std::int32_t>> prompts_, demonstrations_;  // tokens; an empty demonstration: none
  std::vector<std::vector<std::vector<JudgedAnswer>>> answers_;  // of this step: [agents][prompts][rollouts]
  std::unique_ptr<TokenUpdate> update_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<TokenEvaluation> evaluation_;
};

}  // namespace hardy::algorithms
