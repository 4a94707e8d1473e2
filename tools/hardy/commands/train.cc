// `hardy train METHOD ...`, `hardy resume DIR`, `hardy eval DIR`.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/policy_file.h"
#include "algorithms/experiments/training_job.h"
#include "algorithms/learning/method.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/checkpoints.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "envs/environment.h"
#include "tools/hardy/command.h"
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

// A line an agent, and the exit code: 1 when every agent had to be stopped.
int finish(const run::RunDirectory& directory, bool finished) {
  constexpr double kNone =
      std::numeric_limits<double>::quiet_NaN();  // null: an evaluation that was not finite
  bool any_ok = false;
  for (const run::Fields& agent : run::read_summary(directory.path()).value().list("agents")) {
    const std::string status = agent.text("status");
    any_ok = any_ok || status == "ok";
    std::printf("seed %lld: %s", static_cast<long long>(agent.integer("seed")), status.c_str());
    if (agent.has("last")) {
      const run::Fields last = agent.at("last"), best = agent.at("best");
      std::printf(", score %.1f (return %.1f), best %.1f at step %lld", last.number("score/mean", kNone),
                  last.number("return/mean", kNone), best.number("score/mean", kNone),
                  static_cast<long long>(best.integer("step")));
    }
    if (agent.has("best") && agent.at("best").has("policy"))
      std::printf(" (%s)", agent.at("best").text("policy").c_str());
    std::printf("\n");
  }
  std::printf("run: %s\n", directory.path().c_str());
  if (!any_ok) return 1;
  return finished ? 0 : kStoppedBySignal;
}

// A run's folder is a key of its configuration, whatever the method.
void declare_out(TrainingJob& job, std::string& out) {
  job.schema().section("run").option("out", &out, "the run's new folder");
}

int carry_out(const TrainingJob& job, algorithms::Trainee& trainee, run::RunDirectory& directory,
              const std::string& method, const std::string& command, bool resumed) {
  const nlohmann::json origin{{"method", method}, {"env", job.environment()}, {"command", command}};
  bool finished = false;
  {
    const StopSignals signals;
    ProgressLines lines("hardy resume " + directory.path().string());
    finished = algorithms::train(trainee, job.settings(), {directory, method, job.environment(), origin},
                                 resumed, {signals.token(), &lines});
  }
  return finish(directory, finished);
}

// A dataset is kept by its absolute path, and by the way to it from the run's folder, for when both move.
void remember_place(nlohmann::json& about, const fs::path& run) {
  if (!about.at("dataset").is_object()) return;
  const fs::path dataset = about.at("dataset").at("path").get<std::string>();
  about["dataset"]["from_run"] = dataset.lexically_relative(fs::absolute(run).lexically_normal()).string();
}

// Where a run's dataset lies now. `configured`: as config.ini names it; a run made by an earlier version may
// have a path there that is relative to the folder in which it was started.
std::string place_of_dataset(const std::string& configured, const run::Fields& dataset, const fs::path& run) {
  std::vector<fs::path> places{configured, run / configured};
  if (dataset.has("from_run")) places.push_back(run / dataset.text("from_run"));
  std::string tried;
  for (const fs::path& place : places) {
    if (fs::exists(place)) return place.string();
    const std::string name = fs::absolute(place).lexically_normal().string();
    if (tried.find(name) == std::string::npos) tried += (tried.empty() ? "" : ", ") + name;
  }
  throw Error("its dataset is not there any more", run.string(), "looked for " + tried);
}

int train_command(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::printf("usage: hardy train METHOD [options]\n\nmethods:\n");
    for (const auto& [name, entry] : algorithms::methods())
      std::printf("  %-10s %s\n", name.c_str(), entry.summary.c_str());
    std::printf(
        "\n  hardy train METHOD --help shows a method's options.\n"
        "  A run that SIGINT, SIGTERM or SIGHUP stops writes a checkpoint and exits with %d; hardy resume "
        "goes on "
        "with "
        "it.\n",
        kStoppedBySignal);
    return args.empty() ? 2 : 0;
  }
  const std::string method = args[0];
  const auto job = algorithms::make_training_job(method);
  std::string out = "runs/" + method;
  declare_out(*job, out);
  if (!parse_or_help(job->schema(), {args.begin() + 1, args.end()})) return 0;
  const std::string hint = "choose another --out, or go on with: hardy resume " + out;
  run::OutputRules rules =
      new_folder(inputs_of(job->schema(), {job->schema().resolved_json().value("dataset", std::string())}));
  rules.hint = hint.c_str();
  run::Output output(out, rules);
  std::string command = command_prefix() + " train";
  for (const std::string& a : args) command += " " + a;
  nlohmann::json about{{"method", method},
                       {"command", command},
                       {"created", now()},
                       {"env", job->environment()},
                       {"agents", job->settings().seeds},
                       {"seeds", job->settings().agent_seeds()},
                       {"steps", job->settings().steps}};
  const auto trainee = job->prepare(about);
  remember_place(about, out);
  about["settings"] = job->schema().resolved_json();
  if (!about.at("notes").get<std::string>().empty())
    std::fprintf(stderr, "%s\n", about.at("notes").get<std::string>().c_str());
  const std::string config = job->schema().resolved();
  run::RunDirectory directory = run::RunDirectory::create(output.path());
  output.release();
  directory.write_config(config);
  directory.write_run(about);
  return carry_out(*job, *trainee, directory, method, command, false);
}

