#include "algorithms/experiments/training_job.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "algorithms/acting/actions.h"
#include "algorithms/cleaning/mend_transitions.h"
#include "algorithms/experiments/online_phase.h"
#include "algorithms/experiments/post_training_job.h"
#include "algorithms/experiments/prepared_data.h"
#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/continuing_trainee.h"
#include "algorithms/post_training/settings.h"
#include "datasets/action_space.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "datasets/memory.h"
#include "datasets/store.h"
#include "datasets/task.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/device/backends.h"
#include "envs/environment.h"

namespace hardy::algorithms {
namespace {

// Where a run goes on, from whatever folder, it finds the file that its environment is made of.
void keep_absolute(run::Schema& schema, std::string& environment) {
  const std::string absolute = envs::absolute_name(environment);
  if (absolute != environment) schema.apply({{"env", absolute}}, "--env", run::Schema::Source::kCommandLine);
  environment = absolute;
}

// What the descents of any method may be told, whatever it draws from.
void descent_options(run::Schema& schema, DescentDefaults& descent) {
  schema.section("descent")
      .option("clip-norm", &descent.clip_norm,
              "2-norm that the gradient of a loss over all its networks is held to; 0: off", 0.0)
      .option(
          "accumulate", &descent.passes,
          "equal parts that a batch is taken in, one after the other, before a step: less memory, the same "
          "rows",
          1, 1 << 20)
      .option("shards", &descent.shards,
              "equal parts that a batch is cut into, whose gradients are computed apart and summed in one "
              "order; processes that mpirun starts share them, or several GPUs (--device cuda:0,1), and the "
              "bits are "
              "the same for any number of these that divides this one",
              1, 4096);
}

void require_shares(const comm::Ranks& ranks, const DescentDefaults& descent,
                    const TrainingSettings& settings) {
  if (descent.shards % ranks.size() != 0)
    throw Error(std::to_string(ranks.size()) + " processes cannot have equally many of them",
                "--shards " + std::to_string(descent.shards),
                "take a multiple of " + std::to_string(ranks.size()) +
                    ": the numbers depend on the shards, and not on the processes");
  if (settings.device != "cpu" && ranks.size() > 1)
    throw Error("several processes train on CPUs alone", "--device " + settings.device, "start one process");
}

class OfflineJob final : public TrainingJob {
 public:
  OfflineJob(const std::string& name, std::unique_ptr<Method> method)
      : name_(name), method_(std::move(method)), schema_("train " + name, "Learns a policy from a dataset.") {
    schema_.section("data")
        .option("dataset", &dataset_,
                method_->imitates() ? "D4RL HDF5, Minari, .npz; observations and actions are enough"
                                    : "D4RL HDF5, Minari, .npz: observations, actions, rewards, terminals")
        .option(
            "view", &view_,
            "which rows become transitions: all that have a next state, or exactly D4RL's qlearning_dataset",
            {"lossless", "qlearning"})
        .option(
            "time-limit", &time_limit_,
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
        .option("corrupt", &corrupt_,
                "elements corrupted in memory after loading, as the published pipeline does: observations, "
                "actions, rewards, dynamics")
        .option("corrupt-rate", &corruption_.rate, "share of rows attacked", 0.0, 1.0)
        .option("corrupt-scale", &corruption_.scale, "range of the noise", 0.0)
        .option("corrupt-seed", &corrupt_seed_, "of masks and noise", 0)
        .option("corrupt-generator", &corruption_.generator, "numpy reproduces the published masks",
                {"philox", "numpy"})
        .option("clean", &clean_,
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
    if (dataset_.empty())
      throw Error("an offline method needs a dataset", "--dataset", "e.g. --dataset hopper.hdf5");
    method_->check();
    online_.check(schema_, *method_, offline_phase());
    if (settings_.keep_best && environment_.empty())
      throw Error("without evaluations there is no best policy", "--keep-best", "name an --env");
    for (const std::string& e : corrupt_) static_cast<void>(datasets::element_named(e, "--corrupt"));
    if (trust_ > 0 && !method_->weighs_rows())
      throw Error("all rows weigh the same in " + name_, "--trust " + to_text(trust_),
                  "riql weighs them; else leave it out");
    if (trust_ > 0 && clean_ == "none")
      throw Error("nobody judges the rows", "--trust", "--clean models, or scores where the file has them");
  }

  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    check();
    std::error_code unknown;
    if (const auto place = std::filesystem::absolute(dataset_, unknown).lexically_normal(); !unknown)
      schema_.apply({{"dataset", place.string()}}, "--dataset", run::Schema::Source::kCommandLine);
    if (!prepared_.empty())
      schema_.apply({{"prepared", std::filesystem::absolute(prepared_).lexically_normal().string()}},
                    "--prepared", run::Schema::Source::kCommandLine);
    keep_absolute(schema_, environment_);
    const std::optional<envs::EnvSpec> task =
        environment_.empty() ? std::nullopt : std::optional(envs::make_environment(environment_, 1)->spec());
    PreparedPlace place(prepared_, prepared_.empty() ? nlohmann::json() : description(task));
    std::optional<PreparedData> data = place.found();
    if (data && !data->made.empty() && !method_->imitates()) data.reset();  // it will be told what is lacking
    const bool fresh = !data;
    if (fresh) data = load(task);
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
                    dataset_,
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
    if (summary.contains("cleaning")) notes.push_back(cleaning_note(summary.at("cleaning")));
    if (!data->made.empty())
      notes.push_back(dataset_ + " has no " + join(data->made, ", no ") + ", which " + name_ +
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
    auto trainee = std::make_unique<OfflineTrainee>(
        *method_, std::move(t), settings_.agent_seeds(), bounds.low, bounds.high,
        devices_.empty() ? nullptr : devices_.front().get(), descent);
    if (!trainee->choice().empty()) notes.push_back(trainee->choice());
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

  // All that load() depends on; where columns are missing also on whether the method needs them.
  nlohmann::json description(const std::optional<envs::EnvSpec>& task) const {
    nlohmann::json what{{"files", files_of_dataset(dataset_)},
                        {"view", view_},
                        {"time_limit", time_limit_ > 0 ? time_limit_
                                       : task          ? task->max_episode_steps
                                                       : 0}};
    if (!corrupt_.empty())
      what["corruption"] = {{"elements", corrupt_},
                            {"rate", corruption_.rate},
                            {"scale", corruption_.scale},
                            {"seed", corrupt_seed_},
                            {"generator", corruption_.generator}};
    if (clean_ != "none") what["clean"] = clean_;
    return what;
  }

  // Reads the dataset, checks it, cuts it into transitions and corrupts them.
  PreparedData load(const std::optional<envs::EnvSpec>& task) {
    PreparedData data;
    const datasets::View view = datasets::view_named(view_);
    const auto reader = datasets::open_dataset(dataset_);
    data.space = datasets::action_space(*reader);
    require_continuous(data.space, dataset_, name_);
    datasets::Arrays arrays = datasets::read_arrays(*reader);
    if (method_->imitates() && view == datasets::View::kLossless)
      data.made = datasets::complete_for_imitation(arrays);
    datasets::MemoryReader memory(arrays, dataset_, reader->attributes());
    datasets::check_d4rl(memory);
    const std::int64_t limit = time_limit(*reader, task);
    data.summary = datasets::without_drawings(datasets::inspect(memory, limit));
    without_made_columns(data.made, data.summary);
    if (view == datasets::View::kQlearning && data.summary.at("corruption").is_object())
      for (const auto& e : data.summary.at("corruption").at("elements"))
        if (e.at("element") == "dynamics")
          throw Error(
              "its corrupted next_observations would not be seen: the qlearning view takes next states from "
              "the following row",
              dataset_, "use --view lossless");
    data.transitions = datasets::transitions_of(arrays, view, dataset_, static_cast<int>(limit));
    datasets::require_finite(data.transitions, dataset_);
    corrupt_in_memory(data.transitions, data.made, data.summary);
    clean(data, arrays);
    data.summary["sha256"] = datasets::dataset_sha256(*reader);
    data.summary["view"] = view_;
    data.summary["transitions"] = data.transitions.rows;
    data.notes = reader->notes();
    return data;
  }

  // Where a file without timeouts cuts its episodes.
  std::int64_t time_limit(const datasets::Reader& data, const std::optional<envs::EnvSpec>& task) const {
    if (time_limit_ > 0) return time_limit_;
    if (task) return task->max_episode_steps;
    const int steps = datasets::time_limit_of(data).steps;
    return steps > 0 ? steps : 1000;
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
      throw Error("every row is an episode of its own: there are no sequences to learn from", dataset_, fix);
    if (!summary.contains("continuity") || summary.at("layout").contains("timeouts") ||
        summary.at("terminated") != 0 || summary.at("corruption").is_object())
      return;
    const nlohmann::json& c = summary.at("continuity");
    if (c.at("pairs") != 0 && c.at("broken") == c.at("pairs"))
      throw Error(
          "holds single rows: none of them ends an episode, and no next observation is that of the row "
          "behind it",
          dataset_, fix);
  }

  // What was made for the method is not the file's, and no figure says anything about it.
  static void without_made_columns(const std::vector<std::string>& made, nlohmann::json& summary) {
    for (const std::string& key : made) {
      summary["layout"].erase(key);
      if (summary.contains("columns")) summary["columns"].erase(key);
      if (key == "rewards")
        for (const char* figure : {"return", "score"}) summary.erase(figure);
      if (key == "terminals")
        for (const char* figure : {"episodes", "terminated", "timed_out", "cut", "length", "return", "score"})
          summary.erase(figure);
      if (key == "next_observations") summary.erase("continuity");
    }
    if (!made.empty()) summary["not_in_the_file"] = made;
  }

  void note_actions(const ActionBounds& bounds, const datasets::Transitions& t,
                    std::vector<std::string>& notes) const {
    if (!bounds.unit())
      notes.push_back("actions are scaled from " + bounds.text() + " (" + bounds.source + ") into [-1, 1]");
    if (look_like_choices(t))
      notes.push_back("every action in " + dataset_ + " is a whole number from 0 on: are they choices? " +
                      name_ + " learns them as numbers");
    const OutsideActions outside = outside_of(bounds, t);
    if (outside.rows == 0) return;
    notes.push_back(
        std::to_string(outside.rows) + " of " + std::to_string(t.rows) +
        " transitions have actions outside of " + bounds.text() + " (" + bounds.source + "), the furthest " +
        to_text(outside.value) + " in transition " + std::to_string(outside.row) + ", dimension " +
        std::to_string(outside.dim) +
        (clip_actions_ ? "; they are moved to the bounds" : "; they are kept (see --clip-actions)"));
  }

  void corrupt_in_memory(datasets::Transitions& t, const std::vector<std::string>& made,
                         nlohmann::json& summary) {
    if (corrupt_.empty()) return;
    corruption_.seed = static_cast<std::uint64_t>(corrupt_seed_);
    for (const std::string& e : corrupt_) {
      const datasets::Element element = datasets::element_named(e, "--corrupt");
      if (std::ranges::find(made, datasets::column_of(element)) != made.end())
        throw Error("has no " + datasets::column_of(element) + " to corrupt", dataset_,
                    "leave --corrupt " + e + " out");
      corruption_.elements.push_back(element);
    }
    nlohmann::json elements = nlohmann::json::array();
    for (const datasets::Change& c : datasets::corrupt(t, corruption_))
      elements.push_back({{"element", datasets::name_of(c.element)},
                          {"rate", corruption_.rate},
                          {"scale", corruption_.scale},
                          {"rows_changed", c.rows.size()}});
    summary["corruption"] = {{"generator", corruption_.generator},
                             {"seed", corruption_.seed},
                             {"elements", elements},
                             {"in_memory", true}};
  }

  std::string cleaning_note(const nlohmann::json& cleaning) const {
    std::string note = dataset_ + (clean_ == "models" ? " judged by models" : " judged before");
    std::string between = ": ";
    for (const auto& [column, c] : cleaning.at("columns").items()) {
      note += between + to_text(std::round(c.at("wrong").get<double>())) + " " + column + " wrong, " +
              std::to_string(c.at("replaced").get<std::int64_t>()) + " replaced";
      between = "; ";
    }
    return note;
  }

  void clean(PreparedData& data, const datasets::Arrays& arrays) const {
    if (clean_ == "none") return;
    if (!data.made.empty())
      throw Error("has no " + join(data.made, ", no ") + " to be judged by", dataset_, "leave --clean out");
    nlohmann::json about = clean_ == "models"
                               ? mend(data.transitions, dataset_, {.threads = settings_.threads},
                                      {.stop = {}, .observer = observer_})
                               : trust_of_scores(data.transitions, arrays, dataset_);
    data.summary["cleaning"] = {{"by", clean_}, {"columns", std::move(about)}};
  }

  std::string name_;
  std::unique_ptr<Method> method_;
  run::Schema schema_;
  TrainingSettings settings_;
  DescentDefaults descent_;
  std::string dataset_, view_ = "lossless", environment_, prepared_;
  std::vector<std::string> corrupt_;
  datasets::CorruptionSettings corruption_;
  std::int64_t corrupt_seed_ = 0, time_limit_ = 0;
  double trust_ = 0;
  bool clip_actions_ = false;
  std::string clean_ = "none";
  run::Observer* observer_ = &run::Observer::silent();
  OnlinePhase online_;
  std::vector<std::unique_ptr<device::Device>> devices_;  // outlive the trainee: callers drop that one first
};

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

std::vector<std::pair<std::string, std::string>> training_methods() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, entry] : methods()) all.emplace_back(name, entry.summary);
  for (const auto& method : post_training_methods()) all.push_back(method);
  return all;
}

std::unique_ptr<TrainingJob> make_training_job(const std::string& name) {
  if (is_post_training(name)) return make_post_training_job(name);
  std::unique_ptr<Method> method = make_method(name, "train");
  if (method->draws_from() == DrawsFrom::kReplay)
    return std::make_unique<InteractingJob>(name, std::move(method));
  return std::make_unique<OfflineJob>(name, std::move(method));
}

}  // namespace hardy::algorithms
