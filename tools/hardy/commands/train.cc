// `hardy train METHOD ...`, `hardy resume DIR`.
#include "tools/hardy/train.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

#include "algorithms/experiments/job_settings.h"
#include "algorithms/experiments/training_job.h"
#include "algorithms/learning/checkpoint.h"
#include "algorithms/learning/method.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/comm/agree.h"
#include "engine/ops/gemm.h"
#include "engine/run/checkpoints.h"
#include "engine/run/metrics.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "envs/environment.h"
#include "tools/hardy/command.h"
#include "tools/hardy/files_of_run.h"
#include "tools/hardy/plugins.h"
#include "tools/hardy/progress.h"
#include "tools/hardy/signals.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;
using algorithms::TrainingJob;

std::string now() {
  const std::time_t t = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&t));
  return text;
}

// A line an agent, unless somebody else hears of the run; and the exit code: 1 when every agent had to be
// stopped.
int finish(const run::RunDirectory& directory, bool finished, const run::Watch* heard) {
  constexpr double kNone =
      std::numeric_limits<double>::quiet_NaN();  // null: an evaluation that was not finite
  bool any_ok = false;
  for (const run::Fields& agent : run::read_summary(directory.path()).value().list("agents")) {
    const std::string status = agent.text("status");
    any_ok = any_ok || status == "ok";
    if (heard) continue;
    std::printf("seed %lld: %s", static_cast<long long>(agent.integer("seed")), status.c_str());
    if (agent.has("last")) {
      const run::Fields last = agent.at("last"), best = agent.at("best");
      const bool plays = last.has("return/mean");
      std::printf(", score %.1f (%s %.1f), best %.1f at step %lld", last.number("score/mean", kNone),
                  plays ? "return" : "greedy",
                  plays ? last.number("return/mean", kNone) : 100 * last.number("greedy/mean", kNone),
                  best.number("score/mean", kNone), static_cast<long long>(best.integer("step")));
    }
    if (agent.has("best") && agent.at("best").has("policy"))
      std::printf(" (%s)", agent.at("best").text("policy").c_str());
    std::printf("\n");
  }
  if (!heard) std::printf("run: %s\n", directory.path().c_str());
  if (!any_ok) return 1;
  return finished ? 0 : kStoppedBySignal;
}

// A run's folder is a key of its configuration, whatever the method.
struct Place {
  std::string out;
  bool or_resume = false;
};
void declare(TrainingJob& job, Place& place) {
  job.schema()
      .section("run")
      .option("out", &place.out, "the run's new folder")
      .option("or-resume", &place.or_resume,
              "where the folder holds this run already: go on with it, or find it done");
}

// directory: null of a rank that trains along. heard: who hears of it and may stop it; null: signals stop it,
// and lines on standard error tell of it.
int carry_out(const TrainingJob& job, algorithms::Trainee& trainee, run::RunDirectory* directory,
              const std::string& method, const std::string& command, bool resumed, const run::Watch* heard) {
  comm::Ranks& ranks = comm::launched();
  // Other machines, other files: what they compute goes into one sum.
  comm::require_same(ranks, gemm_kernel_name(), "matrix kernel");
  bool finished = true;
  {
    std::optional<StopSignals> signals;
    if (!heard) signals.emplace();
    const StopToken stop = heard ? heard->stop : signals->token();
    if (!directory) {
      algorithms::train_along(trainee, job.settings(), resumed, stop);
    } else {
      const nlohmann::json origin{{"method", method}, {"env", job.environment()}, {"command", command}};
      ProgressLines lines("hardy resume " + directory->path().string());
      finished = algorithms::train(trainee, job.settings(), {*directory, method, job.environment(), origin},
                                   resumed, heard ? *heard : run::Watch{stop, &lines});
    }
    ranks.barrier();  // a signal ends none of them before the first has written all
  }
  return directory ? finish(*directory, finished, heard) : 0;
}

// All ranks learn from the same.
void require_same_data(comm::Ranks& ranks, const nlohmann::json& about) {
  const bool prompts = about.contains("prompts");
  const nlohmann::json& learned = about.at(prompts ? "prompts" : "dataset");
  comm::require_same(ranks, learned.is_object() ? learned.value("sha256", std::string()) : "",
                     prompts ? "set of prompts" : "dataset");
}

