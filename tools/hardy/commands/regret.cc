// `hardy regret`: regret of adversarial-MDP learners, one run or a study over K.
#include <cstdio>
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
#include "tools/hardy/regret_study.h"
#include "tools/hardy/sampled_regret.h"

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
      .option("eta", &o.eta, "step size of FTRL instead of the preset's")
      .option("beta", &o.beta, "scale of the bonus instead of the preset's")
      .option("gamma", &o.gamma, "of the regularised inverse instead of the preset's, in (0, 1]")
      .option("covariance", &o.covariance, "exact, empirical, empirical:M=100, mgr:M=10,N=100")
      .section("replicas")
      .option("replicas", &o.replicas, "of each run, seed, seed + 1, ...", 1, 1000000)
      .option("seed", &o.seed, "of the first replica", 0)
      .option("random", &o.random, "philox, or splitmix64:SEED, one sequence a replica")
      .option("threads", &o.threads, "threads", 1, 1024)
      .section("policy cover of the simulator-free learner (0: its own powers of K)")
      .option("delta-e", &o.delta_e, "share of exploring episodes", 0, 1)
      .option("alpha", &o.alpha, "a state is known where phi' L^-1 phi is at most this", 0)
      .option("epoch", &o.epoch, "episodes of an epoch", 0)
      .option("cover-episodes", &o.cover_episodes, "spent on finding the cover", 0)
      .option("cover-oracle", &o.cover_oracle, "compute the cover from the known transitions")
      .section("report")
      .option("curve", &o.curve, "points of the curve over episodes", 2, 10000)
      .option("trajectories", &o.trajectories, "of the first episodes to be shown", 0, 1000)
      .option("resamples", &o.resamples, "of the bootstrap", 10, 1000000)
      .option("title", &o.title, "of the page");
}

int run_sampled_study(const RegretOptions& options, const std::string& out, bool json) {
  if (!out.empty()) throw Error("a sampled run has no folder", "--out", "keep what it prints, with --json");
  const SampledStudy study(options);
  std::fprintf(stderr, "%s\n", study.cost().c_str());
  const nlohmann::json results =
      study.run([](const std::string& line) { std::fprintf(stderr, "done: %s\n", line.c_str()); });
  std::printf("%s", (json ? run::json_text(results) + "\n" : sampled_text(results)).c_str());
  return 0;
}

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
  schema.option("out", &out, "a new folder for config.ini, run.json and results.json")
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
  const RegretStudy study(options);
  std::fprintf(stderr, "largest run: %s\n", study.cost().c_str());
  const nlohmann::json results = study.run([&](const std::string& line) {
    if (!study.single()) std::fprintf(stderr, "%s\n", line.c_str());
  });
  if (!out.empty()) {
    std::string command = "hardy regret";
    for (const std::string& a : args) command += " " + (a.find(' ') == std::string::npos ? a : "'" + a + "'");
    const run::RunDirectory directory = run::RunDirectory::create(output->path(), {});
    directory.write_config(schema.resolved());
    directory.write_results(results);
    directory.write_run({{"kind", "regret"},
                         {"method", options.method},
                         {"command", command},
                         {"env", options.env},
                         {"settings", schema.resolved_json()},
                         {"resolved", schema.resolved()}});
  }
  if (json)
    std::printf("%s\n", run::json_text(results).c_str());
  else
    std::printf("%s", (study.single() ? single_text(results) : study_text(results)).c_str());
  if (!out.empty()) std::fprintf(stderr, "study: %s (hardy report %s draws it)\n", out.c_str(), out.c_str());
  return 0;
}

const RegisterCommand command({"regret", "regret against changing losses: runs, studies over K, exponents",
                               run});

}  // namespace
}  // namespace hardy::tools
