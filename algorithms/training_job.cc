#include "algorithms/training_job.h"

#include <nlohmann/json.hpp>

#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/sac_trainee.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/inspect.h"
#include "datasets/memory.h"
#include "datasets/store.h"
#include "engine/base/nearest.h"
#include "engine/run/atomic_file.h"
#include "envs/environment.h"

namespace hardy::algorithms {
namespace {

constexpr const char* kSacSummary = "soft actor-critic, interacting with an environment";

class OfflineJob final : public TrainingJob {
 public:
  explicit OfflineJob(const std::string& method)
      : method_(make_offline_method(method)),
        schema_("train " + method, "Learns a policy from a D4RL HDF5 file.") {
    schema_.section("data")
        .option("dataset", &dataset_, "a D4RL HDF5 file")
        .option(
            "view", &view_,
            "which rows become transitions: all that have a next state, or exactly D4RL's qlearning_dataset",
            {"lossless", "qlearning"})
        .option("env", &environment_, "environment to evaluate in; none: no evaluation")
        .option("corrupt", &corrupt_,
                "elements corrupted in memory after loading, as the published pipeline does: observations, "
                "actions, rewards, dynamics")
        .option("corrupt-rate", &corruption_.rate, "share of rows attacked", 0.0, 1.0)
        .option("corrupt-scale", &corruption_.scale, "range of the noise", 0.0)
        .option("corrupt-seed", &corrupt_seed_, "of masks and noise", 0)
        .option("corrupt-generator", &corruption_.generator, "numpy reproduces the published masks",
                {"philox", "numpy"});
    method_->options(schema_);
    settings_.options(schema_);
  }

  run::Schema& schema() override { return schema_; }
  const TrainingSettings& settings() const override { return settings_; }
  const std::string& environment() const override { return environment_; }

  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    static_cast<void>(
        settings_.open_device());  // a device that is not there is said before the data are read
    if (dataset_.empty())
      throw Error("an offline method needs a dataset", "--dataset", "e.g. --dataset hopper.hdf5");
    method_->check();
    const datasets::Arrays arrays = datasets::read_arrays(*datasets::open_dataset(dataset_));
    datasets::MemoryReader memory(arrays, dataset_);
    nlohmann::json summary = datasets::without_drawings(datasets::inspect(memory));
    const datasets::View view = datasets::view_named(view_);
    if (view == datasets::View::kQlearning && summary.at("corruption").is_object())
      for (const auto& e : summary.at("corruption").at("elements"))
        if (e.at("element") == "dynamics")
          throw Error(
              "its corrupted next_observations would not be seen: the qlearning view takes next states from "
              "the following row",
              dataset_, "use --view lossless");
    datasets::Transitions t = datasets::transitions_of(arrays, view, dataset_);
    datasets::require_finite(t, dataset_);
    corrupt_in_memory(t, summary);

    std::vector<float> low(static_cast<std::size_t>(t.action_size), -1.0f),
        high(static_cast<std::size_t>(t.action_size), 1.0f);
    if (!environment_.empty()) {
      const envs::EnvSpec spec = envs::make_environment(environment_, 1)->spec();
      if (spec.observation_size != t.observation_size || spec.action_size != t.action_size)
        throw Error("has " + std::to_string(t.observation_size) + " observations and " +
                        std::to_string(t.action_size) + " actions",
                    dataset_,
                    environment_ + " has " + std::to_string(spec.observation_size) + " and " +
                        std::to_string(spec.action_size));
      low = spec.action_low;
      high = spec.action_high;
      score_returns(summary, spec);
    }
    summary["sha256"] = run::sha256_of_file(dataset_);
    summary["view"] = view_;
    summary["transitions"] = t.rows;
    about["dataset"] = summary;
    about["notes"] = method_->notes();
    device_ = settings_.open_device();
    return std::make_unique<OfflineTrainee>(*method_, std::move(t), settings_.agent_seeds(), low, high,
                                            device_.get());
  }

 private:
  // A file whose name says no task is scored as its environment scores.
  static void score_returns(nlohmann::json& summary, const envs::EnvSpec& spec) {
    if (summary.contains("score")) return;
    const nlohmann::json& returns = summary.at("return");
    for (const char* key : {"mean", "min", "max"})
      summary["score"][key] = envs::normalised_score(spec, returns.at(key).get<double>());
  }

