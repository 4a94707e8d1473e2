#include "algorithms/experiments/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>

#include "algorithms/acting/evaluation_queue.h"
#include "algorithms/acting/policy_file.h"
#include "algorithms/experiments/saved_evaluations.h"
#include "algorithms/learning/checkpoint.h"
#include "engine/base/json.h"
#include "engine/base/json_problem.h"
#include "engine/comm/agree.h"
#include "engine/device/backends.h"
#include "engine/run/checkpoints.h"
#include "engine/run/metrics.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void TrainingSettings::options(run::Schema& s) {
  s.section("training")
      .option("steps", &steps, "gradient steps (environment steps for methods that interact)", 1)
      .option("seeds", &seeds, "agents trained together, each with a seed of its own", 1, 4096)
      .option("seed", &seed, "the first agent's seed; the others count on from it", 0)
      .option("threads", &threads, "threads; results do not depend on them; 0: all cores", 0, 1024)
      .option("device", &device,
              "cpu, cuda (the first GPU), cuda:N, or several of methods that learn from a dataset: cuda:0,1, "
              "which share the --shards, or without these the --seeds; `hardy devices` lists them");
  products.options(s);
  s.option("device-check", &device_options.check,
           "on a GPU: every kernel by itself and waited for, so that a failing one is named; slow")
      .option("log-every", &log_every, "steps between two records of metrics", 1)
      .option("eval-every", &eval_every, "steps between two evaluations; 0: a tenth of the steps", 0)
      .option("eval-episodes", &eval_episodes, "episodes of an evaluation", 1, 10000)
      .option("eval-seed", &eval_seed, "of the evaluation's episodes", 0)
      .option("checkpoint-every", &checkpoint_every, "steps between two checkpoints; 0: a fifth of the steps",
              0)
      .option("keep-last", &keep_last, "checkpoints kept", 1, 1000)
      .option("keep-policies", &keep_policies,
              "steps between two policy files that are kept; 0: the last alone", 0)
      .option("keep-best", &keep_best,
              "keep each agent's policy of its best evaluation too: policy/best_agent_N.policy");
}

std::vector<std::uint64_t> TrainingSettings::agent_seeds() const {
  std::vector<std::uint64_t> all;
  for (std::int64_t i = 0; i < seeds; ++i) all.push_back(static_cast<std::uint64_t>(seed + i));
  return all;
}

int TrainingSettings::team_size(const comm::Ranks& ranks) const {
  return threads > 0 ? static_cast<int>(threads) : comm::cores_of(ranks);
}

bool TrainingSettings::saves_at(std::int64_t step) const {
  const std::int64_t every =
      checkpoint_every > 0 ? checkpoint_every : std::max<std::int64_t>(1, this->steps / 5);
  return step % every == 0 && step < this->steps;
}

std::vector<std::unique_ptr<device::Device>> TrainingSettings::open_devices() const {
  return device::open_chosen_devices(device, products.in(device_options));
}

std::unique_ptr<device::Device> TrainingSettings::open_device() const {
  if (device::count_of(device) > 1)
    throw Error("only methods that learn from a dataset train on several devices", "--device " + device,
                "name one");
  return device::open_chosen_device(device, products.in(device_options));
}

void Trainee::write_policy_of(std::int64_t agent, const std::filesystem::path& path,
                              const nlohmann::json& about) {
  write_policy(path, policy(), policy_parameters(learner().parameters(), agent), about);
}

void restore(Trainee& trainee, const run::Archive& checkpoint, const std::string& path) {
  try {
    require_bounds(trainee.policy().bounds(), checkpoint, path);
    restore_learner(trainee.learner(), checkpoint, path);
    trainee.restore(checkpoint);
  } catch (const nlohmann::json::exception& e) {
    throw Error("is not a checkpoint of this method: " + problem_of(e), path);
  } catch (const Error& e) {
    if (!e.where().empty() && e.where().find(path) != std::string::npos) throw;
    throw Error(e.where().empty() ? e.problem() : e.where() + ": " + e.problem(), path, e.fix());
  }
}

namespace {

std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(std::filesystem::file_size(path)), '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    throw Error::failed_run("cannot be read", path);
  return bytes;
}

