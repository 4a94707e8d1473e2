#include "algorithms/post_training/settings.h"

#include <cmath>

#include "engine/base/error.h"
#include "engine/base/registry.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

const std::vector<std::string> kGates{"switch", "soft", "running"};
const std::vector<std::string> kAggregations{"",          "sequence_mean",   "token_mean",
                                             "token_sum", "token_sum_fixed", "token_sum_total"};
const std::vector<std::string> kDivergences{"none", "k1", "k2", "k3", "ratio_k3"};

std::size_t place_of(const std::vector<std::string>& names, const std::string& name, const std::string& key) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  throw Error("is none of the choices", key + " " + name);
}

using Row = std::pair<const char*, PostTrainingSettings>;

Registry<Row> make_methods() {
  Registry<Row> all("post-training method", "train");
  const auto add = [&](const char* name, const char* about, const PostTrainingSettings& s) {
    all.add(name, {about, s});
  };
  // RL's sum over tokens divided by the number of rollouts, times rl_weight; a demonstration's mean over
  // tokens divided by the number of prompts: the objective of HPT's text, prompt by prompt.
  PostTrainingSettings hpt;
  hpt.rollout_aggregation = "token_sum";
  add("hpt", "Hybrid Post-Training: a prompt is imitated where its rollouts fail, else reinforced", hpt);
  PostTrainingSettings sft;
  sft.when = When::kDemonstrations;
  add("sft", "supervised fine-tuning on demonstrations", sft);
  for (const auto& [name, estimator, about] :
       {std::tuple{"grpo", "grpo", "group-relative policy optimisation"},
        std::tuple{"dr_grpo", "dr_grpo", "GRPO without deviations and lengths"},
        std::tuple{"rloo", "rloo", "REINFORCE, leave one out"},
        std::tuple{"dapo", "dapo", "GRPO, clip-higher, mean over tokens"},
        std::tuple{"gspo", "gspo", "GRPO by the sequence's ratio"}}) {
    PostTrainingSettings s;
    s.when = When::kRollouts;
    s.rollout_estimator = estimator;
    add(name, about, s);
  }
  PostTrainingSettings then = hpt;
  then.when = When::kSequence;
  add("sft_then_grpo", "demonstrations for a share of the steps, then rollouts", then);
  PostTrainingSettings mix = hpt;
  mix.when = When::kBoth;
  add("mix", "both losses of every prompt, in a fixed proportion", mix);
  PostTrainingSettings luffy;
  luffy.when = When::kBoth;
  luffy.rollout_estimator = "importance";
  luffy.demonstration_estimator = "luffy_demonstrations";
  luffy.rollout_aggregation = luffy.demonstration_aggregation = "token_sum_fixed";
  luffy.rollouts = 7;  // and the demonstration, in one group of 8
  add("luffy", "LUFFY: demonstrations in the group, by a reshaped likelihood", luffy);
  // SRFT (Fu et al. 2025, arXiv 2506.19767) weighs rows by the policy's own entropy H, detached and averaged
  // over the row: a demonstration is imitated by 0.5 e^-H beside its place in the group, a right answer is
  // reinforced by 0.1 e^H and a wrong one by -1, both of log pi.
  PostTrainingSettings srft = luffy;
  srft.demonstration_estimator = "srft_demonstrations";
  srft.rollout_estimator = "reinforce";
  srft.entropy_weighted = true;
  add("srft", "SRFT: imitation and reinforcement in one step, weighed by the policy's entropy", srft);
  PostTrainingSettings dapg = mix;
  dapg.demonstration_aggregation = "token_sum";
  dapg.fading = dapg.control_only = true;
  add("dapg", "DAPG's demonstrations, whose weight fades, beside rollouts (control)", dapg);
  PostTrainingSettings awr;
  awr.when = When::kBoth;
  awr.rollout_estimator = "awr";
  awr.demonstration_estimator = "awr_demonstrations";
  awr.control_only = true;
  add("awr", "advantage-weighted regression, demonstrations in the group (control)", awr);
  return all;
}
const Registry<Row>& methods_table() {
  static const Registry<Row> all = make_methods();
  return all;
}

Estimator estimator_of(const std::string& name, const std::string& aggregation, double max_length,
                       double lambda) {
  Estimator e = estimator_named(name);
  if (!aggregation.empty())
    e.aggregation = static_cast<Aggregation>(place_of(kAggregations, aggregation, "aggregation") - 1);
  e.max_length = max_length;
  e.advantage.lambda = lambda;
  return e;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> post_training_methods() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, row] : methods_table()) all.emplace_back(name, row.first);
  return all;
}
bool is_post_training(const std::string& method) { return methods_table().find(method) != nullptr; }
PostTrainingSettings post_training_settings(const std::string& method) {
  return methods_table().get(method).second;
}

