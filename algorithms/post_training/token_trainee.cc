#include "algorithms/post_training/token_trainee.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::algorithms {
namespace {

std::size_t longest_of(const std::vector<std::vector<std::int32_t>>& all) {
  std::size_t longest = 0;
  for (const auto& tokens : all) longest = std::max(longest, tokens.size());
  return longest;
}

}  // namespace

TokenTrainee::TokenTrainee(TokenData data, const PostTrainingSettings& settings,
                           const nn::TransformerSpec& spec, std::vector<std::uint64_t> seeds,
                           std::int64_t steps, const std::vector<TokenPolicy>& base, comm::Ranks& ranks)
    : GroupTrainee(settings, std::move(seeds), steps, static_cast<std::int64_t>(data.train.rows.size()),
                   data.longest_answer, ranks),
      data_(std::move(data)),
      transformer_(spec),
      alphabet_(data_.characters),
      verify_(verifier_of(data_.task)),
      bounds_(comm::bounds_of(ranks, static_cast<std::size_t>(settings.prompts))) {
  const std::int64_t most = (settings.prompts + ranks.size() - 1) / ranks.size();  // no rank has more
  part_ = (most + settings.micro_batches - 1) / settings.micro_batches;
  for (const PromptRow& row : data_.train.rows) {
    prompts_.push_back(alphabet_.encode(row.prompt, "prompt " + row.prompt));
    demonstrations_.emplace_back();
    if (!settings.needs_demonstrations()) continue;
    if (row.demonstration.empty() || (settings.verify_demonstrations && !row.accepted)) continue;
    demonstrations_.back() = alphabet_.encode(row.demonstration, "demonstration of " + row.prompt);
    demonstrations_.back().push_back(alphabet_.end());
    if (static_cast<std::int64_t>(demonstrations_.back().size()) > data_.longest_answer)
      throw Error("is longer than the longest answer, " + std::to_string(data_.longest_answer) + " tokens",
                  "demonstration of " + row.prompt, "raise --max-tokens");
  }
  if (static_cast<std::int64_t>(prompts_.size()) < settings.prompts)
    throw Error("are fewer than a step takes, " + std::to_string(settings.prompts),
                std::to_string(prompts_.size()) + " prompts", "lower --prompts-a-step");
  const auto longest = static_cast<std::int64_t>(longest_of(prompts_));
  if (longest + data_.longest_answer - 1 > transformer_.spec().context)
    throw Error("a prompt of " + std::to_string(longest) + " tokens and an answer of " +
                    std::to_string(data_.longest_answer) + " do not fit",
                "context " + std::to_string(transformer_.spec().context),
                "a policy's context is chosen when its base is trained: --context");

  Learner& learner = learning();
  const Network network = learner.network("policy", std::make_shared<nn::Transformer>(transformer_.spec()));
  Network reference;
  if (pulled())
    reference = learner.network("reference", std::make_shared<nn::Transformer>(transformer_.spec()),
                                nn::Role::kFrozen);
  update_ = std::make_unique<TokenUpdate>(
      learner, transformer_, network, pulled() ? &reference : nullptr, loss().rollouts, loss().demonstrations,
      settings.temperature, settings.entropy_weight, descent(),
      TokenUpdateSizes{longest + data_.longest_answer - 1, settings.entropy_weighted});
  learner.finish();
  std::vector<std::string> names;
  for (const nn::TensorSpec& t : transformer_.tensors("", 1)) names.push_back(t.name.substr(1));
  std::vector<const std::vector<std::vector<float>>*> parameters;
  for (const TokenPolicy& policy : base) parameters.push_back(&policy.parameters);
  begin_with(names, parameters);
  const std::vector<std::uint64_t> own(learner.seeds().begin(), learner.seeds().end());
  learner.write_parameters([&](nn::ParameterStore& store) {
    if (settings.when != When::kDemonstrations)
      decoder_ = std::make_unique<Decoder>(
          transformer_, "policy", store, own,
          DecoderSizes{part_, settings.rollouts, longest, data_.longest_answer, settings.temperature},
          alphabet_.end());
    if (!data_.test.rows.empty())
      evaluation_ = std::make_unique<TokenEvaluation>(transformer_, store, own, alphabet_, data_.test,
                                                      verify_, data_.eval_samples, data_.longest_answer);
  });
}

void TokenTrainee::roll_out(const std::vector<std::vector<std::size_t>>& items, ThreadTeam& team) {
  comm::Ranks& ranks = learning().ranks();
  const auto rank = static_cast<std::size_t>(ranks.rank()), part = static_cast<std::size_t>(part_);
  answers_.assign(items.size(), std::vector<std::vector<JudgedAnswer>>(items[0].size()));
  for (std::size_t begin = bounds_[rank]; begin < bounds_[rank + 1]; begin += part) {
    const std::size_t end = std::min(bounds_[rank + 1], begin + part);
    std::vector<std::vector<DecoderPrompt>> prompts(items.size());
    for (std::size_t a = 0; a < items.size(); ++a)
      for (std::size_t i = begin; i < end; ++i)
        prompts[a].push_back({&prompts_[items[a][i]], static_cast<std::int32_t>(items[a][i])});
    auto answers = decoder_->decode(prompts, static_cast<std::int32_t>(steps_done()), team);
    for (std::size_t a = 0; a < items.size(); ++a)
      for (std::size_t i = begin; i < end; ++i)
        for (DecodedAnswer& answer : answers[a][i - begin]) {
          const double worth = worth_of(data_.train.rows[items[a][i]], answer);
          answers_[a][i].push_back({std::move(answer), worth});
        }
  }
  for (auto& of_agent : answers_) comm::exchange(ranks, std::span(of_agent), bounds_);
}