// A run cannot be trained to a step that it has passed.
void require_steps_ahead(const run::RunDirectory& directory, std::int64_t steps) {
  const std::vector<std::int64_t> saved = run::Checkpoints(directory.checkpoint_folder()).steps();
  if (saved.empty() || steps >= saved.back()) return;
  throw Error("the run has a checkpoint of step " + std::to_string(saved.back()),
              "--steps " + std::to_string(steps), "give at least that many");
}

// Whatever training would refuse of the run's files is refused before any of them is changed.
void require_fitting(const run::RunDirectory& directory, algorithms::Trainee& trainee) {
  if (fs::exists(directory.metrics_file())) static_cast<void>(run::read_metrics(directory.metrics_file()));
  const run::Checkpoints checkpoints(directory.checkpoint_folder());
  if (const auto newest = checkpoints.load_newest("checkpoint", algorithms::kCheckpointFormat))
    algorithms::restore(trainee, newest->archive, checkpoints.path_of(newest->step).string());
}

// What config.ini says of a run is what run.json, its page and its policies say of it. A kill while
// `resume --steps` changed both may have left the older number of steps in config.ini.
void require_own_configuration(TrainingJob& job, const run::Fields& described, const fs::path& config) {
  if (!described.has("settings")) return;  // an early version's
  const nlohmann::json now = job.schema().resolved_json(), then = described.at("settings").object();
  for (const auto& [key, value] : then.items()) {
    if (key == "dataset" || key == "out" || !now.contains(key) || now.at(key) == value) continue;
    if (described.has("steps_before") &&
        std::pair(key, now.at(key).get<std::string>()) ==
            job.ends_at(static_cast<std::int64_t>(described.numbers("steps_before").back()))) {
      job.schema().apply({{key, value.get<std::string>()}}, "run.json", run::Schema::Source::kCommandLine);
      continue;
    }
    throw Error("says " + key + " = " + now.at(key).get<std::string>() + ", the run began with " +
                    value.get<std::string>(),
                config.string(),
                key == job.ends_at(job.settings().steps).first ? "put it back; --steps trains further"
                                                               : "put it back, or begin another run");
  }
}

struct Resumption {
  std::int64_t steps = 0;     // 0: the run's own
  std::int64_t threads = -1;  // < 0: the run's own
  std::string device = {};    // "": the run's own
  bool device_check = false;
};

// A run goes on bit for bit, which another kind of device would not do.
void require_kind_of_device(const std::string& asked, const std::string& began) {
  const auto kind = [](const std::string& name) { return name.substr(0, name.find(':')); };
  if (kind(asked) == kind(began)) return;
  const std::string others = kind(began) == "cpu" ? "" : ", give another " + kind(began) + ":N";
  throw Error("the run trains on " + began + ", and on another kind its numbers would be others",
              "--device " + asked, "leave it out" + others + ", or begin another run");
}

// What goes on: its folder, which the first rank alone has, and all else that every rank has.
struct Continued {
  std::optional<run::RunDirectory> directory;
  std::string method, command;
  std::unique_ptr<TrainingJob> job;
  std::unique_ptr<algorithms::Trainee> trainee;
  nlohmann::json about;
};

