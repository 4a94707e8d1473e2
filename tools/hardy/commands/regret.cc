// `hardy regret`: regret of adversarial-MDP learners, one run or a study over K.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "algorithms/adversarial/instance_file.h"
#include "algorithms/experiments/regret_curves.h"
#include "algorithms/experiments/regret_words.h"
#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "envs/linear_mdp/implicit.h"
#include "tools/hardy/command.h"
#include "tools/hardy/files_of_run.h"
#include "tools/report/regret_text.h"

namespace hardy::tools {
namespace {

std::string listing() {
  std::string text = "\nmethods:\n";
  for (const auto& m : algorithms::regret_methods()) {
    text += "  " + m.name + "  " + m.summary + "\n";
    for (const auto& key : m.keys) text += "    :" + key.name + "=" + key.law + "  " + key.summary + "\n";
  }
  text += "\nenvironments (or a file FILE.hdf5 or FILE.npz):\n";
  for (const auto& f : envs::linear_families())
    text += "  " + f.name + ":" + f.keys + "  " + f.summary + "\n";
  text += "\nenvironments whose states cannot be listed (--evaluation sampled):\n";
  for (const auto& f : envs::implicit_families())
    text += "  " + f.name + ":" + f.keys + "  " + f.summary + "\n";
  text += "\nlosses:\n ";
  for (const auto& name : envs::loss_process_names())
    text +=
        " " + name + (name == "plugin" ? ":file=FILE.so,seed=0,... (a function in C, hardy/losses.h)" : "");
  return text + "\n";
}

int run_sampled_study(const algorithms::RegretOptions& options, const std::string& out, bool json) {
  if (!out.empty()) throw Error("a sampled run has no folder", "--out", "keep what it prints, with --json");
  const algorithms::SampledStudy study(algorithms::sampled_settings(options));
  std::fprintf(stderr, "%s\n", study.cost().c_str());
  const std::vector<algorithms::SampledRun> runs =
      study.run([](const std::string& line) { std::fprintf(stderr, "done: %s\n", line.c_str()); });
  std::printf("%s", (json ? run::json_text(json_of(runs)) + "\n" : report::sampled_text(runs)).c_str());
  return 0;
}

std::string command_line(const std::string& command, const std::vector<std::string>& args) {
  std::string line = "hardy " + command;
  for (const std::string& a : args) line += " " + (a.find(' ') == std::string::npos ? a : "'" + a + "'");
  return line;
}

// Instances that are files: results go on from theirs alone.
nlohmann::json files_among(const std::vector<std::string>& envs) {
  nlohmann::json files = nlohmann::json::array();
  for (const std::string& env : envs)
    if (std::filesystem::is_regular_file(env))
      files.push_back({{"path", env}, {"sha256", run::sha256_of_file(env)}});
  return files;
}

// The folder of a study that is running: made when there is something to keep, so that a study which could
// not begin leaves nothing, and one that is stopped leaves what it had; or found there.
class StudyFolder {
 public:
  StudyFolder(std::filesystem::path path, std::string config, nlohmann::json about)
      : path_(std::move(path)), config_(std::move(config)), about_(std::move(about)) {}

  // What the same command has kept in it. Errors: another study's, or in use.
  algorithms::RegretResults found() {
    directory_.emplace(run::RunDirectory::open(path_));
    remove_leavings_beside(path_);
    const run::Fields described = run::read_run(path_);
    if (described.text("kind", "") != "regret")
      throw Error("holds another kind of run", path_.string(), "choose another --out");
    require_same_settings(described, about_.at("settings"),
                          {"out", "or-resume", "threads", "json", "overwrite"}, path_);
    for (const run::Fields& file : described.list("files")) require_same_file(file, file.text("path"));
    algorithms::RegretResults before = algorithms::regret_results_of(run::read_results(path_));
    const auto summary = run::read_summary(path_);
    if (!summary || summary->flag("finished", false) != before.complete)
      summarise(before);  // a kill came between
    return before;
  }
  void keep(const algorithms::RegretResults& so_far) {
    const nlohmann::json results = json_of(so_far);
    if (directory_) {
      directory_->write_results(results);
      summarise(so_far);
      return;
    }
    directory_.emplace(run::RunDirectory::create(path_, {}));
    directory_->write_config(config_);
    directory_->write_results(results);
    summarise(so_far);
    directory_->write_run(about_);  // and it is seen, whole
  }

 private:
  // How far it is, in little: a grid has a thousand of them looked at.
  void summarise(const algorithms::RegretResults& so_far) const {
    double seconds = 0;
    for (const algorithms::EnvironmentResults& e : so_far.studies) {
      for (const algorithms::MethodResults& m : e.methods) seconds += m.seconds;
      if (e.unfinished) seconds += e.unfinished->seconds;
    }
    directory_->write_summary({{"finished", so_far.complete},
                               {"steps", so_far.episodes_played()},
                               {"seconds", so_far.complete ? so_far.seconds : seconds}});
  }