// The checkpoint that the first rank goes on from, restored on all of them. path, read: of the first one,
// "" where it found none; others have neither.
void restore_on_all(Trainee& trainee, std::string path, const run::Archive* read) {
  comm::Ranks& ranks = trainee.learner().ranks();
  path = comm::from_first(ranks, std::move(path));
  if (path.empty()) return;
  std::string bytes;
  if (ranks.size() > 1) {
    if (read) bytes = bytes_of_file(path);
    bytes = comm::from_first(ranks, std::move(bytes));
  }
  comm::together(ranks, [&] {
    if (read) return restore(trainee, *read, path);
    restore(trainee,
            run::Archive::read(std::as_bytes(std::span(bytes)), path, "checkpoint", kCheckpointFormat), path);
  });
}

// Whether there is another step, which all ranks must see alike: a stop that one of them is asked for is all
// ranks' before the same step.
struct StepsAhead {
  Trainee& trainee;
  std::int64_t last;
  StopToken stop;

  bool any_active() const {
    const Learner& learner = trainee.learner();
    for (std::int64_t a = 0; a < learner.agents(); ++a)
      if (learner.active(a)) return true;
    return false;
  }
  bool go_on() const {
    return trainee.steps_done() < last && any_active() &&
           !comm::any(trainee.learner().ranks(), stop.stop_requested());
  }
};

class Training {
 public:
  Training(Trainee& trainee, const TrainingSettings& settings, const RunFiles& files, const run::Watch& watch)
      : trainee_(trainee),
        c_(settings),
        files_(files),
        stop_(watch.stop),
        observer_(*watch.observer),
        ranks_(trainee.learner().ranks()),
        team_(settings.team_size(ranks_)),
        checkpoints_(files.directory.checkpoint_folder(), static_cast<int>(settings.keep_last)) {
    if (c_.eval_every == 0) c_.eval_every = std::max<std::int64_t>(1, c_.steps / 10);
    if (!files_.environment.empty())
      queue_ = std::make_unique<EvaluationQueue>(files_.environment, static_cast<int>(c_.eval_episodes),
                                                 static_cast<std::uint64_t>(c_.eval_seed), stop_);
  }

  bool run(bool resumed) {
    if (resumed) restore();
    learner().share_state();
    const std::int64_t first = trainee_.steps_done();
    log_ = std::make_unique<run::MetricsLog>(files_.directory.path(), trainee_.learner().agents(), first);
    observer_.began(files_.title, c_.steps, first);
    began_ = std::chrono::steady_clock::now();
    evaluate_if_missing(first);
    const StepsAhead steps{trainee_, c_.steps, stop_};
    while (steps.go_on()) {
      trainee_.step(team_);
      after_step(trainee_.steps_done());
    }
    trainee_.gather_for_saving();
    const std::int64_t step = trainee_.steps_done();
    const bool ran = !stop_.stop_requested() && (step == c_.steps || !steps.any_active());
    if (ran) {
      evaluate(step);
      // The last step is logged, whatever --log-every.
      if (step > first && step % c_.log_every != 0 && learner().steps_done() > 0)
        learner().ask_for_reports(step);
    }
    log_reports(true);
    tell_of_stopped_agents();
    if (queue_) record(queue_->drain());
    if (broken_episodes() > 0)
      observer_.note(std::to_string(broken_episodes()) + " episodes broke off and were cut where they stood");
    if (clipped_actions() > 0)
      observer_.note(std::to_string(clipped_actions()) +
                     " actions lay outside of the bounds and were moved to them");
    const bool unfinished = own_stopped_ || (queue_ && !queue_->unfinished().empty());
    const bool finished = ran && !unfinished;
    if (saved_ != step || unfinished) save(step);
    for (std::int64_t a = 0; a < agents(); ++a) write_policy_of(a, files_.directory.policy_file(a), step);
    trainee_.leave_in(files_.directory.path());
    write_summary(finished, step);
    if (!finished) observer_.stopped(step);
    return finished;
  }

