// `hardy data collect --env E --behaviour B OUT`: a dataset of our own.
#include <cstdio>
#include <thread>

#include "algorithms/acting/collect.h"
#include "algorithms/acting/policy_file.h"
#include "datasets/episodes.h"
#include "datasets/memory.h"
#include "datasets/store.h"
#include "engine/run/observer.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "envs/environment.h"
#include "tools/hardy/command.h"
#include "tools/hardy/policy_files.h"

namespace hardy::tools {
namespace {

algorithms::Stretch own_policy(const std::string& path, std::int64_t steps) {
  const auto file = policy_files(path, false)[0];
  algorithms::LoadedPolicy p = algorithms::read_policy(file);
  return {file.string(),
          std::move(p.spec),
          std::move(p.parameters),
          steps,
          0,
          p.method.empty() ? "unknown" : p.method};
}

struct Notes final : run::Observer {
  void note(const std::string& text) override { notes.push_back(text); }
  std::vector<std::string> notes;
};

int run(const std::vector<std::string>& args) {
  std::string out, env = "hopper", behaviour = "medium-replay", policy;
  std::int64_t steps = 200000, episodes = 0, seed = 0,
               threads = std::max(1u, std::thread::hardware_concurrency());
  bool overwrite = false;
  run::Schema schema(
      "data collect",
      "Collects a D4RL-shaped dataset with the behaviour policies that are shipped, or with your own.");
  schema.positional("OUT", &out, "the HDF5 file to write")
      .option("env", &env, "environment: " + envs::environment_help())
      .option("behaviour", &behaviour, "who acts", algorithms::behaviour_names())
      .option("policy", &policy,
              "instead of a behaviour: a .policy file, or a run's folder (its first agent); it acts by draws")
      .option("steps", &steps, "transitions", 1, 100000000)
      .option("episodes", &episodes, "instead of steps: so many whole episodes; 0: steps", 0, 10000000)
      .option("seed", &seed, "of episodes and exploration", 0)
      .option("threads", &threads, "threads; the file does not depend on them", 1, 1024)
      .option("overwrite", &overwrite, "replace OUT if it exists");
  if (!parse_or_help(schema, args)) return 0;
  const run::Output output(out, {.overwrite = overwrite, .inputs = inputs_of(schema)});
  const envs::EnvSpec spec = envs::make_environment(env, 1)->spec();
  auto stretches = policy.empty() ? algorithms::behaviour(env, behaviour, steps)
                                  : std::vector<algorithms::Stretch>{own_policy(policy, steps)};
  if (episodes > 0 && stretches.size() > 1)
    throw Error("is of one policy alone", "--episodes " + std::to_string(episodes),
                "behaviour " + behaviour + " joins several; give --steps");
  stretches[0].episodes = episodes;

  Notes heard;
  const datasets::Arrays arrays = algorithms::collect(env, stretches, static_cast<std::uint64_t>(seed),
                                                      static_cast<int>(threads), {.observer = &heard});
  datasets::write_hdf5(output.path(), arrays);
  datasets::MemoryReader memory(arrays, out);
  const datasets::Episodes e = datasets::episodes_of(memory);
  double total = 0;
  for (const double r : e.returns) total += r;
  std::printf("%s: %lld rows, %zu episodes, mean return %.1f (score %.1f)\n", out.c_str(),
              static_cast<long long>(arrays.at("rewards").elements()), e.returns.size(),
              total / static_cast<double>(e.returns.size()),
              envs::normalised_score(spec, total / static_cast<double>(e.returns.size())));
  for (const std::string& note : heard.notes) std::printf("%s\n", note.c_str());
  return 0;
}

const RegisterCommand command({"data collect",
                               "a dataset from the behaviour policies that are shipped, or from your own",
                               run});

}  // namespace
}  // namespace hardy::tools
