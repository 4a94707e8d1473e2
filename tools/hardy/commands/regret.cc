// `hardy regret`: regret of adversarial-MDP learners, one run or a study over K.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "algorithms/adversarial/instance_file.h"
#include "algorithms/experiments/regret_curves.h"
#include "algorithms/experiments/regret_words.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"
#include "engine/comm/agree.h"
#include "engine/ops/gemm.h"
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

// A line for people, from the first of the ranks.
void say(const std::string& line) {
  if (comm::launched().first()) std::fprintf(stderr, "%s\n", line.c_str());
}

int run_sampled_study(const algorithms::RegretOptions& options, const std::string& out, bool json) {
  comm::Ranks& ranks = comm::launched();
  std::optional<algorithms::SampledStudy> study;
  comm::together(ranks, [&] {
    if (!out.empty()) throw Error("a sampled run has no folder", "--out", "keep what it prints, with --json");
    algorithms::SampledStudySettings settings = algorithms::sampled_settings(options);
    settings.ranks = &ranks;
    study.emplace(std::move(settings));
    say(study->cost());
  });
  const std::vector<algorithms::SampledRun> runs =
      study->run([](const std::string& line) { say("done: " + line); });
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
  for (const std::string& line : results.warnings) say("warning: " + line);
  if (json)
    std::printf("%s\n", run::json_text(json_of(results)).c_str());
  else
    std::printf("%s", (results.single ? report::single_text(results) : report::study_text(results)).c_str());
}

// What the command was asked for beside the study itself.
struct Asked {
  algorithms::RegretOptions options;
  std::string out, exported, curves;
  bool json = false, overwrite = false, or_resume = false;

  void declare(run::Schema& schema) {
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
  }
  void check() const {
    if (options.evaluation == "sampled" && !curves.empty())
      throw Error("a sampled run has no regret", "--curves", "leave it out, or ask for exact evaluation");
    if (options.evaluation == "sampled") return;
    if (or_resume && out.empty())
      throw Error("only a study in a folder can be gone on with", "--or-resume", "give --out");
    if (or_resume && !curves.empty())
      throw Error("a study that is gone on with has no curves of the runs that it finds done", "--curves",
                  "leave out --or-resume");
  }
  std::vector<std::string> read() const {  // some may be files
    std::vector<std::string> all = split(options.env, ' ');
    if (options.losses.starts_with("plugin")) all.push_back(Parameters(options.losses).word("file", ""));
    return all;
  }
};

void export_instance(const Asked& asked, const std::vector<std::filesystem::path>& inputs) {
  const run::Output output(asked.exported, {.overwrite = asked.overwrite, .inputs = inputs});
  const std::int64_t episodes = algorithms::parse_episodes(asked.options.episodes).back();
  const std::string env = asked.options.env.substr(0, asked.options.env.find(' '));
  algorithms::write_instance(output.path(), envs::make_instance(env, asked.options.losses, episodes),
                             episodes);
  if (asked.json)
    std::printf("%s\n", run::json_text({{"instance", asked.exported}}).c_str());
  else
    std::fprintf(stderr, "instance: %s\n", asked.exported.c_str());
}

// What the first rank found in the study's folder, to all: its results so far, or none.
std::optional<algorithms::RegretResults> found_by_first(comm::Ranks& ranks, StudyFolder* folder,
                                                        const std::string& out) {
  std::optional<algorithms::RegretResults> before;
  std::string text;
  comm::together(ranks, [&] {
    if (folder == nullptr) return;
    before = folder->found();
    text = run::read_results(out).object().dump();
  });
  text = comm::from_first(ranks, text);
  if (!ranks.first())
    before = algorithms::regret_results_of(run::Fields(nlohmann::json::parse(text), out + "/results.json"));
  return before;
}