void prepare(Continued& c, const fs::path& path, const Resumption& r) {
  comm::Ranks& ranks = comm::launched();
  if (ranks.first()) {
    c.directory.emplace(run::RunDirectory::open(path));
    remove_leavings_beside(path);
  }
  const run::Fields described = run::read_run(path);
  if (described.has("kind"))
    throw Error("is a study, not a training", path.string(),
                "a regret study goes on with: hardy regret --config " + (path / "config.ini").string() +
                    " --out " + path.string() + " --or-resume");
  c.method = described.text("method"), c.command = described.text("command");
  c.job = algorithms::make_training_job(c.method);
  TrainingJob& job = *c.job;
  job.across(ranks);
  Place place;
  declare(job, place);
  run::Schema& schema = job.schema();
  const fs::path file = path / "config.ini";
  schema.apply_file(file.string());
  require_own_configuration(job, described, file);
  const auto override_with = [&](const std::string& key, const std::string& value) {
    schema.apply({{key, value}}, "--" + key, run::Schema::Source::kCommandLine);
  };
  if (described.has("dataset"))
    override_with("dataset", place_now(schema.resolved_json().at("dataset"), "its dataset",
                                       described.at("dataset"), path));
  const std::int64_t before = job.settings().steps;
  const std::pair<std::string, std::string> end = job.ends_at(r.steps > 0 ? r.steps : before);
  if (r.steps > 0) override_with(end.first, end.second);
  const std::string config = schema.resolved();
  if (r.threads >= 0) override_with("threads", std::to_string(r.threads));
  if (!r.device.empty()) {
    require_kind_of_device(r.device, job.settings().device);
    override_with("device", r.device);
  }
  if (r.device_check) override_with("device-check", "true");
  if (described.has("environment_file")) {  // before it is loaded
    const std::string environment = environment_now(described, path);
    require_same_file(described.at("environment_file"), envs::file_in(environment));
    override_with("env", environment);
  }
  nlohmann::json& about = c.about;
  ProgressLines lines("the same command");
  if (ranks.first()) job.prepares_before(lines);
  c.trainee = job.prepare(about);
  if (about.at("dataset").is_object())
    require_same_sha256(described.at("dataset"), about.at("dataset").at("path"),
                        about.at("dataset").at("sha256"));
  if (c.directory && job.settings().steps != before) {
    run::RunDirectory& directory = *c.directory;
    require_steps_ahead(directory, r.steps);
    require_fitting(directory, *c.trainee);
    nlohmann::json longer = described.object();
    longer["steps"] = r.steps;
    if (longer.contains("settings")) longer["settings"][end.first] = end.second;
    longer["notes"] = about.at("notes");
    longer["steps_before"].push_back(before);
    directory.write_run(longer);  // first: what it says is believed
    directory.write_config(config);
  }
}

int go_on(const fs::path& path, const Resumption& r, const run::Watch* heard = nullptr) {
  comm::Ranks& ranks = comm::launched();
  Continued c;
  comm::together(ranks, [&] { prepare(c, path, r); });
  require_same_data(ranks, c.about);
  return carry_out(*c.job, *c.trainee, c.directory ? &*c.directory : nullptr, c.method, c.command, true,
                   heard);
}

int resume_command(const std::vector<std::string>& args) {
  std::string path;
  Resumption r;
  run::Schema schema("resume", "Goes on with a run from its newest checkpoint, bit for bit.");
  schema.positional("DIR", &path, "a run's folder")
      .option(
          "steps", &r.steps,
          "train to this step, which config.ini and run.json say from then on; 0: to the run's own last one",
          0)
      .option("threads", &r.threads,
              "this time; results do not depend on them; 0: all cores, -1: as many as the run says", -1, 1024)
      .option(
          "device", &r.device,
          "this time; another one of the kind that the run trains on, such as cuda:1 or cuda:0,1: results "
          "do not depend on it; by default the run's own")
      .option("device-check", &r.device_check,
              "on a GPU: every kernel by itself and waited for, so that a failing one is named; slow");
  bool begins = false;
  comm::together(comm::launched(), [&] { begins = parse_or_help(schema, args); });
  return begins ? go_on(path, r) : 0;
}

// The folder holds a run: it is this very one. Whether it has ended.
bool has_ended(TrainingJob& asked, const std::string& method, const std::string& out) {
  const run::Fields described = run::read_run(out);
  if (comm::launched().first()) remove_leavings_beside(out);
  if (described.text("method") != method) refuse_another_run(out, "method", described.text("method"), method);
  nlohmann::json ours = asked.schema().resolved_json();
  if (!ours.value("dataset", std::string()).empty())
    ours["dataset"] = fs::absolute(ours.at("dataset").get<std::string>()).lexically_normal().string();
  if (ours.contains("env")) ours["env"] = envs::absolute_name(ours.at("env"));
  require_same_settings(described, ours, {"out", "or-resume", "threads", "prepared"}, out);
  const auto summary = run::read_summary(out);
  return summary && summary->flag("finished") && summary->integer("steps") >= asked.settings().steps;
}

// This run is gone on with, and nothing is done for one that has ended.
int or_resume(TrainingJob& asked, const std::string& method, const std::string& out,
              const run::Watch* heard) {
  comm::Ranks& ranks = comm::launched();
  bool ended = false;
  comm::together(ranks, [&] { ended = has_ended(asked, method, out); });
  ranks.broadcast(std::as_writable_bytes(std::span(&ended, 1)));
  if (!ended) return go_on(out, {.threads = asked.settings().threads}, heard);
  return ranks.first() ? finish(run::RunDirectory::open(out), true, heard) : 0;
}

