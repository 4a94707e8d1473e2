#include "algorithms/experiments/offline_job.h"

#include <cmath>
#include <filesystem>
#include <optional>

#include "algorithms/acting/actions.h"
#include "algorithms/experiments/job_settings.h"
#include "algorithms/experiments/offline_data.h"
#include "algorithms/experiments/online_phase.h"
#include "algorithms/experiments/prepared_data.h"
#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/continuing_trainee.h"
#include "datasets/corruption/corrupt.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/device/backends.h"
#include "envs/environment.h"

namespace hardy::algorithms {
namespace {

class OfflineJob final : public TrainingJob {
 public:
  OfflineJob(const std::string& name, std::unique_ptr<Method> method)
      : name_(name), method_(std::move(method)), schema_("train " + name, "Learns a policy from a dataset.") {
    schema_.section("data")
        .option("dataset", &data_.dataset,
                method_->imitates() ? "D4RL HDF5, Minari, .npz; observations and actions are enough"
                                    : "D4RL HDF5, Minari, .npz: observations, actions, rewards, terminals")
        .option(
            "view", &data_.view,
            "which rows become transitions: all that have a next state, or exactly D4RL's qlearning_dataset",
            {"lossless", "qlearning"})
        .option(
            "time-limit", &data_.time_limit,
            "steps after which a file without timeouts cuts an episode; 0: the environment's, else as the "
            "file's metadata or D4RL's task of its name says, else 1000",
            0, 1000000000)
        .option(
            "env", &environment_,
            "environment to evaluate in, whose bounds actions are scaled from; without it no evaluation, "
            "bounds of the file's action_space, or [-1, 1] for each dimension within, or what the actions "
            "span. " +
                envs::environment_help())
        .option("clip-actions", &clip_actions_,
                "move actions that lie outside of the bounds to them; by default they are counted, said and "
                "kept, as the published pipelines do")
        .option("corrupt", &data_.corrupt,
                "elements corrupted in memory after loading, as the published pipeline does: observations, "
                "actions, rewards, dynamics")
        .option("corrupt-rate", &data_.corruption.rate, "share of rows attacked", 0.0, 1.0)
        .option("corrupt-scale", &data_.corruption.scale, "range of the noise", 0.0)
        .option("corrupt-seed", &data_.corrupt_seed, "of masks and noise", 0)
        .option("corrupt-generator", &data_.corruption.generator, "numpy reproduces the published masks",
                {"philox", "numpy"})
        .option("clean", &data_.clean,
                "before learning: models, which mend what they are sure of as `hardy data repair --models` "
                "does; scores, where the file was mended so already; after any --corrupt",
                {"none", "models", "scores"})
        .option("trust", &trust_,
                "with --clean: rows weigh by this power of the probability that their elements are right "
                "(riql); 0: all alike",
                0.0, 100.0)
        .option("prepared", &prepared_,
                "a folder that keeps data ready to be learned from (read, checked, corrupted), where the "
                "next run "
                "that wants the same finds them; a grid's cells share one");
    method_->options(schema_);
    descent_.clip_norm = method_->clip_norm();
    descent_options(schema_, descent_);
    settings_.options(schema_);
    online_.options(schema_, *method_);
  }

  run::Schema& schema() override { return schema_; }
  TrainingSettings settings() const override {
    TrainingSettings all = settings_;
    all.steps = online_.last_step(settings_.steps);
    return all;
  }
  std::pair<std::string, std::string> ends_at(std::int64_t steps) const override {
    return online_.wanted() ? online_.ends_at(steps, settings_.steps) : TrainingJob::ends_at(steps);
  }
  const std::string& environment() const override { return environment_; }

  void across(comm::Ranks& ranks) override { descent_.ranks = &ranks; }
  void prepares_before(run::Observer& observer) override { observer_ = &observer; }

