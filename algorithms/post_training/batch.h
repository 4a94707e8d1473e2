// From the groups of one optimiser batch to rows that the estimator weighs: what each answer and each
// demonstration counts. Weights are of the whole batch, however it is computed afterwards, and rows whose
// coefficient is 0 whatever the policy are left out.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/post_training/settings.h"

namespace hardy::algorithms {

// One prompt's (or one start's) answers, and its demonstration.
struct GroupOutcome {
  std::vector<double> returns;        // of its rollouts, NaN: its verifier failed; empty: none were made
  std::vector<std::int64_t> lengths;  // of the rollouts, in tokens or steps
  double demonstration_return = 1;
  std::int64_t demonstration_length = 0;  // 0: there is none, or it may not be imitated
  std::vector<std::uint8_t> successes;    // of the rollouts; empty: returns above 0.5
  double solved_share = -1;               // of the running gate: the estimate; < 0: this batch's own share
};

struct WeighedRow {
  std::int32_t group, rollout;  // rollout -1: the demonstration
  float advantage;
  float rollout_weight, demonstration_weight;  // of each of its tokens; one of them is 0
  // Of SRFT alone: what stands before 0.1 e^H of a right answer and before 0.5 e^-H of a demonstration.
  float praise_weight = 0, imitation_weight = 0;
};

struct WeighedBatch {
  std::vector<WeighedRow> rows;           // by group, rollouts first
  double demonstrations = 0, groups = 0;  // how many were imitated, of how many
};

int solved_of(const GroupOutcome& group);
WeighedBatch weigh(const std::vector<GroupOutcome>& groups, const PostTrainingSettings& settings,
                   const Estimator& rollouts, const Estimator& demonstrations, bool imitates, bool rolls_out,
                   std::int64_t step = 0);

}  // namespace hardy::algorithms