int play(const Asked& asked, const run::Schema& schema, const std::vector<std::string>& args) {
  comm::Ranks& ranks = comm::launched();
  const std::string& out = asked.out;
  const std::vector<std::string> read = asked.read();
  bool there = asked.or_resume && std::filesystem::exists(std::filesystem::path(out) / "run.json");
  ranks.broadcast(std::as_writable_bytes(std::span(&there, 1)));  // as the first one sees it
  std::optional<run::Output> output, curves_output;
  std::optional<algorithms::RegretStudy> made;
  nlohmann::json about;
  comm::together(ranks, [&] {
    if (!out.empty() && !there && ranks.first()) output.emplace(out, new_folder(inputs_of(schema, read)));
    if (!asked.curves.empty()) {
      if (ranks.first())
        curves_output.emplace(
            asked.curves, run::OutputRules{.overwrite = asked.overwrite, .inputs = inputs_of(schema, read)});
      if (!algorithms::is_curves_file(asked.curves))
        throw Error("'" + asked.curves + "' is of no format that curves are written in", "--curves",
                    "a name ending in .csv or .npz would be right");
    }
    algorithms::RegretStudySettings settings = algorithms::study_settings(asked.options);
    settings.keep_curves = !asked.curves.empty();
    settings.ranks = &ranks;
    made.emplace(std::move(settings));
    about = {{"kind", "regret"},
             {"method", asked.options.method},
             {"command", command_line("regret", args)},
             {"env", asked.options.env},
             {"files", files_among(read)},
             {"device", asked.options.device},
             {"steps", made->episodes_in_all()},
             {"settings", schema.resolved_json()},
             {"resolved", schema.resolved()}};
  });
  // Other machines, other files: what they play goes into one study.
  comm::require_same(ranks, gemm_kernel_name(), "matrix kernel");
  comm::require_same(ranks, about.at("files").dump(), "environment");
  const algorithms::RegretStudy& study = *made;
  std::optional<StudyFolder> folder;
  if (!out.empty() && ranks.first())
    folder.emplace(there ? std::filesystem::path(out) : output->path(), schema.resolved(), about);
  std::optional<algorithms::RegretResults> before;
  if (there) before = found_by_first(ranks, folder ? &*folder : nullptr, out);
  if (before && before->complete) {
    if (asked.json && ranks.first())
      std::printf("%s\n", run::json_text(run::read_results(out).object()).c_str());
    say("study: " + out + " is done");
    return 0;
  }
  for (const std::string& line : study.notes()) say("note: " + line);
  comm::together(ranks, [&] {
    if (ranks.first()) say("largest run: " + study.cost());
  });
  algorithms::RegretStudy::Ears ears;
  ears.say = [&](const std::string& line) {
    if (!study.single()) say(line);
  };
  if (folder) ears.keep = [&](const algorithms::RegretResults& so_far) { folder->keep(so_far); };
  const algorithms::RegretResults results = study.run(ears, {}, before ? &*before : nullptr);
  if (folder) folder->keep(results);
  if (curves_output) algorithms::write_curves(curves_output->path(), results);
  print(results, asked.json);
  if (!out.empty()) say("study: " + out + " (hardy report " + out + " draws it)");
  return 0;
}

int run(const std::vector<std::string>& args) {
  comm::Ranks& ranks = comm::launched();
  Asked asked;
  asked.options.threads = comm::cores_of(ranks);
  run::Schema schema(
      "regret",
      "Plays learners against changing losses in linear Markov decision processes and computes their "
      "regret exactly; over several K also the exponents of its growth. Processes that mpirun starts share "
      "the replicas, to the same results.");
  asked.declare(schema);
  bool begins = false;
  comm::together(ranks, [&] { begins = parse_or_help(schema, args); });
  if (!begins) {
    std::fputs(listing().c_str(), stdout);
    return 0;
  }
  if (!asked.exported.empty()) {
    comm::together(ranks, [&] {
      if (ranks.first()) export_instance(asked, inputs_of(schema, asked.read()));
    });
    return 0;
  }
  comm::together(ranks, [&] { asked.check(); });
  if (asked.options.evaluation == "sampled") return run_sampled_study(asked.options, asked.out, asked.json);
  return play(asked, schema, args);
}

const RegisterCommand command({"regret", "regret against changing losses: runs, studies over K, exponents",
                               run, true});

}  // namespace
}  // namespace hardy::tools