void tell(const std::string& notes, const run::Watch* heard) {
  if (notes.empty()) return;
  if (heard)
    heard->observer->note(notes);
  else
    std::fprintf(stderr, "%s\n", notes.c_str());
}

int train_as(const std::vector<std::string>& args, const run::Watch* heard) {
  comm::Ranks& ranks = comm::launched();
  const std::string method = args[0];
  std::unique_ptr<TrainingJob> job;
  Place place{"runs/" + method};
  bool begins = false;
  comm::together(ranks, [&] {
    job = algorithms::make_training_job(method);
    job->across(ranks);
    declare(*job, place);
    begins = parse_or_help(job->schema(), {args.begin() + 1, args.end()});
    if (begins) algorithms::require_seeds(job->settings());
  });
  if (!begins) return 0;
  if (const std::string text = job->explanation(); !text.empty()) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const std::string& out = place.out;
  bool there = place.or_resume && fs::exists(fs::path(out) / "run.json");
  ranks.broadcast(std::as_writable_bytes(std::span(&there, 1)));  // as the first one sees it
  if (there) return or_resume(*job, method, out, heard);
  const std::string hint = "choose another --out, or go on with: hardy resume " + out;
  std::optional<run::Output> output;
  std::string command = command_prefix() + " train";
  for (const std::string& a : args) command += " " + a;
  nlohmann::json about{{"method", method},
                       {"command", command},
                       {"created", now()},
                       {"agents", job->settings().seeds},
                       {"seeds", job->settings().agent_seeds()},
                       {"steps", job->settings().steps}};
  std::unique_ptr<algorithms::Trainee> trainee;
  comm::together(ranks, [&] {
    run::OutputRules rules =
        new_folder(inputs_of(job->schema(), {job->schema().resolved_json().value("dataset", std::string())}));
    rules.hint = hint.c_str();
    if (ranks.first()) output.emplace(out, rules);
    static_cast<void>(job->schema().resolved());  // what config.ini cannot hold is refused before the work
    ProgressLines lines("the same command");
    if (!heard && ranks.first()) job->prepares_before(lines);
    trainee = job->prepare(about);
  });
  require_same_data(ranks, about);
  std::optional<run::RunDirectory> directory;
  comm::together(ranks, [&] {
    if (!ranks.first()) return;
    about["env"] = job->environment();  // by its absolute path, where it is made of a file
    remember_files(about, out);
    about["settings"] = job->schema().resolved_json();
    tell(about.at("notes").get<std::string>(), heard);
    const std::string config = job->schema().resolved();
    directory.emplace(run::RunDirectory::create(output->path()));
    directory->write_config(config);
    directory->write_run(about);
    output->release();
  });
  return carry_out(*job, *trainee, directory ? &*directory : nullptr, method, command, false, heard);
}

int train_command(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::printf("usage: hardy train METHOD [options]\n\nmethods:\n");
    for (const auto& [name, summary] : algorithms::training_methods())
      std::printf("  %-13s %s\n", name.c_str(), summary.c_str());
    std::printf(
        "\n  hardy train METHOD --help shows a method's options.\n"
        "  A run that SIGINT, SIGTERM or SIGHUP stops writes a checkpoint and exits with %d; hardy resume "
        "goes "
        "on with it,\n"
        "  and so does the same command with --or-resume, however often it is called.\n"
        "  `mpirun -n N hardy train METHOD ...` trains in N processes, to the bytes of one: they share the "
        "--shards of a batch,\n"
        "  the prompts of token policies, and the environments of methods that interact.\n",
        kStoppedBySignal);
    return args.empty() ? 2 : 0;
  }
  return train_as(args, nullptr);
}

const RegisterCommand train_registration({"train", "train a method; `hardy train` lists them", train_command,
                                          true});
const RegisterCommand resume_registration({"resume", "go on with a run, bit for bit", resume_command, true});

}  // namespace

bool train(const std::vector<std::string>& words, const run::Watch& watch) {
  return train_as(words, &watch) != kStoppedBySignal;
}

}  // namespace hardy::tools