  // What a failure of the device leaves, and how to go on.
  Error with_advice(const Error& e) const {
    if (c_.device == "cpu" || e.exit_code() != static_cast<int>(Error::Kind::kFailedRun)) return e;
    const std::string kept = saved_ > 0 ? "the checkpoint of step " + std::to_string(saved_) + " stays"
                                        : "there was no checkpoint yet",
                      check = c_.device_options.check ? "" : " (with --device-check the failing op is named)";
    return Error::failed_run(e.message(), "",
                             kept + "; go on with: hardy resume " + files_.directory.path().string() + check);
  }

 private:
  Learner& learner() { return trainee_.learner(); }
  std::int64_t agents() { return learner().agents(); }
  double seconds() const {
    return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }
  void restore() {
    const auto loaded = checkpoints_.load_newest("checkpoint", kCheckpointFormat);
    restore_on_all(trainee_, loaded ? checkpoints_.path_of(loaded->step).string() : "",
                   loaded ? &loaded->archive : nullptr);
    if (!loaded) {  // stopped before its first checkpoint, or somebody removed them
      observer_.note("there is no checkpoint: it begins at step 0 again");
      remember_said(0);
      return;
    }
    for (const std::string& damaged : loaded->warnings)
      observer_.note(damaged + "; it goes on from step " + std::to_string(loaded->step));
    if (const std::string lost = trainee_.lost_in_saving(); !lost.empty()) observer_.note(lost);
    saved_ = trainee_.steps_done();
    remember_said(saved_);
    for (std::int64_t a = 0; a < agents(); ++a) told_.push_back(!learner().active(a));
    if (!queue_) return;
    for (EvaluationQueue::Job& job : saved_evaluations(loaded->archive, trainee_.policy())) {
      queued_ = job.step;
      queue_->push(std::move(job));
    }
  }

  // What the log of the run before says up to a step, and will not say again.
  void remember_said(std::int64_t step) {
    if (!std::filesystem::exists(files_.directory.metrics_file())) return;
    for (const run::MetricsRecord& r : run::read_metrics(files_.directory.metrics_file())) {
      if (r.step > step) continue;
      seconds_before_ = std::max(seconds_before_, r.seconds);
      if (r.kind == "eval") remember(r.step, r.values);
    }
  }

  std::int64_t broken_episodes() const {
    return trainee_.broken_episodes() + (queue_ ? queue_->environment().broken_episodes() : 0);
  }
  std::int64_t clipped_actions() const {
    return trainee_.clipped_actions() + (queue_ ? queue_->environment().clipped_actions() : 0);
  }
  // The first episode that broke off, as soon as it is there.
  void tell_of_breaks() {
    if (told_of_breaks_) return;
    std::string how = trainee_.first_break();
    if (how.empty() && queue_) how = queue_->environment().first_break();
    if (how.empty()) return;
    told_of_breaks_ = true;
    observer_.note("an episode broke off: " + how + "; it is cut there, and so are others like it");
  }

  void after_step(std::int64_t step) {
    tell_of_stopped_agents();
    if (!warned_)
      if (const std::string warning = trainee_.warning(); !warning.empty()) {
        warned_ = true;
        observer_.note("step " + std::to_string(step) + ": " + warning);
      }
    if (step % kLookForBreaks == 0 || step == c_.steps) tell_of_breaks();
    if (step % c_.log_every == 0 && learner().steps_done() > 0) learner().ask_for_reports(step);
    log_reports(false);
    if (c_.keep_policies > 0 && step % c_.keep_policies == 0)
      for (std::int64_t a = 0; a < agents(); ++a)
        write_policy_of(a,
                        files_.directory.path() / "policy" /
                            ("agent_" + std::to_string(a) + "_step_" + std::to_string(step) + ".policy"),
                        step);
    if (c_.saves_at(step)) {
      trainee_.gather_for_saving();
      save(step);
    }
    if (step % c_.eval_every == 0 && step < c_.steps) evaluate(step);
    if (queue_) record(queue_->finished());
    if (observer_.wants_progress(step)) show(step);
  }