  std::filesystem::path path_;
  std::string config_;
  nlohmann::json about_;
  std::optional<run::RunDirectory> directory_;
};

void print(const algorithms::RegretResults& results, bool json) {
  for (const std::string& line : results.warnings) std::fprintf(stderr, "warning: %s\n", line.c_str());
  if (json)
    std::printf("%s\n", run::json_text(json_of(results)).c_str());
  else
    std::printf("%s", (results.single ? report::single_text(results) : report::study_text(results)).c_str());
}

int run(const std::vector<std::string>& args) {
  algorithms::RegretOptions options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  std::string out, exported, curves;
  bool json = false, overwrite = false, or_resume = false;
  run::Schema schema(
      "regret",
      "Plays learners against changing losses in linear Markov decision processes and computes their "
      "regret exactly; over several K also the exponents of its growth.");
  options.options(schema);
  schema
      .option("out", &out,
              "a new folder for config.ini, run.json and results.json, kept up while the study runs")
      .option("or-resume", &or_resume,
              "where --out holds this study already: play what it lacks, or find it done")
      .option("export", &exported,
              "write the instance to this file, .hdf5 or .npz (of the first environment), and play nothing")
      .option("curves", &curves,
              "write every replica's regret at the curve's points, of every K, to this file, .csv or .npz")
      .option("overwrite", &overwrite, "replace the exported file, or that of the curves, if it exists")
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) {
    std::fputs(listing().c_str(), stdout);
    return 0;
  }
  std::vector<std::string> read = split(options.env, ' ');  // some may be files
  if (options.losses.starts_with("plugin")) read.push_back(Parameters(options.losses).word("file", ""));
  if (!exported.empty()) {
    const run::Output output(exported, {.overwrite = overwrite, .inputs = inputs_of(schema, read)});
    const std::int64_t episodes = algorithms::parse_episodes(options.episodes).back();
    const std::string env = options.env.substr(0, options.env.find(' '));
    algorithms::write_instance(output.path(), envs::make_instance(env, options.losses, episodes), episodes);
    if (json)
      std::printf("%s\n", run::json_text({{"instance", exported}}).c_str());
    else
      std::fprintf(stderr, "instance: %s\n", exported.c_str());
    return 0;
  }
  if (options.evaluation == "sampled" && !curves.empty())
    throw Error("a sampled run has no regret", "--curves", "leave it out, or ask for exact evaluation");
  if (options.evaluation == "sampled") return run_sampled_study(options, out, json);
  if (or_resume && out.empty())
    throw Error("only a study in a folder can be gone on with", "--or-resume", "give --out");
  if (or_resume && !curves.empty())
    throw Error("a study that is gone on with has no curves of the runs that it finds done", "--curves",
                "leave out --or-resume");
  const bool there = or_resume && std::filesystem::exists(std::filesystem::path(out) / "run.json");
  std::optional<run::Output> output, curves_output;
  if (!out.empty() && !there) output.emplace(out, new_folder(inputs_of(schema, read)));
  if (!curves.empty()) {
    curves_output.emplace(curves,
                          run::OutputRules{.overwrite = overwrite, .inputs = inputs_of(schema, read)});
    if (!algorithms::is_curves_file(curves))
      throw Error("'" + curves + "' is of no format that curves are written in", "--curves",
                  "a name ending in .csv or .npz would be right");
  }
  algorithms::RegretStudySettings settings = algorithms::study_settings(options);
  settings.keep_curves = curves_output.has_value();
  const algorithms::RegretStudy study(settings);
  std::optional<StudyFolder> folder;
  if (!out.empty())
    folder.emplace(there ? std::filesystem::path(out) : output->path(), schema.resolved(),
                   nlohmann::json{{"kind", "regret"},
                                  {"method", options.method},
                                  {"command", command_line("regret", args)},
                                  {"env", options.env},
                                  {"files", files_among(read)},
                                  {"steps", study.episodes_in_all()},
                                  {"settings", schema.resolved_json()},
                                  {"resolved", schema.resolved()}});
  std::optional<algorithms::RegretResults> before;
  if (there) before = folder->found();
  if (before && before->complete) {
    if (json) std::printf("%s\n", run::json_text(run::read_results(out).object()).c_str());
    std::fprintf(stderr, "study: %s is done\n", out.c_str());
    return 0;
  }
  for (const std::string& line : study.notes()) std::fprintf(stderr, "note: %s\n", line.c_str());
  std::fprintf(stderr, "largest run: %s\n", study.cost().c_str());
  algorithms::RegretStudy::Ears ears;
  ears.say = [&](const std::string& line) {
    if (!study.single()) std::fprintf(stderr, "%s\n", line.c_str());
  };
  if (folder) ears.keep = [&](const algorithms::RegretResults& so_far) { folder->keep(so_far); };
  const algorithms::RegretResults results = study.run(ears, {}, before ? &*before : nullptr);
  if (folder) folder->keep(results);
  if (curves_output) algorithms::write_curves(curves_output->path(), results);
  print(results, json);
  if (!out.empty()) std::fprintf(stderr, "study: %s (hardy report %s draws it)\n", out.c_str(), out.c_str());
  return 0;
}

const RegisterCommand command({"regret", "regret against changing losses: runs, studies over K, exponents",
                               run});

}  // namespace
}  // namespace hardy::tools
