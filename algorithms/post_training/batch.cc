#include "algorithms/post_training/batch.h"

#include <algorithm>
#include <cmath>

namespace hardy::algorithms {
namespace {

bool succeeded(const GroupOutcome& group, std::size_t rollout) {
  return group.successes.empty() ? group.returns[rollout] > 0.5 : group.successes[rollout] != 0;
}

Balance balance(const GroupOutcome& group, const PostTrainingSettings& s, bool imitates, bool rolls_out) {
  const int n = static_cast<int>(group.returns.size());
  switch (s.when) {
    case When::kGate:
      if (s.gate_kind == "running")
        return group.solved_share * n > static_cast<double>(s.gate) ? Balance{1, 0} : Balance{0, 1};
      return balance_of(s.gate_kind == "soft" ? Gate::kSoft : Gate::kSwitch, solved_of(group), n,
                        static_cast<int>(s.gate));
    default:
      return {rolls_out ? 1.0 : 0.0, imitates ? 1.0 : 0.0};
  }
}

// lambda0 lambda1^step max A over the batch's rollouts: 0 where no group has a better one.
double faded(const std::vector<GroupOutcome>& groups, const PostTrainingSettings& s,
             const Estimator& rollouts, std::int64_t step) {
  double most = 0;
  for (const GroupOutcome& g : groups)
    for (const double a : advantages(g.returns, rollouts.advantage)) most = std::max(most, a);
  return s.lambda0 * std::pow(s.lambda1, static_cast<double>(step)) * most;
}

}  // namespace

int solved_of(const GroupOutcome& group) {
  int solved = 0;
  for (std::size_t r = 0; r < group.returns.size(); ++r) solved += succeeded(group, r);
  return solved;
}

WeighedBatch weigh(const std::vector<GroupOutcome>& groups, const PostTrainingSettings& s,
                   const Estimator& rollouts, const Estimator& demonstrations, bool imitates, bool rolls_out,
                   std::int64_t step) {
  WeighedBatch batch;
  const double fade = s.fading ? faded(groups, s, rollouts, step) : 1;
  batch.groups = static_cast<double>(groups.size());
  double answers = 0, answer_tokens = 0, demonstration_tokens = 0;
  for (const GroupOutcome& g : groups) {
    answers += static_cast<double>(g.returns.size());
    for (const std::int64_t length : g.lengths) answer_tokens += static_cast<double>(length);
    demonstration_tokens += static_cast<double>(g.demonstration_length);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const GroupOutcome& g = groups[i];
    Balance share = balance(g, s, imitates, rolls_out);
    share.sft *= fade;
    const bool imitated = share.sft > 0 && g.demonstration_length > 0;
    batch.demonstrations += imitated;
    std::vector<double> returns = g.returns;
    const bool joined = demonstrations.union_group && imitated;
    if (joined) returns.push_back(g.demonstration_return);
    std::vector<double> a = advantages(returns, rollouts.advantage);
    if (s.entropy_weighted)
      for (std::size_t r = 0; r < g.returns.size(); ++r) a[r] = succeeded(g, r) ? 1 : -1;
    const auto group = static_cast<std::int32_t>(i);
    // A divergence pulls on every answer, whatever its advantage.
    const bool pulled = rollouts.divergence != Divergence::kNone && rollouts.divergence_weight > 0;
    if (share.rl > 0)
      for (std::size_t r = 0; r < g.returns.size(); ++r) {
        if (!std::isfinite(g.returns[r])) continue;
        if (a[r] == 0 && !pulled && s.entropy_weight == 0) continue;
        const double w = token_weight(rollouts.aggregation, static_cast<double>(g.lengths[r]), answers,
                                      answer_tokens, rollouts.max_length);
        const auto weight = static_cast<float>(share.rl * s.rl_weight * w);
        const bool praised = s.entropy_weighted && a[r] > 0;
        batch.rows.push_back({group, static_cast<std::int32_t>(r), static_cast<float>(a[r]),
                              praised ? 0 : weight, 0, praised ? weight : 0, 0});
      }
    if (imitated) {
      const double advantage =
          joined ? advantages(returns, demonstrations.advantage).back()
                 : advantages(std::vector<double>{g.demonstration_return}, demonstrations.advantage)[0];
      if (advantage == 0 && !s.entropy_weighted) continue;
      const double w = token_weight(demonstrations.aggregation, static_cast<double>(g.demonstration_length),
                                    batch.groups, demonstration_tokens, demonstrations.max_length);
      const double of_a_mean = 1 / (batch.groups * static_cast<double>(g.demonstration_length));
      batch.rows.push_back(
          {group, -1, static_cast<float>(advantage), 0, static_cast<float>(share.sft * s.sft_weight * w), 0,
           s.entropy_weighted ? static_cast<float>(share.sft * s.sft_weight * of_a_mean) : 0});
    }
  }
  return batch;
}

}  // namespace hardy::algorithms
