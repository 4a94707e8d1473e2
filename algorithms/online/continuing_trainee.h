// An offline method that goes on by interacting: first its steps on a dataset, those of OfflineTrainee bit
// for bit, then environment steps with a learning step each, on batches of which a share is the interaction's
// own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/interacting_trainee.h"

namespace hardy::algorithms {

struct OnlineSettings {
  std::int64_t steps = 10000;  // of the environment, after the offline ones
  double share = 0.5;          // of a batch's rows that the interaction gathered; the rest are the dataset's
  double noise = 0.1;          // OfflineBeginning::noise
  bool expansion = false;      // the offline policy goes on proposing actions (expansion.h)
  double temperature = 1;
  FeedbackSettings corruption;
};

class ContinuingTrainee final : public Trainee {
 public:
  // The method stays. offline: as made, before its first step; it takes offline_steps of them. On the CPU.
  // Learning goes on from the step at which the replay has as many rows as a batch takes from it.
  ContinuingTrainee(const Method& method, const std::string& name, std::unique_ptr<OfflineTrainee> offline,
                    std::int64_t offline_steps, const std::string& environment,
                    const OnlineSettings& settings, const DescentDefaults& descent = {});

  void step(ThreadTeam& team) override;
  std::int64_t steps_done() const override {
    return online_phase_ ? offline_steps_ + online_->steps_done() : offline_->steps_done();
  }
  Learner& learner() override { return online_phase_ ? online_->learner() : offline_->learner(); }
  PolicySpec policy() const override { return offline_->policy(); }
  // online/steps, 0 of an offline step; then online/return, the last finished episode's; and, where there
  // are such, the shares of the steps that were attacked and of those that the frozen policy took.
  ReportValues own_reports() const override;
  void save(run::ArchiveWriter& file) const override;
  void restore(const run::Archive& file) override;
  std::string lost_in_saving() const override { return online_phase_ ? online_->lost_in_saving() : ""; }
  std::string warning() const override { return offline_->warning(); }
  std::int64_t broken_episodes() const override { return online_->broken_episodes(); }
  std::string first_break() const override { return online_->first_break(); }
  std::int64_t clipped_actions() const override { return online_->clipped_actions(); }

  const InteractingTrainee& interaction() const { return *online_; }
  bool online() const { return online_phase_; }

 private:
  void go_online();

  std::unique_ptr<OfflineTrainee> offline_;
  std::int64_t offline_steps_;
  OnlineSettings settings_;
  std::unique_ptr<InteractingTrainee> online_;
  bool online_phase_ = false;
};

}  // namespace hardy::algorithms