// A run cannot be trained to a step that it has passed.
void require_steps_ahead(const run::RunDirectory& directory, std::int64_t steps) {
  const std::vector<std::int64_t> saved = run::Checkpoints(directory.checkpoint_folder()).steps();
  if (saved.empty() || steps >= saved.back()) return;
  throw Error("the run has a checkpoint of step " + std::to_string(saved.back()),
              "--steps " + std::to_string(steps), "give at least that many");
}

int resume_command(const std::vector<std::string>& args) {
  std::string path;
  std::int64_t steps = 0;
  bool device_check = false;
  run::Schema schema("resume", "Goes on with a run from its newest checkpoint, bit for bit.");
  schema.positional("DIR", &path, "a run's folder")
      .option(
          "steps", &steps,
          "train to this step, which config.ini and run.json say from then on; 0: to the run's own last one",
          0)
      .option("device-check", &device_check,
              "on a GPU: every kernel by itself and waited for, so that a failing one is named; slow");
  if (!parse_or_help(schema, args)) return 0;
  run::RunDirectory directory = run::RunDirectory::open(path);
  const run::Fields described = run::read_run(path);
  const std::string method = described.text("method");
  const auto job = algorithms::make_training_job(method);
  std::string out;
  declare_out(*job, out);
  job->schema().apply_file(directory.config_file().string());
  if (described.has("dataset"))
    job->schema().apply({{"dataset", place_of_dataset(job->schema().resolved_json().at("dataset"),
                                                      described.at("dataset"), directory.path())}},
                        path, run::Schema::Source::kCommandLine);
  if (device_check)
    job->schema().apply({{"device-check", "true"}}, "--device-check", run::Schema::Source::kCommandLine);
  const std::int64_t before = job->settings().steps;
  if (steps > 0)
    job->schema().apply({{"steps", std::to_string(steps)}}, "--steps", run::Schema::Source::kCommandLine);
  nlohmann::json about;
  const auto trainee = job->prepare(about);
  if (about.at("dataset").is_object() &&
      about.at("dataset").at("sha256") != described.at("dataset").text("sha256"))
    throw Error("is not the file that the run began with (its SHA-256 differs)",
                about.at("dataset").at("path"), "put the same file back");
  if (job->settings().steps != before) {
    require_steps_ahead(directory, steps);
    nlohmann::json longer = described.object();
    longer["steps"] = steps;
    longer["settings"] = job->schema().resolved_json();
    longer["notes"] = about.at("notes");
    longer["steps_before"].push_back(before);
    directory.write_config(job->schema().resolved());
    directory.write_run(longer);
  }
  return carry_out(*job, *trainee, directory, method, described.text("command"), true);
}

int eval_command(const std::vector<std::string>& args) {
  std::string path, environment;
  std::int64_t episodes = 10, seed = 42;
  bool best = false, json = false;
  run::Schema schema("eval", "Plays a run's policies, or one policy file, in an environment.");
  schema.positional("PATH", &path, "a run's folder, or a .policy file")
      .option("best", &best,
              "of a run: the policies of its best evaluations, which train's --keep-best keeps")
      .option("env", &environment, "environment; default: that of the training")
      .option("episodes", &episodes, "episodes for each policy", 1, 100000)
      .option("seed", &seed, "of the episodes", 0)
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  if (!fs::exists(path)) throw Error("there is no such file or folder", path);
  std::vector<fs::path> files;
  if (best && !fs::is_directory(path))
    throw Error("a policy file is played as it is", "--best", "leave it out");
  if (fs::is_directory(path)) {
    const run::Fields described = run::read_run(path);
    if (environment.empty()) environment = described.text("env", "");
    const std::int64_t agents = described.integer("agents");
    for (std::int64_t a = 0; a < agents; ++a)
      files.push_back(fs::path(path) / "policy" /
                      ((best ? "best_agent_" : "agent_") + std::to_string(a) + ".policy"));
    for (const fs::path& file : files)
      if (!fs::exists(file))
        throw Error("there is no such file", file.string(),
                    best ? "the run was not trained with --keep-best, or has not been evaluated yet"
                         : "the run has not ended; `hardy resume` goes on with it");
  } else {
    files.emplace_back(path);
  }
  nlohmann::json results = nlohmann::json::array();
  for (const fs::path& file : files) {
    const algorithms::LoadedPolicy policy = algorithms::read_policy(file);
    const std::string where = environment.empty() ? policy.environment : environment;
    if (where.empty())
      throw Error("in which environment? " + file.string() + " does not say", "--env",
                  "give one of " + join(envs::environment_names(), ", "));
    const auto e = algorithms::evaluate(policy.spec, policy.parameters, where, static_cast<int>(episodes),
                                        static_cast<std::uint64_t>(seed));
    if (!json)
      std::printf("%s: score %.1f, return %.1f +- %.1f over %lld episodes, length %.0f\n", file.c_str(),
                  e.mean_score(), e.mean_return(), e.std_return(), static_cast<long long>(episodes),
                  e.mean_length());
    results.push_back({{"policy", file.string()},
                       {"returns", e.returns},
                       {"lengths", e.lengths},
                       {"score", e.mean_score()},
                       {"return", e.mean_return()}});
  }
  if (json) std::printf("%s\n", run::json_text(results).c_str());
  return 0;
}

const RegisterCommand train_registration({"train", "train a method; `hardy train` lists them",
                                          train_command});
const RegisterCommand resume_registration({"resume", "go on with a run, bit for bit", resume_command});
const RegisterCommand eval_registration({"eval", "play a run's policies in their environment", eval_command});

}  // namespace
}  // namespace hardy::tools