  void corrupt_in_memory(datasets::Transitions& t, nlohmann::json& summary) {
    if (corrupt_.empty()) return;
    corruption_.seed = static_cast<std::uint64_t>(corrupt_seed_);
    for (const std::string& e : corrupt_) corruption_.elements.push_back(datasets::element_named(e));
    nlohmann::json elements = nlohmann::json::array();
    for (const datasets::Change& c : datasets::corrupt(t, corruption_))
      elements.push_back({{"element", datasets::name_of(c.element)},
                          {"rate", corruption_.rate},
                          {"scale", corruption_.scale},
                          {"rows_changed", c.rows.size()}});
    summary["corruption"] = {
        {"generator", corruption_.generator}, {"seed", corruption_.seed}, {"elements", elements}};
  }

  std::unique_ptr<OfflineMethod> method_;
  run::Schema schema_;
  TrainingSettings settings_;
  std::string dataset_, view_ = "lossless", environment_;
  std::vector<std::string> corrupt_;
  datasets::CorruptionSettings corruption_;
  std::int64_t corrupt_seed_ = 0;
  std::unique_ptr<graph::Device> device_;  // outlives the trainee: callers drop that one first
};

class SacJob final : public TrainingJob {
 public:
  SacJob() : schema_("train sac", "Trains a policy by interacting with an environment.") {
    settings_.steps = 200000;
    settings_.log_every = 1000;
    schema_.section("interaction")
        .option("env", &environment_, "environment", envs::environment_names())
        .option("start-steps", &interaction_.start_steps, "uniform random steps before learning begins", 1)
        .option("update-every", &interaction_.update_every, "environment steps a learning step", 1)
        .option("capacity", &interaction_.capacity, "replay rows an agent; 0: one for every step", 0);
    schema_.section("soft actor-critic")
        .option("batch-size", &sac_.batch, "rows of a minibatch", 1, 1 << 20)
        .option("hidden", &sac_.hidden, "width of the two hidden layers", 1, 8192)
        .option("critics", &sac_.critics, "members of the critic ensemble", 1, 64)
        .option("gamma", &sac_.gamma, "discount", 0.0, 1.0)
        .option("polyak", &sac_.polyak, "share of the critics that enters their targets at each step", 0.0,
                1.0)
        .option("learning-rate", &sac_.learning_rate, "Adam's step", 0.0)
        .option("target-entropy", &sac_.target_entropy, "of the policy; 0: minus the number of actions");
    interaction_.capacity = 0;
    settings_.options(schema_);
  }

  run::Schema& schema() override { return schema_; }
  const TrainingSettings& settings() const override { return settings_; }
  const std::string& environment() const override { return environment_; }
  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    InteractionSettings i = interaction_;
    if (settings_.steps / i.update_every * i.update_every <= i.start_steps)
      throw Error("ends before learning begins", "--steps " + std::to_string(settings_.steps),
                  "learning begins after --start-steps " + std::to_string(i.start_steps) +
                      ", and then every --update-every " + std::to_string(i.update_every));
    if (i.capacity == 0) i.capacity = std::min<std::int64_t>(settings_.steps, 1000000);
    if (i.capacity < sac_.batch)
      throw Error("the replay is smaller than a batch", "--capacity " + std::to_string(i.capacity));
    about["dataset"] = nullptr;
    about["notes"] = "";
    device_ = settings_.open_device();
    return std::make_unique<SacTrainee>(environment_, sac_, i, settings_.agent_seeds(), device_.get());
  }

 private:
  run::Schema schema_;
  TrainingSettings settings_;
  SacSettings sac_;
  InteractionSettings interaction_;
  std::string environment_ = "hopper";
  std::unique_ptr<graph::Device> device_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> training_methods() {
  auto all = offline_methods();
  all.emplace_back("sac", kSacSummary);
  return all;
}

std::unique_ptr<TrainingJob> make_training_job(const std::string& method) {
  if (method == "sac") return std::make_unique<SacJob>();
  std::vector<std::string> names;
  for (const auto& [name, summary] : training_methods()) {
    if (name == method) return std::make_unique<OfflineJob>(method);
    names.push_back(name);
  }
  throw Error("there is no method '" + method + "'", "hardy train", suggestion(method, names));
}

}  // namespace hardy::algorithms
