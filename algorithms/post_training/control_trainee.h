// Post-training of a control policy (group_trainee.h): items are starts of an environment, rollouts are
// episodes from the same start, and a return that is high enough is a success.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/acting/policy_file.h"
#include "algorithms/acting/rollout.h"
#include "algorithms/post_training/control_data.h"
#include "algorithms/post_training/control_evaluation.h"
#include "algorithms/post_training/control_policy.h"
#include "algorithms/post_training/control_update.h"
#include "algorithms/post_training/group_trainee.h"

namespace hardy::algorithms {

struct ControlTraining {
  double initial_log_std = -0.5, log_std_floor = -3;  // of a kGaussian head
  std::int64_t eval_episodes = 10;
  std::uint64_t eval_seed = 42;
};

class ControlTrainee final : public GroupTrainee {
 public:
  // spec: with the environment's sizes and bounds. steps: those of the whole run. base: none, one for all
  // agents, or one an agent, of that spec. An Error where there are fewer starts than a step takes. ranks:
  // processes that share the rollouts' environments by index and take the passes of an update in turn.
  ControlTrainee(ControlData data, const PostTrainingSettings& settings, const PolicySpec& spec,
                 const ControlTraining& how, std::vector<std::uint64_t> seeds, std::int64_t steps,
                 const std::vector<LoadedPolicy>& base, comm::Ranks& ranks = comm::alone());

  PolicySpec policy() const override { return spec_; }
  bool evaluates() const override { return true; }
  run::MetricValues evaluate(ThreadTeam& team, StopToken stop = {}) override {
    return evaluation_->evaluate(team, stop);
  }
  std::int64_t broken_episodes() const override { return env_ ? env_->broken_episodes() : 0; }
  std::string first_break() const override { return env_ ? env_->first_break() : ""; }

 private:
  void roll_out(const std::vector<std::vector<std::size_t>>& items, ThreadTeam& team) override;
  GroupOutcome outcome(std::size_t agent, std::size_t place, std::size_t item, bool rolled_out) override;
  const std::vector<SequenceSeen>& descend(const std::vector<std::vector<ChosenRow>>& rows,
                                           ThreadTeam& team) override;
  double flops_a_token() const override;
  double played(std::size_t agent, const std::vector<std::size_t>& items) const override;
  nlohmann::json describe(std::size_t item) const override;
  void report(std::size_t agent, const std::vector<std::size_t>& items,
              const std::vector<GroupOutcome>& groups, ReportValues& reports) const override;

  struct Played {  // a rollout of this step
    ControlEpisode episode;
    double episode_return = 0, entropy = 0;  // entropy: summed over its steps
    bool truncated = false;
  };
  ControlNetworks networks(const std::string& name, nn::Role role);
  std::size_t index_of(std::size_t agent, std::size_t place, std::size_t rollout) const;
  void keep_floor();

  ControlData data_;
  PolicySpec spec_;
  ControlTraining how_;
  std::vector<ControlEpisode> demonstrations_;  // one a start
  std::unique_ptr<envs::BatchEnvironment> env_;
  std::unique_ptr<Rollout> rollout_;
  std::unique_ptr<ControlSampler> sampler_;
  std::vector<Played> played_;  // [agents * prompts * rollouts]
  std::unique_ptr<ControlUpdate> update_;
  std::unique_ptr<ControlEvaluation> evaluation_;
};

}  // namespace hardy::algorithms