  // Those that have come; a device's come while it trains on.
  void log_reports(bool wait) {
    for (StepReports& r : learner().reports_that_came(team_, wait)) {
      r.values.merge(trainee_.own_reports());
      log({"train", r.step, seconds(), r.values});
    }
  }
  void log(const run::MetricsRecord& record) {
    log_->write(record);
    observer_.metrics(record);
  }

  void tell_of_stopped_agents() {
    told_.resize(static_cast<std::size_t>(agents()), false);
    for (std::int64_t a = 0; a < agents(); ++a) {
      if (learner().active(a) || told_[static_cast<std::size_t>(a)]) continue;
      told_[static_cast<std::size_t>(a)] = true;
      observer_.agent_stopped(a, learner().stop_reason(a));
    }
  }

  void evaluate(std::int64_t step) {
    if (step == queued_ || step == last_step_) return;  // not twice, of a finished run neither
    if (trainee_.evaluates()) return record_own(step);
    if (!queue_) return;
    queued_ = step;
    EvaluationQueue::Job job{step, trainee_.policy(), {}};
    for (std::int64_t a = 0; a < agents(); ++a)
      job.parameters.push_back(policy_parameters(learner().parameters(), a));
    queue_->push(std::move(job));
  }
  // A run that was killed after a checkpoint may have lost the evaluation that was due there.
  void evaluate_if_missing(std::int64_t step) {
    if (step > 0 && step % c_.eval_every == 0 && step < c_.steps && last_step_ != step) evaluate(step);
    if (step == 0 && trainee_.evaluates()) evaluate(0);  // what it began with
  }

  void record_own(std::int64_t step) {
    run::MetricValues values;
    try {
      values = trainee_.evaluate(team_, stop_);
    } catch (const Stopped&) {  // it is made up for when the run goes on
      own_stopped_ = true;
      return;
    }
    keep_best_of(step, values.at("score/mean"), [&](std::int64_t agent, const auto& path, const auto& about) {
      trainee_.write_policy_of(agent, path, about);
    });
    log({"eval", step, seconds(), values});
    remember(step, values);
  }

  void record(const std::vector<EvaluationQueue::Result>& results) {
    for (const auto& result : results) {
      run::MetricValues values;
      for (const Evaluation& e : result.agents) {
        values["return/mean"].push_back(e.mean_return());
        values["return/std"].push_back(e.std_return());
        values["score/mean"].push_back(e.mean_score());
        values["length/mean"].push_back(e.mean_length());
      }
      // Before the record: a run that is killed in between evaluates again and writes the same file.
      keep_best_of(
          result.step, values.at("score/mean"), [&](std::int64_t agent, const auto& path, const auto& about) {
            write_policy(path, result.spec, result.parameters[static_cast<std::size_t>(agent)], about);
          });
      log({"eval", result.step, seconds(), values});
      remember(result.step, values);
    }
  }
  // write(agent, path, about): the policy that these scores are of.
  template <class Write>
  void keep_best_of(std::int64_t step, const std::vector<double>& scores, const Write& write) {
    if (!c_.keep_best) return;
    for (std::size_t a = 0; a < scores.size(); ++a) {
      if (a < best_.size() && !(scores[a] > best_[a].second)) continue;
      const auto agent = static_cast<std::int64_t>(a);
      nlohmann::json about = about_of(agent, step);
      about["score"] = scores[a];
      write(agent, files_.directory.best_policy_file(agent), about);
    }
  }
  void remember(std::int64_t step, const run::MetricValues& values) {
    last_step_ = step;
    last_ = values;
    const std::vector<double>& scores = values.at("score/mean");
    best_.resize(scores.size(), {0, -std::numeric_limits<double>::infinity()});
    for (std::size_t a = 0; a < scores.size(); ++a)
      if (scores[a] > best_[a].second) best_[a] = {step, scores[a]};
  }

  void save(std::int64_t step) {
    // Evaluations of earlier steps reach the log first, so that a resumed run lacks none of them.
    log_reports(true);
    if (queue_) record(queue_->drain());
    run::ArchiveWriter file("checkpoint", kCheckpointFormat);
    save_learner(learner(), file);
    save_bounds(trainee_.policy().bounds(), file);
    trainee_.save(file);
    if (queue_) save_evaluations(queue_->unfinished(), file);
    checkpoints_.save(step, file);
    log_->sync();
    saved_ = step;
  }

