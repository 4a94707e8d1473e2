// `hardy regret`: regret of adversarial-MDP learners, one run or a study over K.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "algorithms/adversarial/instance_file.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "envs/linear_mdp/implicit.h"
#include "tools/hardy/command.h"
#include "tools/hardy/regret_text.h"
#include "tools/hardy/regret_words.h"

namespace hardy::tools {
namespace {

std::string listing() {
  std::string text = "\nmethods:\n";
  for (const auto& m : algorithms::regret_methods()) text += "  " + m.name + "  " + m.summary + "\n";
  text += "\nenvironments (or a file FILE.hdf5):\n";
  for (const auto& f : envs::linear_families())
    text += "  " + f.name + ":" + f.keys + "  " + f.summary + "\n";
  text += "\nenvironments whose states cannot be listed (--evaluation sampled):\n";
  for (const auto& f : envs::implicit_families())
    text += "  " + f.name + ":" + f.keys + "  " + f.summary + "\n";
  text += "\nlosses:\n ";
  for (const auto& name : envs::loss_process_names()) text += " " + name;
  return text + "\n";
}

void declare(run::Schema& schema, RegretOptions& o) {
  schema.section("what is played")
      .option("env", &o.env,
              "environments, e.g. simplex:seed=1,H=3,S=4,A=3,d=3, or files; separated by blanks")
      .option("losses", &o.losses,
              "the loss process, e.g. switching:period=K/4; default: the environment's own")
      .option("episodes", &o.episodes, "K, or several: '1024 4096', 2^10..2^17")
      .option("evaluation", &o.evaluation,
              "exact: values and the best fixed policy by enumeration; sampled: the losses of played "
              "trajectories, for states that cannot be listed (ftrl_log_barrier and exp_weights, empirical "
              "covariance)",
              {"exact", "sampled"})
      .option("strict", &o.strict, "refuse instances that are no linear MDPs (farther than 1e-6 from one)")
      .option("memory", &o.memory_gb, "GB that a sampled run's touched states may take", 0.001, 1e6)
      .section("who plays")
      .option("method", &o.method,
              "methods separated by blanks, each with settings of its own if need be: "
              "exp_weights:c_eta=20,gamma=0.01")
      .option("preset", &o.preset, "unit scalings, the analysis' own constants, or eta, beta, gamma as given",
              {"theory", "literal", "explicit"})
      .option("c-eta", &o.c_eta, "times the preset's eta", 0)
      .option("c-beta", &o.c_beta, "times the preset's beta", 0)
      .option("c-gamma", &o.c_gamma, "times the preset's gamma", 0)
      .option("eta", &o.eta,
              "step size of FTRL instead of the preset's: a number, or a law such as "
              "0.5*sqrt(log(A)/(d*K))/H^2")
      .option("beta", &o.beta, "scale of the bonus instead of the preset's, likewise")
      .option("gamma", &o.gamma, "of the regularised inverse instead of the preset's, likewise, in (0, 1]")
      .option("covariance", &o.covariance, "exact, empirical, empirical:M=100, mgr:M=10,N=100")
      .section("replicas")
      .option("replicas", &o.replicas, "of each run, seed, seed + 1, ...", 1, 1000000)
      .option("seed", &o.seed, "of the first replica", 0)
      .option("random", &o.random, "philox, or splitmix64:SEED, one sequence a replica")
      .option("threads", &o.threads, "threads", 1, 1024)
      .section("policy cover of the simulator-free learner (0: its own, docs/adversarial.md)")
      .option("delta-e", &o.delta_e, "share of exploring episodes; a law like --eta, as the next three")
      .option("alpha", &o.alpha,
              "a state is known where phi' L^-1 phi is at most this; 0: what the cover achieves")
      .option("epoch", &o.epoch, "episodes of an epoch")
      .option("cover-episodes", &o.cover_episodes, "spent on finding the cover")
      .option("cover-rounds", &o.cover_rounds, "of the cover, a policy each", 1, 100000)
      .option("cover-bonus", &o.cover_bonus, "width that the cover's planner adds", 0)
      .option("cover-oracle", &o.cover_oracle, "compute the cover from the known transitions")
      .section("report")
      .option("curve", &o.curve, "points of the curve over episodes", 2, 10000)
      .option("trajectories", &o.trajectories, "of the first episodes to be shown", 0, 1000)
      .option("resamples", &o.resamples, "of the bootstrap", 10, 1000000)
      .option("title", &o.title, "of the page");
}

int run_sampled_study(const RegretOptions& options, const std::string& out, bool json) {
  if (!out.empty()) throw Error("a sampled run has no folder", "--out", "keep what it prints, with --json");
  const algorithms::SampledStudy study(sampled_settings(options));
  std::fprintf(stderr, "%s\n", study.cost().c_str());
  const std::vector<algorithms::SampledRun> runs =
      study.run([](const std::string& line) { std::fprintf(stderr, "done: %s\n", line.c_str()); });
  std::printf("%s", (json ? run::json_text(json_of(runs)) + "\n" : sampled_text(runs)).c_str());
  return 0;
}

std::string command_line(const std::string& command, const std::vector<std::string>& args) {
  std::string line = "hardy " + command;
  for (const std::string& a : args) line += " " + (a.find(' ') == std::string::npos ? a : "'" + a + "'");
  return line;
}

// The folder of a study that is running: made when there is something to keep, so that a study which could
// not begin leaves nothing, and one that is stopped leaves what it had.
class StudyFolder {
 public:
  StudyFolder(std::filesystem::path path, std::string config, nlohmann::json about)
      : path_(std::move(path)), config_(std::move(config)), about_(std::move(about)) {}
  void keep(const algorithms::RegretResults& so_far) {
    const nlohmann::json results = json_of(so_far);
    if (!directory_) {
      directory_.emplace(run::RunDirectory::create(path_, {}));
      directory_->write_config(config_);
      directory_->write_results(results);
      directory_->write_run(about_);  // and it is seen, whole
      return;
    }
    directory_->write_results(results);
  }