  void check() override {
    require_shards_for(*descent_.ranks);
    require_work_for(device::count_of(settings_.device));
    static_cast<void>(
        settings_.open_devices());  // a device that is not there is said before the data are read
    if (data_.dataset.empty())
      throw Error("an offline method needs a dataset", "--dataset", "e.g. --dataset hopper.hdf5");
    method_->check();
    online_.check(schema_, *method_, offline_phase());
    if (settings_.keep_best && environment_.empty())
      throw Error("without evaluations there is no best policy", "--keep-best", "name an --env");
    for (const std::string& e : data_.corrupt) static_cast<void>(datasets::element_named(e, "--corrupt"));
    if (method_->corrects_data() && (descent_.passes > 1 || descent_.shards > 1))
      throw Error("corrections change the data that later parts of the batch are drawn from",
                  "--accumulate or --shards",
                  "leave them out, or correct nothing: --correct-actions 0 --correct-rewards 0");
    if (trust_ > 0 && !method_->weighs_rows())
      throw Error("all rows weigh the same in " + name_, "--trust " + to_text(trust_),
                  "riql weighs them; else leave it out");
    if (trust_ > 0 && data_.clean == "none")
      throw Error("nobody judges the rows", "--trust",
                  "--clean models, or scores where the file has them, or --trust 0");
  }

  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    check();
    std::error_code unknown;
    if (const auto place = std::filesystem::absolute(data_.dataset, unknown).lexically_normal(); !unknown)
      schema_.apply({{"dataset", place.string()}}, "--dataset", run::Schema::Source::kCommandLine);
    if (!prepared_.empty())
      schema_.apply({{"prepared", std::filesystem::absolute(prepared_).lexically_normal().string()}},
                    "--prepared", run::Schema::Source::kCommandLine);
    keep_absolute(schema_, environment_);
    const std::optional<envs::EnvSpec> task =
        environment_.empty() ? std::nullopt : std::optional(envs::make_environment(environment_, 1)->spec());
    PreparedPlace place(prepared_, prepared_.empty() ? nlohmann::json() : description_of(data_, task));
    std::optional<PreparedData> data = place.found();
    if (data && !data->made.empty() && !method_->imitates()) data.reset();  // it will be told what is lacking
    const bool fresh = !data;
    if (fresh) data = load_data(data_, task, {name_, method_->imitates(), settings_.threads, observer_});
    datasets::Transitions& t = data->transitions;
    nlohmann::json summary = data->summary;

    ActionBounds bounds;
    if (!task) {
      bounds = bounds_of(t, data->space);
    } else {
      const envs::EnvSpec& spec = *task;
      if (spec.observation_size != t.observation_size || spec.action_size != t.action_size)
        throw Error("has " + std::to_string(t.observation_size) + " observations and " +
                        std::to_string(t.action_size) + " actions",
                    data_.dataset,
                    environment_ + " has " + std::to_string(spec.observation_size) + " and " +
                        std::to_string(spec.action_size));
      require_continuous(spec, name_);
      bounds = {spec.action_low, spec.action_high, environment_};
      score_returns(summary, spec);
    }
    if (fresh) place.keep(*data);  // what could not be learned from is not
    if (trust_ == 0) t.trust.clear();
    for (float& p : t.trust) p = std::pow(p, static_cast<float>(trust_));
    std::vector<std::string> notes = data->notes;
    if (!place.trouble().empty()) notes.push_back(place.trouble());
    if (const std::string of_method = method_->notes(); !of_method.empty()) notes.push_back(of_method);
    if (summary.contains("cleaning")) notes.push_back(cleaning_note(data_, summary.at("cleaning")));
    if (!data->made.empty())
      notes.push_back(data_.dataset + " has no " + join(data->made, ", no ") + ", which " + name_ +
                      " does without");
    note_actions(bounds, t, notes);
    if (const std::int64_t end = method_->schedule_end(); end > 0 && settings().steps > end)
      notes.push_back("the policy's learning rate is 0 from step " + std::to_string(end) +
                      " on (--schedule-steps)");
    summary["actions"] = {{"low", bounds.low}, {"high", bounds.high}, {"bounds_from", bounds.source}};
    if (clip_actions_) clip_actions(bounds, t);
    if (method_->draws_from() == DrawsFrom::kWindows) require_sequences(summary);
    devices_ = settings_.open_devices();
    DescentDefaults descent = descent_;
    for (std::size_t i = 1; i < devices_.size(); ++i) descent.more_devices.push_back(devices_[i].get());
    auto trainee = trainee_of(std::move(t), bounds, descent);
    if (!trainee->choice().empty()) notes.push_back(trainee->choice());
    if (method_->draws_from() == DrawsFrom::kWindows || method_->return_temperature() > 0 ||
        !trainee->choice().empty())
      note_order(summary, notes);
    summary["transitions"] = trainee->rows();
    if (const ValueRange& values = trainee->value_range(); values.gamma > 0)
      summary["values"] = {{"gamma", values.gamma},
                           {"least", values.least},
                           {"largest", values.largest},
                           {"data_mean", values.data_mean}};
    about["dataset"] = summary;
    if (online_.wanted()) notes.push_back(online_.note(offline_phase()));
    about["notes"] = join(notes, "; ");
    if (!online_.wanted()) return trainee;
    return std::make_unique<ContinuingTrainee>(*method_, name_, std::move(trainee), settings_.steps,
                                               environment_, online_.settings(), descent_);
  }

 private:
  // What is wrong of the rows as a whole is said of their file.
  std::unique_ptr<OfflineTrainee> trainee_of(datasets::Transitions t, const ActionBounds& bounds,
                                             const DescentDefaults& descent) const {
    try {
      return std::make_unique<OfflineTrainee>(*method_, std::move(t), settings_.agent_seeds(), bounds.low,
                                              bounds.high,
                                              devices_.empty() ? nullptr : devices_.front().get(), descent);
    } catch (const Error& e) {
      if (e.where() != "--dataset") throw;
      throw Error(e.problem(), data_.dataset, e.fix());
    }
  }

