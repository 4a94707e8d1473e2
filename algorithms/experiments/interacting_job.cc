#include "algorithms/experiments/interacting_job.h"

#include <algorithm>

#include "algorithms/experiments/job_settings.h"
#include "algorithms/online/interacting_trainee.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "envs/environment.h"

namespace hardy::algorithms {
namespace {

class InteractingJob final : public TrainingJob {
 public:
  InteractingJob(const std::string& name, std::unique_ptr<Method> method)
      : name_(name),
        method_(std::move(method)),
        schema_("train " + name, "Trains a policy by interacting with an environment."),
        interaction_(method_->interaction()) {
    settings_.steps = interaction_.steps;
    settings_.log_every = interaction_.log_every;
    schema_.section("interaction")
        .option("env", &interaction_.environment, "environment: " + envs::environment_help())
        .option("start-steps", &interaction_.start_steps, "uniform random steps before learning begins", 1)
        .option("update-every", &interaction_.update_every, "environment steps a learning step", 1)
        .option("capacity", &interaction_.capacity, "replay rows an agent; 0: one for every step", 0);
    method_->options(schema_);
    descent_options(schema_, descent_);
    settings_.options(schema_);
  }

  run::Schema& schema() override { return schema_; }
  TrainingSettings settings() const override { return settings_; }
  const std::string& environment() const override { return interaction_.environment; }
  void across(comm::Ranks& ranks) override { descent_.ranks = &ranks; }
  void check() override {
    require_environments_for(*descent_.ranks);
    method_->check();
    const InteractionSettings& i = interaction_;
    if (settings_.steps / i.update_every * i.update_every <= i.start_steps)
      throw Error("ends before learning begins", "--steps " + std::to_string(settings_.steps),
                  "learning begins after --start-steps " + std::to_string(i.start_steps) +
                      ", and then every --update-every " + std::to_string(i.update_every));
    if (capacity() < method_->batch_size())
      throw Error("the replay is smaller than a batch", "--capacity " + std::to_string(capacity()));
  }
  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    check();
    InteractionSettings i = interaction_;
    i.capacity = capacity();
    about["dataset"] = nullptr;
    device_ = settings_.open_device();
    keep_absolute(schema_, i.environment);
    auto trainee = std::make_unique<InteractingTrainee>(*method_, name_, i, settings_.agent_seeds(),
                                                        device_.get(), descent_);
    const ActionBounds bounds = trainee->policy().bounds();
    std::vector<std::string> notes;
    if (!trainee->environment().saves_state())
      notes.push_back(i.environment + " cannot save its states: the run cannot be resumed bit for bit");
    if (const std::string of_method = method_->notes(); !of_method.empty()) notes.push_back(of_method);
    if (const std::int64_t end = method_->schedule_end();
        end > 0 && (settings_.steps - i.start_steps) / i.update_every > end)
      notes.push_back("the learning rate is 0 from learning step " + std::to_string(end) +
                      " on (--schedule-steps)");
    if (!bounds.unit())
      notes.push_back("actions are scaled from " + bounds.text() + " (" + i.environment + ") into [-1, 1]");
    about["notes"] = join(notes, "; ");
    return trainee;
  }

 private:
  // Ranks share the agents' environments, and shards where a batch has several.
  void require_environments_for(const comm::Ranks& ranks) const {
    DescentDefaults descent = descent_;
    if (descent.shards == 1) descent.shards = ranks.size();  // each computes the whole batch
    require_shares(ranks, descent, settings_);
    if (descent_.shards == 1 && ranks.size() > settings_.seeds)
      throw Error(std::to_string(ranks.size()) + " processes have " + std::to_string(settings_.seeds) +
                      " environments to share",
                  "--seeds " + std::to_string(settings_.seeds),
                  "start at most one process for each agent, or give --shards, a multiple of " +
                      std::to_string(ranks.size()));
  }

  std::int64_t capacity() const {
    constexpr std::int64_t kMost = 1000000;
    return interaction_.capacity > 0 ? interaction_.capacity : std::min(settings_.steps, kMost);
  }

  std::string name_;
  std::unique_ptr<Method> method_;
  run::Schema schema_;
  TrainingSettings settings_;
  DescentDefaults descent_;
  InteractionSettings interaction_;
  std::unique_ptr<device::Device> device_;
};

}  // namespace

std::unique_ptr<TrainingJob> make_interacting_job(const std::string& name, std::unique_ptr<Method> method) {
  return std::make_unique<InteractingJob>(name, std::move(method));
}

}  // namespace hardy::algorithms
