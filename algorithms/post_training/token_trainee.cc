#include "algorithms/post_training/token_trainee.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"

namespace hardy::algorithms {
namespace {

std::size_t longest_of(const std::vector<std::vector<std::int32_t>>& all) {
  std::size_t longest = 0;
  for (const auto& tokens : all) longest = std::max(longest, tokens.size());
  return longest;
}

nn::Schedule schedule_of(const PostTrainingSettings& s, std::int64_t steps) {
  const std::int64_t all = steps * s.updates;
  nn::Schedule schedule = s.schedule == "cosine" ? nn::Schedule::cosine(s.learning_rate, 0, all)
                                                 : nn::Schedule::constant(s.learning_rate);
  return s.warmup > 0 ? schedule.warmed_up(s.warmup) : schedule;
}

}  // namespace

TokenTrainee::TokenTrainee(TokenData data, const PostTrainingSettings& settings,
                           const nn::TransformerSpec& spec, std::vector<std::uint64_t> seeds,
                           std::int64_t steps, std::int64_t sequences, const std::vector<TokenPolicy>& base)
    : data_(std::move(data)),
      settings_(settings),
      transformer_(spec),
      alphabet_(data_.characters),
      steps_(steps),
      verify_(verifier_of(data_.task)),
      learner_(std::move(seeds)),
      rollouts_(settings.rollouts_by(static_cast<double>(data_.longest_answer))),
      demonstrations_by_(settings.demonstrations_by(static_cast<double>(data_.longest_answer))) {
  for (const PromptRow& row : data_.train.rows) {
    prompts_.push_back(alphabet_.encode(row.prompt, "prompt " + row.prompt));
    demonstrations_.emplace_back();
    if (!settings_.needs_demonstrations()) continue;
    if (row.demonstration.empty() || (settings_.verify_demonstrations && !row.accepted)) continue;
    demonstrations_.back() = alphabet_.encode(row.demonstration, "demonstration of " + row.prompt);
    demonstrations_.back().push_back(alphabet_.end());
    if (static_cast<std::int64_t>(demonstrations_.back().size()) > data_.longest_answer)
      throw Error("is longer than the longest answer, " + std::to_string(data_.longest_answer) + " tokens",
                  "demonstration of " + row.prompt, "raise --max-tokens");
  }
  if (static_cast<std::int64_t>(prompts_.size()) < settings_.prompts)
    throw Error("are fewer than a step takes, " + std::to_string(settings_.prompts),
                std::to_string(prompts_.size()) + " prompts", "lower --prompts-a-step");
  const auto longest = static_cast<std::int64_t>(longest_of(prompts_));
  if (longest + data_.longest_answer - 1 > transformer_.spec().context)
    throw Error("a prompt of " + std::to_string(longest) + " tokens and an answer of " +
                    std::to_string(data_.longest_answer) + " do not fit",
                "context " + std::to_string(transformer_.spec().context),
                "a policy's context is chosen when its base is trained: --context");

  const Network network = learner_.network("policy", std::make_shared<nn::Transformer>(transformer_.spec()));
  Network reference;
  const bool pulled = settings_.divergence_weight > 0 && rollouts_.divergence != Divergence::kNone;
  if (pulled)
    reference = learner_.network("reference", std::make_shared<nn::Transformer>(transformer_.spec()),
                                 nn::Role::kFrozen);
  Descent descent;
  descent.learning_rate = schedule_of(settings_, steps_);
  descent.clip_norm = settings_.clip_norm;
  descent.rule.rule = nn::GroupSettings::Rule::kAdamW;
  descent.rule.weight_decay = settings_.weight_decay;
  update_ = std::make_unique<TokenUpdate>(
      learner_, transformer_, network, pulled ? &reference : nullptr, rollouts_, demonstrations_by_,
      settings_.temperature, settings_.entropy_weight, descent,
      TokenUpdateSizes{sequences, longest + data_.longest_answer - 1, settings_.entropy_weighted});
  learner_.finish();
  load(base);
  const std::vector<std::uint64_t> own(learner_.seeds().begin(), learner_.seeds().end());
  learner_.write_parameters([&](nn::ParameterStore& store) {
    if (settings_.when != When::kDemonstrations)
      decoder_ = std::make_unique<Decoder>(transformer_, "policy", store, own,
                                           DecoderSizes{settings_.prompts, settings_.rollouts, longest,
                                                        data_.longest_answer, settings_.temperature},
                                           alphabet_.end());
    if (!data_.test.rows.empty())
      evaluation_ = std::make_unique<TokenEvaluation>(transformer_, store, own, alphabet_, data_.test,
                                                      verify_, data_.eval_samples, data_.longest_answer);
  });
  const auto agents = static_cast<std::size_t>(learner_.agents());
  flop_.assign(agents, 0);
  estimate_.assign(agents, std::vector<float>(prompts_.size(), -1));
  state_of_.assign(agents, std::vector<std::uint8_t>(prompts_.size(), 0));
}

// Policies as the base has them, where there is one; what holds them back begins as their copy.
void TokenTrainee::load(const std::vector<TokenPolicy>& base) {
  learner_.write_parameters([&](nn::ParameterStore& store) {
    const std::int64_t agents = learner_.agents();
    const std::vector<nn::TensorSpec> policy = transformer_.tensors("policy", agents),
                                      reference = transformer_.tensors("reference", agents);
    for (std::size_t i = 0; i < policy.size(); ++i)
      for (std::int64_t a = 0; a < agents; ++a) {
        const std::span<float> own = store.agent(store.find(policy[i].name), a);
        if (!base.empty())
          std::ranges::copy(base[static_cast<std::size_t>(a) % base.size()].parameters[i], own.begin());
        if (const int held = store.find(reference[i].name); held >= 0)
          std::ranges::copy(own, store.agent(held, a).begin());
      }
  });
}

// Prompt j of step t is the (t prompts + j)-th of shuffled passes over the set, each pass in an order of its
// own.
void TokenTrainee::choose(std::size_t agent, Chosen& chosen) const {
  const auto count = static_cast<std::int64_t>(prompts_.size());
  std::vector<std::uint32_t> order(prompts_.size());
  std::int64_t shuffled = -1;
  for (std::int64_t j = 0; j < settings_.prompts; ++j) {
    const std::int64_t at = t_ * settings_.prompts + j, pass = at / count;
    if (pass != shuffled) {
      Random(learner_.seeds()[agent], RandomStream::kShuffle, static_cast<std::uint64_t>(pass))
          .permutation(order);
      shuffled = pass;
    }
    chosen.prompts.push_back(order[static_cast<std::size_t>(at % count)]);
  }
}

void TokenTrainee::judge(std::size_t agent, Chosen& chosen) {
  for (std::size_t p = 0; p < chosen.prompts.size(); ++p) {
    const std::size_t prompt = chosen.prompts[p];
    const PromptRow& row = data_.train.rows[prompt];
    GroupOutcome group;
    group.demonstration_length = static_cast<std::int64_t>(demonstrations_[prompt].size());
    group.demonstration_return = row.accepted ? 1 : 0;
    if (!chosen.answers.empty()) {
      for (const DecodedAnswer& answer : chosen.answers[p]) {
        const double failed = settings_.count_truncated ? 0 : std::numeric_limits<double>::quiet_NaN();
        group.returns.push_back(answer.ended ? verify_(row, alphabet_.decode(answer.tokens)) : failed);
        group.lengths.push_back(static_cast<std::int64_t>(answer.tokens.size()));
      }
      const int solved = solved_of(group);
      std::uint8_t& state = state_of_[agent][prompt];
      state = std::max<std::uint8_t>(state, solved > 0 ? 2 : 1);
      float& estimate = estimate_[agent][prompt];
      const float share = static_cast<float>(solved) / static_cast<float>(group.returns.size());
      const auto memory = static_cast<float>(settings_.gate_memory);
      estimate = estimate < 0 ? share : memory * estimate + (1 - memory) * share;
      group.solved_share = static_cast<double>(estimate);
    }
    chosen.groups.push_back(std::move(group));
  }
}

void TokenTrainee::step(ThreadTeam& team) {
  const auto agents = static_cast<std::size_t>(learner_.agents());
  const bool imitates = settings_.imitates(t_, steps_), rolls_out = settings_.rolls_out(t_, steps_);
  std::vector<Chosen> chosen(agents);
  for (std::size_t a = 0; a < agents; ++a) choose(a, chosen[a]);
  if (rolls_out) {
    std::vector<std::vector<DecoderPrompt>> prompts(agents);
    for (std::size_t a = 0; a < agents; ++a)
      for (const std::size_t prompt : chosen[a].prompts)
        prompts[a].push_back({&prompts_[prompt], static_cast<std::int32_t>(prompt)});
    auto answers = decoder_->decode(prompts, static_cast<std::int32_t>(t_), team);
    for (std::size_t a = 0; a < agents; ++a) chosen[a].answers = std::move(answers[a]);
  }
  for (std::size_t a = 0; a < agents; ++a) judge(a, chosen[a]);

  const auto each = static_cast<std::size_t>(settings_.prompts / settings_.updates);
  std::vector<WeighedBatch> all(agents);
  std::vector<TokenUpdate::Seen> seen(agents);
  for (std::int64_t u = 0; u < settings_.updates; ++u) {
    std::vector<std::vector<TokenRow>> rows(agents);
    const std::size_t first = static_cast<std::size_t>(u) * each;
    for (std::size_t a = 0; a < agents; ++a) {
      const Chosen& c = chosen[a];
      const std::vector<GroupOutcome> groups(c.groups.begin() + static_cast<std::ptrdiff_t>(first),
                                             c.groups.begin() + static_cast<std::ptrdiff_t>(first + each));
      const WeighedBatch batch = weigh(groups, settings_, rollouts_, demonstrations_by_, imitates, rolls_out);
      for (const WeighedRow& row : batch.rows) {
        const std::size_t p = first + static_cast<std::size_t>(row.group), prompt = c.prompts[p];
        const DecodedAnswer* answer =
            row.rollout >= 0 ? &c.answers[p][static_cast<std::size_t>(row.rollout)] : nullptr;
        rows[a].push_back({&prompts_[prompt], answer ? &answer->tokens : &demonstrations_[prompt],
                           answer ? &answer->log_prob : nullptr, row.advantage, row.rollout_weight,
                           row.demonstration_weight, row.praise_weight, row.imitation_weight,
                           static_cast<std::int64_t>(prompt) * (settings_.rollouts + 1) + row.rollout + 1});
      }
      all[a].demonstrations += batch.demonstrations;
      all[a].groups += batch.groups;
    }
    update_->set_rows(std::move(rows));
    learner_.step(team);
    for (std::size_t a = 0; a < agents; ++a) {
      const TokenUpdate::Seen& s = update_->seen()[a];
      flop_[a] += 3 * transformer_.flops_a_token() * static_cast<double>(s.read);
      seen[a].difference = u == 0 ? s.difference : seen[a].difference;  // later ones are meant to differ
      seen[a].outside += s.outside;
      seen[a].rollout_tokens += s.rollout_tokens;
      seen[a].tokens += s.tokens;
    }
  }
  ++t_;
  report(chosen, all);
  reports_["tflop"].resize(agents);
  for (std::size_t a = 0; a < agents; ++a) {
    for (const std::size_t prompt : chosen[a].prompts) {
      if (!rolls_out) break;
      flop_[a] += transformer_.flops_a_token() * static_cast<double>(prompts_[prompt].size() - 1);
    }
    for (const auto& of_prompt : chosen[a].answers)
      for (const DecodedAnswer& answer : of_prompt)
        flop_[a] += transformer_.flops_a_token() * static_cast<double>(answer.tokens.size());
    reports_["tflop"][a] = 1e-12 * flop_[a];
  }
  for (std::size_t a = 0; a < agents; ++a) {
    reports_["tokens"].push_back(static_cast<double>(seen[a].tokens));
    if (!rolls_out) continue;
    reports_["log_prob_difference/max"].push_back(seen[a].difference);
    reports_["clip_share"].push_back(static_cast<double>(seen[a].outside) /
                                     std::max(1.0, static_cast<double>(seen[a].rollout_tokens)));
  }
}

void TokenTrainee::report(const std::vector<Chosen>& chosen, const std::vector<WeighedBatch>& batches) {
  reports_.clear();
  const std::size_t bands = data_.train.bands.size();
  for (std::size_t a = 0; a < chosen.size(); ++a) {
    const Chosen& c = chosen[a];
    double solved = 0, answers = 0, entropy = 0, length = 0, truncated = 0, failed = 0;
    std::vector<double> by_band(bands, 0), in_band(bands, 0);
    for (std::size_t p = 0; p < c.groups.size(); ++p) {
      const auto band = static_cast<std::size_t>(data_.train.rows[c.prompts[p]].band);
      const int right = solved_of(c.groups[p]);
      solved += right;
      by_band[band] += right;
      in_band[band] += static_cast<double>(c.groups[p].returns.size());
      answers += static_cast<double>(c.groups[p].returns.size());
      for (const double r : c.groups[p].returns) failed += !std::isfinite(r);
      if (c.answers.empty()) continue;
      for (const DecodedAnswer& answer : c.answers[p]) {
        entropy += answer.entropy;
        length += static_cast<double>(answer.tokens.size());
        truncated += !answer.ended;
      }
    }
    reports_["offline_share"].push_back(batches[a].demonstrations / batches[a].groups);
    if (answers == 0) continue;
    reports_["train_solve/mean"].push_back(solved / answers);
    for (std::size_t b = 0; b < bands; ++b)
      reports_["train_solve/" + data_.train.bands[b]].push_back(
          in_band[b] > 0 ? by_band[b] / in_band[b] : std::numeric_limits<double>::quiet_NaN());
    reports_["entropy"].push_back(entropy / answers);
    reports_["answer_length"].push_back(length / answers);
    reports_["truncated_share"].push_back(truncated / answers);
    reports_["verifier_failures"].push_back(failed);
  }
}

// What takes a walk over all parameters or prompts is computed for a record alone.
ReportValues TokenTrainee::own_reports() const {
  ReportValues reports = reports_;
  const nn::ParameterStore& store = learner_.parameters();
  for (std::int64_t a = 0; a < store.agents(); ++a) {
    double square = 0;
    for (int t = 0; t < store.size(); ++t) {
      if (store.role(t) != nn::Role::kTrainable) continue;
      const std::int64_t n = store.shape(t).elements() / store.agents();
      for (const float g : std::span(store.gradient(t) + a * n, static_cast<std::size_t>(n)))
        square += static_cast<double>(g) * static_cast<double>(g);
    }
    reports["gradient_norm"].push_back(std::sqrt(square));
    if (reports_.contains("train_solve/mean"))
      reports["still_failing"].push_back(static_cast<double>(still_failing(a)));
  }
  return reports;
}

std::int64_t TokenTrainee::still_failing(std::int64_t agent) const {
  return std::ranges::count(state_of_[static_cast<std::size_t>(agent)], std::uint8_t{1});
}

std::string TokenTrainee::warning() const {
  const auto truncated = reports_.find("truncated_share");
  if (truncated == reports_.end() ||
      std::ranges::none_of(truncated->second, [](double share) { return share >= 1; }))
    return "";
  return "every answer was cut off, at --max-tokens " + std::to_string(data_.longest_answer) +
         ": raise --max-tokens, or give a --base that has learned to end";
}

// still_failing.jsonl: the prompts that rollouts met and never solved, and the agents that failed.
void TokenTrainee::leave_in(const std::filesystem::path& run) const {
  std::string text;
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    nlohmann::json agents = nlohmann::json::array();
    for (std::size_t a = 0; a < state_of_.size(); ++a)
      if (state_of_[a][p] == 1) agents.push_back(a);
    if (agents.empty()) continue;
    const PromptRow& row = data_.train.rows[p];
    const nlohmann::json line{{"prompt", row.prompt},
                              {"band", data_.train.bands[static_cast<std::size_t>(row.band)]},
                              {"demonstration_accepted", row.accepted},
                              {"agents", agents}};
    text += run::json_text(line, -1) + "\n";
  }
  run::write_atomically(run / "still_failing.jsonl", text);
}