double TokenTrainee::worth_of(const PromptRow& row, const DecodedAnswer& answer) const {
  if (!answer.ended) return settings().count_truncated ? 0 : std::numeric_limits<double>::quiet_NaN();
  return verify_(row, alphabet_.decode(answer.tokens));
}

GroupOutcome TokenTrainee::outcome(std::size_t agent, std::size_t place, std::size_t prompt,
                                   bool rolled_out) {
  const PromptRow& row = data_.train.rows[prompt];
  GroupOutcome group;
  group.demonstration_length = static_cast<std::int64_t>(demonstrations_[prompt].size());
  group.demonstration_return = row.accepted ? 1 : 0;
  if (!rolled_out) return group;
  for (const auto& [answer, worth] : answers_[agent][place]) {
    group.returns.push_back(worth);
    group.lengths.push_back(static_cast<std::int64_t>(answer.tokens.size()));
  }
  return group;
}

const std::vector<SequenceSeen>& TokenTrainee::descend(const std::vector<std::vector<ChosenRow>>& rows,
                                                       ThreadTeam& team) {
  std::vector<std::vector<TokenRow>> all(rows.size());
  for (std::size_t a = 0; a < rows.size(); ++a)
    for (const ChosenRow& row : rows[a]) {
      const auto& [place, prompt, w] = row;
      const DecodedAnswer* answer =
          w.rollout >= 0 ? &answers_[a][place][static_cast<std::size_t>(w.rollout)].answer : nullptr;
      all[a].push_back({&prompts_[prompt], answer ? &answer->tokens : &demonstrations_[prompt],
                        answer ? &answer->log_prob : nullptr, w.advantage, w.rollout_weight,
                        w.demonstration_weight, w.praise_weight, w.imitation_weight, place_of(row)});
    }
  update_->set_rows(std::move(all));
  learning().step(team);
  return update_->seen();
}

double TokenTrainee::played(std::size_t agent, const std::vector<std::size_t>& items) const {
  double tokens = 0;
  for (const std::size_t prompt : items) tokens += static_cast<double>(prompts_[prompt].size() - 1);
  for (const auto& of_prompt : answers_[agent])
    for (const auto& [answer, worth] : of_prompt) tokens += static_cast<double>(answer.tokens.size());
  return tokens;
}

nlohmann::json TokenTrainee::describe(std::size_t prompt) const {
  const PromptRow& row = data_.train.rows[prompt];
  return {{"prompt", row.prompt},
          {"band", data_.train.bands[static_cast<std::size_t>(row.band)]},
          {"demonstration_accepted", row.accepted}};
}

std::string TokenTrainee::warning() const {
  const auto truncated = last_reports().find("truncated_share");
  if (truncated == last_reports().end() ||
      std::ranges::none_of(truncated->second, [](double share) { return share >= 1; }))
    return "";
  return "every answer was cut off, at --max-tokens " + std::to_string(data_.longest_answer) +
         ": raise --max-tokens, or give a --base that has learned to end";
}

void TokenTrainee::report(std::size_t agent, const std::vector<std::size_t>& items,
                          const std::vector<GroupOutcome>& groups, ReportValues& reports) const {
  double answers = 0, entropy = 0, length = 0, truncated = 0, failed = 0;
  const std::size_t bands = data_.train.bands.size();
  std::vector<double> by_band(bands, 0), in_band(bands, 0);
  for (std::size_t p = 0; p < groups.size(); ++p) {
    const auto band = static_cast<std::size_t>(data_.train.rows[items[p]].band);
    by_band[band] += solved_of(groups[p]);
    in_band[band] += static_cast<double>(groups[p].returns.size());
    answers += static_cast<double>(groups[p].returns.size());
    for (std::size_t r = 0; r < groups[p].returns.size(); ++r) {
      const DecodedAnswer& answer = answers_[agent][p][r].answer;
      failed += answer.ended && !std::isfinite(groups[p].returns[r]);
      entropy += answer.entropy;
      length += static_cast<double>(answer.tokens.size());
      truncated += !answer.ended;
    }
  }
  for (std::size_t b = 0; b < bands; ++b)
    reports["train_solve/" + data_.train.bands[b]].push_back(
        in_band[b] > 0 ? by_band[b] / in_band[b] : std::numeric_limits<double>::quiet_NaN());
  reports["entropy"].push_back(entropy / answers);
  reports["answer_length"].push_back(length / answers);
  reports["truncated_share"].push_back(truncated / answers);
  reports["verifier_failures"].push_back(failed);
}

void TokenTrainee::write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                                   const nlohmann::json& about) {
  TokenPolicy policy{transformer_.spec(), data_.characters, data_.task_name, {}};
  const nn::ParameterStore& store = learning().parameters();
  for (const nn::TensorSpec& t : transformer_.tensors("policy", store.agents())) {
    const auto x = store.agent(store.find(t.name), agent);
    policy.parameters.emplace_back(x.begin(), x.end());
  }
  write_token_policy(path, policy, about);
}

}  // namespace hardy::algorithms