 private:
  std::filesystem::path path_;
  std::string config_;
  nlohmann::json about_;
  std::optional<run::RunDirectory> directory_;
};

int run(const std::vector<std::string>& args) {
  RegretOptions options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  std::string out, exported;
  bool json = false, overwrite = false;
  run::Schema schema(
      "regret",
      "Plays learners against changing losses in linear Markov decision processes and computes their "
      "regret exactly; over several K also the exponents of its growth.");
  declare(schema, options);
  schema
      .option("out", &out,
              "a new folder for config.ini, run.json and results.json, kept up while the study runs")
      .option("export", &exported,
              "write the instance to this HDF5 file (of the first environment) and play nothing")
      .option("overwrite", &overwrite, "replace the exported file if it exists")
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) {
    std::fputs(listing().c_str(), stdout);
    return 0;
  }
  const std::vector<std::string> envs = split(options.env, ' ');  // some may be files
  if (!exported.empty()) {
    const run::Output output(exported, {.overwrite = overwrite, .inputs = inputs_of(schema, envs)});
    const std::int64_t episodes = parse_episodes(options.episodes).back();
    const std::string env = options.env.substr(0, options.env.find(' '));
    algorithms::write_instance(output.path(), envs::make_instance(env, options.losses, episodes), episodes);
    if (json)
      std::printf("%s\n", run::json_text({{"instance", exported}}).c_str());
    else
      std::fprintf(stderr, "instance: %s\n", exported.c_str());
    return 0;
  }
  if (options.evaluation == "sampled") return run_sampled_study(options, out, json);
  std::optional<run::Output> output;
  if (!out.empty()) output.emplace(out, new_folder(inputs_of(schema, envs)));
  const algorithms::RegretStudy study(study_settings(options));
  for (const std::string& line : study.notes()) std::fprintf(stderr, "note: %s\n", line.c_str());
  std::fprintf(stderr, "largest run: %s\n", study.cost().c_str());
  std::optional<StudyFolder> folder;
  if (!out.empty())
    folder.emplace(output->path(), schema.resolved(),
                   nlohmann::json{{"kind", "regret"},
                                  {"method", options.method},
                                  {"command", command_line("regret", args)},
                                  {"env", options.env},
                                  {"settings", schema.resolved_json()},
                                  {"resolved", schema.resolved()}});
  algorithms::RegretStudy::Ears ears;
  ears.say = [&](const std::string& line) {
    if (!study.single()) std::fprintf(stderr, "%s\n", line.c_str());
  };
  if (folder) ears.keep = [&](const algorithms::RegretResults& so_far) { folder->keep(so_far); };
  const algorithms::RegretResults results = study.run(ears);
  if (folder) folder->keep(results);
  for (const std::string& line : results.warnings) std::fprintf(stderr, "warning: %s\n", line.c_str());
  if (json)
    std::printf("%s\n", run::json_text(json_of(results)).c_str());
  else
    std::printf("%s", (results.single ? single_text(results) : study_text(results)).c_str());
  if (!out.empty()) std::fprintf(stderr, "study: %s (hardy report %s draws it)\n", out.c_str(), out.c_str());
  return 0;
}

const RegisterCommand command({"regret", "regret against changing losses: runs, studies over K, exponents",
                               run});

}  // namespace
}  // namespace hardy::tools