void TokenTrainee::write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                                   const nlohmann::json& about) {
  TokenPolicy policy{transformer_.spec(), data_.characters, data_.task_name, {}};
  const nn::ParameterStore& store = learner_.parameters();
  for (const nn::TensorSpec& t : transformer_.tensors("policy", learner_.agents())) {
    const auto x = store.agent(store.find(t.name), agent);
    policy.parameters.emplace_back(x.begin(), x.end());
  }
  write_token_policy(path, policy, about);
}

void TokenTrainee::save(run::ArchiveWriter& file) const {
  file.header()["post_training"] = {{"step", t_}};
  const auto agents = learner_.agents(), count = static_cast<std::int64_t>(prompts_.size());
  std::vector<float> estimates;
  std::vector<std::uint8_t> states;
  for (std::size_t a = 0; a < estimate_.size(); ++a) {
    estimates.insert(estimates.end(), estimate_[a].begin(), estimate_[a].end());
    states.insert(states.end(), state_of_[a].begin(), state_of_[a].end());
  }
  file.add<float>("post_training/estimates", Shape{agents, count}, std::span<const float>(estimates));
  file.add<double>("post_training/flop", Shape{agents}, std::span<const double>(flop_));
  file.add<std::uint8_t>("post_training/states", Shape{agents, count}, std::span<const std::uint8_t>(states));
}

void TokenTrainee::restore(const run::Archive& file) {
  const auto estimates = file.get<float>("post_training/estimates");
  const auto states = file.get<std::uint8_t>("post_training/states");
  const auto flop = file.get<double>("post_training/flop");
  if (estimates.size() != estimate_.size() * prompts_.size() || states.size() != estimates.size() ||
      flop.size() != flop_.size())
    throw Error("the state is of another number of prompts");
  t_ = file.header().at("post_training").at("step");
  flop_.assign(flop.begin(), flop.end());
  for (std::size_t a = 0; a < estimate_.size(); ++a) {
    std::copy_n(estimates.begin() + static_cast<std::ptrdiff_t>(a * prompts_.size()), prompts_.size(),
                estimate_[a].begin());
    std::copy_n(states.begin() + static_cast<std::ptrdiff_t>(a * prompts_.size()), prompts_.size(),
                state_of_[a].begin());
  }
}

}  // namespace hardy::algorithms
