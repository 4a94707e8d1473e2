// A method that gathers its own data, as the shared training loop drives it: a step is an environment step of
// every agent, each in an environment of its own, and, when it is due, a learning step from their replay.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algorithms/acting/rollout.h"
#include "algorithms/experiments/training.h"
#include "algorithms/learning/method.h"
#include "algorithms/learning/replay.h"
#include "envs/shared_environment.h"

namespace hardy::algorithms {

class InteractingTrainee final : public Trainee {
 public:
  // The method stays, and is asked for its exploration at every step. settings.capacity is the rows
  // themselves. Errors: a task of choices for a method of numbers or the other way round, a replay that does
  // not fit. The descent's ranks share the environments by index, and each of them has the whole replay.
  InteractingTrainee(const Method& method, const std::string& name, const InteractionSettings& settings,
                     std::vector<std::uint64_t> seeds, device::Device* device = nullptr,
                     const DescentDefaults& descent = {});

  void step(ThreadTeam& team) override;
  std::int64_t steps_done() const override { return t_; }
  Learner& learner() override { return learner_; }
  PolicySpec policy() const override { return policy_; }
  void gather_for_saving() override {
    if (auto* const shared = dynamic_cast<envs::SharedEnvironment*>(env_.get())) shared->gather_states();
  }
  void save(run::ArchiveWriter& file) const override;
  void restore(const run::Archive& file) override;
  std::string lost_in_saving() const override;
  std::int64_t broken_episodes() const override { return broken_before_ + env_->broken_episodes(); }
  std::string first_break() const override { return env_->first_break(); }
  std::int64_t clipped_actions() const override { return clipped_before_ + env_->clipped_actions(); }

  const envs::BatchEnvironment& environment() const { return *env_; }
  const Replay& replay() const { return replay_; }
  // Return of each agent's last finished episode (NaN before the first).
  const std::vector<double>& last_returns() const { return last_returns_; }

 private:
  void start(int agent);

  const Method& method_;
  InteractionSettings settings_;
  std::unique_ptr<envs::BatchEnvironment> env_;
  PolicySpec policy_;
  Replay replay_;
  Learner learner_;
  std::unique_ptr<Actor> actor_;
  Rollout rollout_;
  std::int64_t t_ = 0, broken_before_ = 0, clipped_before_ = 0;
  std::vector<std::uint64_t> episodes_;
  std::vector<double> returns_, last_returns_;
  std::vector<Random> draws_;
};

}  // namespace hardy::algorithms