  void write_policy_of(std::int64_t agent, const std::filesystem::path& path, std::int64_t step) {
    trainee_.write_policy_of(agent, path, about_of(agent, step));
  }
  nlohmann::json about_of(std::int64_t agent, std::int64_t step) {
    nlohmann::json about = files_.about;
    about["seed"] = learner().seeds()[static_cast<std::size_t>(agent)];
    about["step"] = step;
    return about;
  }

  void show(std::int64_t step) {
    std::vector<std::pair<std::string, double>> figures;
    if (last_.count("score/mean")) {
      double mean = 0;
      for (const double s : last_.at("score/mean")) mean += s / static_cast<double>(agents());
      figures.emplace_back("score", mean);
    }
    if (learner().steps_done() > 0)
      for (const auto& [name, values] : learner().reports())
        if (name.starts_with("loss/")) figures.emplace_back(name, values[0]);
    observer_.progress(step, figures);
  }

  void write_summary(bool finished, std::int64_t step) {
    nlohmann::json list = nlohmann::json::array();
    for (std::int64_t a = 0; a < agents(); ++a) {
      const auto i = static_cast<std::size_t>(a);
      nlohmann::json agent{{"seed", learner().seeds()[i]},
                           {"status", learner().active(a) ? "ok" : "stopped: " + learner().stop_reason(a)}};
      if (!last_.empty()) {
        agent["last"]["step"] = last_step_;
        for (const auto& [name, values] : last_) agent["last"][name] = values[i];
        agent["best"] = {{"step", best_[i].first}, {"score/mean", best_[i].second}};
        if (c_.keep_best)
          agent["best"]["policy"] =
              files_.directory.best_policy_file(a).lexically_relative(files_.directory.path()).string();
      }
      list.push_back(agent);
    }
    nlohmann::json summary{{"finished", finished}, {"steps", step}, {"seconds", seconds()}, {"agents", list}};
    if (broken_episodes() > 0) summary["broken_episodes"] = broken_episodes();
    if (clipped_actions() > 0) summary["clipped_actions"] = clipped_actions();
    if (ranks_.size() > 1)
      summary["processes"] = {{"number", ranks_.size()}, {"seconds_waited", ranks_.seconds_waited()}};
    files_.directory.write_summary(summary);
  }

  Trainee& trainee_;
  TrainingSettings c_;
  const RunFiles& files_;
  StopToken stop_;
  run::Observer& observer_;
  comm::Ranks& ranks_;
  ThreadTeam team_;
  run::Checkpoints checkpoints_;
  std::unique_ptr<EvaluationQueue> queue_;
  std::unique_ptr<run::MetricsLog> log_;
  std::chrono::steady_clock::time_point began_;
  double seconds_before_ = 0;
  std::int64_t saved_ = -1, queued_ = -1, last_step_ = -1;
  run::MetricValues last_;
  std::vector<std::pair<std::int64_t, double>> best_;
  std::vector<bool> told_;
  static constexpr std::int64_t kLookForBreaks = 64;  // steps
  bool told_of_breaks_ = false, warned_ = false, own_stopped_ = false;
};

}  // namespace

void train_along(Trainee& trainee, const TrainingSettings& settings, bool resumed, StopToken stop) {
  ThreadTeam team(settings.team_size(trainee.learner().ranks()));
  if (resumed) restore_on_all(trainee, "", nullptr);
  trainee.learner().share_state();
  const StepsAhead steps{trainee, settings.steps, stop};
  while (steps.go_on()) {
    trainee.step(team);
    if (settings.saves_at(trainee.steps_done())) trainee.gather_for_saving();
  }
  trainee.gather_for_saving();
}

bool train(Trainee& trainee, const TrainingSettings& settings, const RunFiles& files, bool resumed,
           const run::Watch& watch) {
  Training training(trainee, settings, files, watch);
  try {
    return training.run(resumed);
  } catch (const Error& e) {
    throw training.with_advice(e);
  }
}

}  // namespace hardy::algorithms
