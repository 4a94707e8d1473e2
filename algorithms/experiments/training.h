// The training loop that all methods share: steps, metrics, evaluation beside the training,
// checkpoints, policies, summary. What is trained is a Trainee; what it learns from is its own affair.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "algorithms/acting/policy.h"
#include "algorithms/learning/learner.h"
#include "engine/base/stop.h"
#include "engine/run/archive.h"
#include "engine/run/metrics.h"
#include "engine/run/observer.h"
#include "engine/run/product_options.h"
#include "engine/run/run_directory.h"

namespace hardy::run {
class Schema;
}

namespace hardy::algorithms {

class Trainee {
 public:
  virtual ~Trainee() = default;
  virtual void step(ThreadTeam& team) = 0;
  virtual std::int64_t steps_done() const = 0;
  virtual Learner& learner() = 0;
  virtual PolicySpec policy() const = 0;  // {} of what acts by other means than a head over observations
  virtual void write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                               const nlohmann::json& about);
  // Numbers of the last step beside what the learner reports, one an agent.
  virtual ReportValues own_reports() const { return {}; }
  // Whether it says by itself how good it is, and not by playing in an environment: figures of its policies
  // as they are now, one an agent, "score/mean" among them.
  virtual bool evaluates() const { return false; }
  // Stopped is thrown where it is stopped.
  virtual run::MetricValues evaluate(ThreadTeam&, StopToken) { return {}; }
  // Before save(), which the first of the learner's ranks alone calls, all of them call this: what others of
  // them have of it is there then.
  virtual void gather_for_saving() {}
  // What it keeps beside the learner.
  virtual void save(run::ArchiveWriter&) const {}
  virtual void restore(const run::Archive&) {}
  // After restore(): in what it is not where it was when it was saved; "" where nothing is lost.
  virtual std::string lost_in_saving() const { return ""; }
  // What people should know of the last step, "" for nothing; told once.
  virtual std::string warning() const { return ""; }
  // What it leaves in the run's folder beside policies when it ends.
  virtual void leave_in(const std::filesystem::path& /*run*/) const {}
  // Episodes that broke off since the run began, and how the first since it was made did.
  virtual std::int64_t broken_episodes() const { return 0; }
  virtual std::string first_break() const { return ""; }
  // Actions since the run began that the environment moved to its bounds.
  virtual std::int64_t clipped_actions() const { return 0; }
};

// The trainee as a checkpoint has it. An Error names the checkpoint's file and what in it does not fit.
void restore(Trainee& trainee, const run::Archive& checkpoint, const std::string& path);

struct TrainingSettings {
  std::int64_t steps = 50000;
  std::int64_t seeds = 1, seed = 0;  // agents, and the first one's seed; the others count on
  std::int64_t threads = 0;          // 0: all cores
  std::int64_t log_every = 500;
  std::int64_t eval_every = 0, eval_episodes = 10, eval_seed = 42;  // eval_every 0: a tenth of the steps
  std::int64_t checkpoint_every = 0;                                // 0: a fifth of the steps
  std::int64_t keep_last = 3;
  std::string device = "cpu";      // where it trains: cpu, cuda, cuda:N, cuda:0,1
  device::Options device_options;  // but for its products
  run::ProductOptions products;
  std::int64_t keep_policies = 0;  // > 0: policy/agent_<i>_step_<n>.policy every so many steps
  bool keep_best = false;          // policy/best_agent_<i>.policy: that of the best evaluation

  void options(run::Schema& schema);
  std::vector<std::uint64_t> agent_seeds() const;
  int team_size(const comm::Ranks& ranks = comm::alone()) const;
  bool saves_at(std::int64_t step) const;  // whether a checkpoint is due there, the last step's apart
  std::vector<std::unique_ptr<device::Device>> open_devices() const;  // none: the CPU
  std::unique_ptr<device::Device> open_device() const;                // of what trains on one; null: the CPU
};

struct RunFiles {
  run::RunDirectory& directory;
  std::string title;        // what the observer hears that has begun
  std::string environment;  // where policies are evaluated; "" for none
  nlohmann::json about;     // what run.json says of the run, for the policy files
};

// Trains to settings.steps, from the newest checkpoint if `resumed`. Returns false where the watch's stop
// token ended it early, between two steps: checkpoint, policies and summary are written, and the run can be
// resumed.
bool train(Trainee& trainee, const TrainingSettings& settings, const RunFiles& files, bool resumed,
           const run::Watch& watch = {});

// What the other ranks of the trainee's learner do meanwhile (learner().ranks()): every step with the first,
// from the state that it has, until it ends or any of them is told to stop. They write nothing.
void train_along(Trainee& trainee, const TrainingSettings& settings, bool resumed, StopToken stop);

}  // namespace hardy::algorithms
