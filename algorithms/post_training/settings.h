// What a post-training method is: an estimator for rollouts, one for demonstrations, and when each speaks.
// The named methods are settings of one trainer; any mix of theirs is one as well.
#pragma once

#include <string>
#include <vector>

#include "algorithms/post_training/estimator.h"
#include "engine/nn/schedules.h"

namespace hardy::run {
class Schema;
}

namespace hardy::algorithms {

// Which prompts' demonstrations are imitated, and which prompts' rollouts reinforce.
enum class When {
  kRollouts,        // rollouts alone: GRPO, Dr.GRPO, RLOO, ...
  kDemonstrations,  // demonstrations alone: SFT
  kBoth,            // both, always: a fixed mix, LUFFY, SRFT
  kSequence,        // demonstrations until a share of the steps is done, then rollouts: SFT, then GRPO
  kGate             // HPT: per prompt, by how many of its rollouts solved it
};

struct PostTrainingSettings {
  When when = When::kGate;
  std::string rollout_estimator = "dr_grpo", demonstration_estimator = "sft";
  std::string rollout_aggregation, demonstration_aggregation;  // "": the estimator's own
  double rl_weight = 1, sft_weight = 1;
  bool fading = false;  // DAPG: demonstrations weigh lambda0 lambda1^k max A at step k besides
  double lambda0 = 0.1, lambda1 = 0.95;
  double lambda = 1;                        // of exponential advantages: AWR's temperature
  bool control_only = false;                // of control policies alone
  std::int64_t prompts = 32, rollouts = 8;  // of an optimiser batch; of a prompt
  std::int64_t micro_batches = 1;           // parts that a step's prompts are answered in
  std::string gate_kind = "switch";  // soft: the table of shares; running: switch on a running estimate
  std::int64_t gate = 0;     // switch, running: imitate where at most this many of the rollouts solved it
  double gate_memory = 0.7;  // running: what a visit keeps of the estimate before
  double switch_at = 0.5;    // kSequence
  std::int64_t updates = 1;  // optimiser steps a batch of rollouts
  double temperature = 1;
  double entropy_weight = 0;
  std::string divergence = "none";
  double divergence_weight = 0;
  bool entropy_weighted = false;       // SRFT: see settings.cc
  bool verify_demonstrations = false;  // one that the verifier rejects is never imitated
  bool count_truncated = true;         // a truncated answer counts as a failure; else it counts nowhere
  double learning_rate = 1e-3, weight_decay = 0.01, clip_norm = 1;
  std::string schedule = "constant";  // or cosine, to 0 at the last step
  std::int64_t warmup = 0;

  void options(run::Schema& schema);
  // Refuses what has no meaning; densities: the policy is one of continuous actions.
  void check(bool densities) const;
  // max_length: Lmax, where the aggregation needs one.
  Estimator rollouts_by(double max_length) const;
  Estimator demonstrations_by(double max_length) const;
  bool rolls_out(std::int64_t step, std::int64_t steps) const;
  bool imitates(std::int64_t step, std::int64_t steps) const;
  bool needs_demonstrations() const;
  std::string when_in_words() const;  // rollouts, demonstrations, both, sequence, or the gate's kind
};

// Names of methods with what they are, and the settings of one; an unknown name is an Error with the nearest.
std::vector<std::pair<std::string, std::string>> post_training_methods();
bool is_post_training(const std::string& method);
PostTrainingSettings post_training_settings(const std::string& method);

}  // namespace hardy::algorithms