  OfflinePhase offline_phase() const {
    return {name_, environment_, settings_.steps, descent_.ranks->size() == 1 && settings_.device == "cpu"};
  }

  // Before anything is read.
  void require_shards_for(const comm::Ranks& ranks) const { require_shares(ranks, descent_, settings_); }

  void require_work_for(std::size_t devices) const {
    const auto n = static_cast<std::int64_t>(devices);
    if (n > 1 && descent_.shards > 1 && descent_.shards % n != 0)
      throw Error(std::to_string(n) + " devices cannot have equally many of them",
                  "--shards " + std::to_string(descent_.shards),
                  "take a multiple of " + std::to_string(n) + ", or name fewer devices");
    if (n > 1 && descent_.shards == 1 && settings_.seeds % n != 0)
      throw Error(std::to_string(n) + " devices cannot have equally many agents",
                  "--seeds " + std::to_string(settings_.seeds),
                  "take a multiple of " + std::to_string(n) +
                      ", or name fewer devices, or cut the batch: --shards " + std::to_string(n));
  }

  // A file whose name says no task is scored as its environment scores.
  static void score_returns(nlohmann::json& summary, const envs::EnvSpec& spec) {
    for (const auto& [of, score] : {std::pair{"return", "score"}, std::pair{"clean_return", "clean_score"}}) {
      if (summary.contains(score) || !summary.contains(of)) continue;
      for (const char* key : {"mean", "min", "max"})
        summary[score][key] = envs::normalised_score(spec, summary.at(of).at(key).get<double>());
    }
  }

  // A file of single rows, drawn from somewhere, has no episodes to be cut into windows: rows that all end
  // one, or that neither end any nor follow one another by their next states.
  void require_sequences(const nlohmann::json& summary) const {
    const std::string fix = name_ +
                            " takes files whose rows are the steps of episodes, one behind the other, with "
                            "terminals or timeouts where one ends; iql and others take single rows";
    if (summary.at("episodes") == summary.at("rows"))
      throw Error("every row is an episode of its own: there are no sequences to learn from", data_.dataset,
                  fix);
    if (!summary.contains("continuity") || summary.at("layout").contains("timeouts") ||
        summary.at("terminated") != 0 || summary.at("corruption").is_object())
      return;
    const nlohmann::json& c = summary.at("continuity");
    if (c.at("pairs") != 0 && c.at("broken") == c.at("pairs"))
      throw Error(
          "holds single rows: none of them ends an episode, and no next observation is that of the row "
          "behind it",
          data_.dataset, fix);
  }

  // Rows that were shuffled keep their terminals, and look like episodes to whoever does not compare states.
  void note_order(const nlohmann::json& summary, std::vector<std::string>& notes) const {
    constexpr double kShuffled = 0.95;  // corruption does not come near it
    if (!summary.contains("continuity")) return;
    const auto pairs = summary.at("continuity").at("pairs").get<std::int64_t>(),
               broken = summary.at("continuity").at("broken").get<std::int64_t>();
    if (static_cast<double>(broken) > kShuffled * static_cast<double>(pairs))
      notes.push_back(std::to_string(broken) + " of " + std::to_string(pairs) +
                      " rows are not followed by their next observation, and " + name_ +
                      " takes the rows in between two ends for an episode: was " + data_.dataset +
                      " shuffled?");
  }

  void note_actions(const ActionBounds& bounds, const datasets::Transitions& t,
                    std::vector<std::string>& notes) const {
    if (!bounds.unit())
      notes.push_back("actions are scaled from " + bounds.text() + " (" + bounds.source + ") into [-1, 1]");
    if (look_like_choices(t))
      notes.push_back("every action in " + data_.dataset +
                      " is a whole number from 0 on: are they choices? " + name_ + " learns them as numbers");
    const OutsideActions outside = outside_of(bounds, t);
    if (outside.rows == 0) return;
    notes.push_back(
        std::to_string(outside.rows) + " of " + std::to_string(t.rows) +
        " transitions have actions outside of " + bounds.text() + " (" + bounds.source + "), the furthest " +
        to_text(outside.value) + " in transition " + std::to_string(outside.row) + ", dimension " +
        std::to_string(outside.dim) +
        (clip_actions_ ? "; they are moved to the bounds" : "; they are kept (see --clip-actions)"));
  }

  std::string name_;
  std::unique_ptr<Method> method_;
  run::Schema schema_;
  TrainingSettings settings_;
  DescentDefaults descent_;
  DataSettings data_;
  std::string environment_, prepared_;
  double trust_ = 0;
  bool clip_actions_ = false;
  run::Observer* observer_ = &run::Observer::silent();
  OnlinePhase online_;
  std::vector<std::unique_ptr<device::Device>> devices_;  // outlive the trainee: callers drop that one first
};

}  // namespace

std::unique_ptr<TrainingJob> make_offline_job(const std::string& name, std::unique_ptr<Method> method) {
  return std::make_unique<OfflineJob>(name, std::move(method));
}

}  // namespace hardy::algorithms