void PostTrainingSettings::options(run::Schema& s) {
  std::vector<std::string> known;
  for (const auto& [name, about] : estimators()) known.push_back(name);
  s.section("estimator")
      .option("rollout-estimator", &rollout_estimator, "a row of the table (docs/post_training.md)", known)
      .option("demonstration-estimator", &demonstration_estimator, "likewise, of demonstrations", known)
      .option("rollout-aggregation", &rollout_aggregation, "weight of a token; empty: the estimator's own",
              kAggregations)
      .option("demonstration-aggregation", &demonstration_aggregation, "likewise, of demonstrations",
              kAggregations)
      .option("rl-weight", &rl_weight,
              "what the loss of rollouts is multiplied by; under token_sum its unit is one over the batch's "
              "rollouts",
              0.0)
      .option("sft-weight", &sft_weight, "what the loss of demonstrations is multiplied by", 0.0)
      .option("lambda0", &lambda0, "of dapg: the weight of demonstrations is lambda0 lambda1^step max A", 0.0)
      .option("lambda1", &lambda1, "of dapg", 0.0, 1.0)
      .option("lambda", &lambda, "of awr: an advantage A weighs exp(A / lambda), 20 at most", 1e-6)
      .option("prompts-a-step", &prompts, "prompts (or starts) of an optimiser batch", 1, 1 << 20)
      .option("rollouts", &rollouts, "answers sampled to a prompt, or episodes from a start", 1, 4096)
      .option("gate-kind", &gate_kind,
              "of hpt: switch at --gate; soft: a table of shares; running: the switch, on a running estimate "
              "of how often a prompt is solved",
              kGates)
      .option("gate", &gate,
              "of hpt: a prompt is imitated where at most so many of its rollouts solved it; -1: never", -1,
              4096)
      .option("gate-memory", &gate_memory,
              "of --gate-kind running: what a visit keeps of a prompt's estimate", 0.0, 1.0)
      .option("switch-at", &switch_at, "of sft_then_grpo: share of the steps that imitate", 0.0, 1.0)
      .option("updates", &updates, "optimiser steps a batch of rollouts, each on its share of the prompts", 1,
              1024)
      .option("temperature", &temperature, "of rollouts, and of the likelihood that is trained", 0.01, 100.0)
      .option("entropy-weight", &entropy_weight, "of the entropy's bonus on rollouts", 0.0)
      .option("kl", &divergence, "estimator of the divergence from the policy that training began with",
              kDivergences)
      .option("kl-weight", &divergence_weight, "its weight", 0.0)
      .option("verify-demos", &verify_demonstrations,
              "a demonstration that the verifier rejects is never imitated")
      .option("count-truncated", &count_truncated,
              "an answer that is cut off counts as a failure; else nowhere");
  s.section("descent")
      .option("learning-rate", &learning_rate, "of AdamW", 0.0)
      .option("schedule", &schedule, "of the learning rate, to 0 at the last step", {"constant", "cosine"})
      .option("warmup", &warmup, "steps over which the learning rate rises from 0", 0, 1 << 30)
      .option("weight-decay", &weight_decay, "decoupled", 0.0)
      .option("clip-norm", &clip_norm, "2-norm that the gradient is held to; 0: off", 0.0);
}

void PostTrainingSettings::check(bool densities) const {
  rollouts_by(1e9).check(densities);
  demonstrations_by(1e9).check(densities);
  if (gate > rollouts)
    throw Error("is more than the rollouts, of which there are " + std::to_string(rollouts),
                "--gate " + std::to_string(gate),
                "from -1 (reinforce always) to " + std::to_string(rollouts) + " (imitate always)");
  if (when == When::kGate && gate_kind == "soft" && rollouts != 8)
    throw Error("the soft table has entries for 8 rollouts", "--rollouts " + std::to_string(rollouts));
  if (micro_batches > prompts)
    throw Error("are more than the prompts of a step, of which there are " + std::to_string(prompts),
                "--micro-batches " + std::to_string(micro_batches));
  if (prompts % updates != 0)
    throw Error("does not divide the prompts of a step, " + std::to_string(prompts),
                "--updates " + std::to_string(updates));
  if (!std::isfinite(rl_weight) || !std::isfinite(sft_weight) || !std::isfinite(learning_rate))
    throw Error("weights and rates are finite numbers", "--rl-weight, --sft-weight, --learning-rate");
}

Estimator PostTrainingSettings::rollouts_by(double max_length) const {
  Estimator e = estimator_of(rollout_estimator, rollout_aggregation, max_length, lambda);
  e.divergence = static_cast<Divergence>(place_of(kDivergences, divergence, "--kl"));
  e.divergence_weight = divergence_weight;
  return e;
}
Estimator PostTrainingSettings::demonstrations_by(double max_length) const {
  return estimator_of(demonstration_estimator, demonstration_aggregation, max_length, lambda);
}

bool PostTrainingSettings::rolls_out(std::int64_t step, std::int64_t steps) const {
  if (when == When::kSequence) return !imitates(step, steps);
  return when != When::kDemonstrations;
}
bool PostTrainingSettings::imitates(std::int64_t step, std::int64_t steps) const {
  if (when == When::kSequence) return static_cast<double>(step) < switch_at * static_cast<double>(steps);
  return when != When::kRollouts;
}
std::string PostTrainingSettings::when_in_words() const {
  static constexpr const char* kWords[] = {"rollouts", "demonstrations", "both", "sequence"};
  return when == When::kGate ? gate_kind : kWords[static_cast<int>(when)];
}
bool PostTrainingSettings::needs_demonstrations() const {
  return when != When::kRollouts && !(when == When::kSequence && switch_at == 0);
}

}  // namespace hardy::algorithms
