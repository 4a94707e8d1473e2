// A method that gathers its own data, as the shared training loop drives it: a step is an environment step of
// every agent, each in an environment of its own, and, when it is due, a learning step from their replay.
// Where it learns on a device that has the task as well, environment steps are taken there.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algorithms/acting/rollout.h"
#include "algorithms/experiments/training.h"
#include "algorithms/learning/method.h"
#include "algorithms/learning/replay.h"
#include "algorithms/online/device_interaction.h"
#include "algorithms/online/expansion.h"
#include "algorithms/online/feedback.h"
#include "envs/shared_environment.h"

namespace hardy::algorithms {

// What an interaction begins with that goes on from a dataset, all of which outlives it.
struct OfflineBeginning {
  PolicySpec policy;                            // normalised as the dataset's observations are
  const datasets::Transitions* data = nullptr;  // as networks see it
  TransitionTables tables;                      // of it
  double share = 0.5;                           // of a batch's rows that are the interaction's own
  double noise = 0.1;  // deviation of what is added to a deterministic policy's actions, in halves of bounds
  FeedbackSettings corruption;
  const nn::ParameterStore* frozen = nullptr;  // whose policy proposes actions too (Expansion); null: none
  double temperature = 1;                      // of that choice
};

class InteractingTrainee final : public Trainee {
 public:
  // The method stays, and is asked for its exploration at every step. settings.capacity is the rows
  // themselves. Errors: a task of choices for a method of numbers or the other way round, a replay that does
  // not fit. The descent's ranks share the environments by index, and each of them has the whole replay.
  // beginning: null of a method that begins with nothing, by uniform actions.
  InteractingTrainee(const Method& method, const std::string& name, const InteractionSettings& settings,
                     std::vector<std::uint64_t> seeds, device::Device* device = nullptr,
                     const DescentDefaults& descent = {}, const OfflineBeginning* beginning = nullptr);

  void step(ThreadTeam& team) override;
  std::int64_t steps_done() const override { return t_; }
  Learner& learner() override { return learner_; }
  PolicySpec policy() const override { return policy_; }
  // What other ranks have, or the device, is here then: environments, replay and returns too.
  void gather_for_saving() override;
  void save(run::ArchiveWriter& file) const override;
  void restore(const run::Archive& file) override;
  std::string lost_in_saving() const override;
  std::int64_t broken_episodes() const override { return broken_before_ + env_->broken_episodes(); }
  std::string first_break() const override { return env_->first_break(); }
  std::int64_t clipped_actions() const override { return clipped_before_ + env_->clipped_actions(); }

  // Whether environment steps are taken on the device; what follows is then as gather_for_saving() found it.
  bool on_device() const { return there_ != nullptr; }
  const envs::BatchEnvironment& environment() const { return *env_; }
  const Replay& replay() const { return replay_; }
  // Return of each agent's last finished episode (NaN before the first).
  const std::vector<double>& last_returns() const { return last_returns_; }
  // Of each agent's steps until now: those whose feedback was attacked, and those of the frozen policy.
  const std::vector<std::uint64_t>& attacked() const { return attacked_; }
  const std::vector<std::uint64_t>& frozen_steps() const { return frozen_steps_; }

 private:
  // What goes on from a dataset.
  struct Continuation {
    double noise;
    FeedbackCorruption corruption;
    std::unique_ptr<Expansion> expansion;
    std::vector<float> observation, action, next;  // a step as networks see it
    std::vector<double> wide, wide_next;
  };
  std::unique_ptr<Continuation> continuation(const OfflineBeginning& beginning);
  void start(int agent);
  void step_here(ThreadTeam& team);
  void explore(ThreadTeam& team);
  double uniform_share() const;  // of this step's actions
  void keep(int agent);
  InteractionState state() const;
  void go_on_from(const InteractionState& state);

  const Method& method_;
  InteractionSettings settings_;
  std::unique_ptr<envs::BatchEnvironment> env_;
  PolicySpec policy_;
  Replay replay_;
  Learner learner_;
  std::unique_ptr<device::RowFeed> feed_;  // of what learns on a device
  std::unique_ptr<Actor> actor_;
  Rollout rollout_;
  std::unique_ptr<Continuation> continuation_;
  std::unique_ptr<DeviceInteraction> there_;  // steps environments on the device; null: they are stepped here
  std::int64_t t_ = 0, broken_before_ = 0, clipped_before_ = 0;
  std::vector<std::uint64_t> episodes_, attacked_, frozen_steps_;
  std::vector<double> returns_, last_returns_;
  std::vector<Random> draws_;
};

}  // namespace hardy::algorithms
