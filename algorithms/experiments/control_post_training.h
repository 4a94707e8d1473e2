// The part of a post-training job that control policies have to themselves: an environment, its starts,
// demonstrations from a trajectory file, and the policy or the base that it goes on from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "algorithms/experiments/training.h"
#include "algorithms/post_training/control_trainee.h"

namespace hardy::algorithms {

class ControlPostTraining {
 public:
  void options(run::Schema& schema);
  // Whether it is control that is asked for.
  bool chosen() const { return !environment_.empty(); }
  const std::string& environment() const { return environment_; }
  // An Error where a key of it was given without --env.
  void require_not_asked(const run::Schema& schema) const;
  // Adds the file's and the policy's description to `about`.
  std::unique_ptr<Trainee> prepare(const std::string& method, const std::string& base,
                                   const PostTrainingSettings& post, const TrainingSettings& training,
                                   run::Schema& schema, nlohmann::json& about, comm::Ranks& ranks);

 private:
  double success_return(const envs::EnvSpec& spec) const;
  PolicySpec policy_for(const ControlData& data, const std::vector<LoadedPolicy>& base) const;
  void require_demonstrations(const std::string& method, const PostTrainingSettings& post,
                              const ControlData& data) const;
  std::vector<std::string> notes(const PostTrainingSettings& post, const ControlData& data) const;

  std::string environment_, dataset_, success_, head_ = "gaussian", nonlinearity_ = "tanh";
  std::vector<std::int64_t> hidden_ = {64};
  std::int64_t starts_ = 0, start_seed_ = 0;
  bool normalise_ = false;
  ControlTraining how_;
};

}  // namespace hardy::algorithms
