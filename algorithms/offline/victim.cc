#include "algorithms/offline/victim.h"

#include "algorithms/acting/policy_file.h"
#include "algorithms/learning/checkpoint.h"
#include "algorithms/learning/method.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/run/checkpoints.h"
#include "engine/run/run_directory.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

// One agent's tensors of the network; none where the checkpoint lacks it.
VictimNetwork network(const SavedLearner& saved, const std::string& name, std::int64_t agent) {
  VictimNetwork net;
  const SavedNetwork* found = saved.network(name);
  if (!found) return net;
  net.architecture = found->architecture;
  for (const SavedTensor& t : found->tensors) {
    const auto each = t.values.size() / static_cast<std::size_t>(t.shape[0]);
    const std::span<const float> x =
        t.values.subspan(t.shape[0] == 1 ? 0 : static_cast<std::size_t>(agent) * each, each);
    net.tensors.emplace_back(x.begin(), x.end());
  }
  return net;
}

// Those that have a critic of states and actions.
std::vector<std::string> methods_with_critics() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : methods())
    if (const auto method = entry.make(); method->has_critic() && !method->chooses()) names.push_back(name);
  return names;
}

// What the run's folder adds to the checkpoint: the method, and how observations were normalised.
void read_folder(const fs::path& folder, Victim& victim) {
  const fs::path policy = folder / "policy" / ("agent_" + std::to_string(victim.agent) + ".policy");
  if (!fs::exists(folder / "run.json")) return;
  const run::Fields about = run::read_run(folder);
  victim.method = about.text("method", "");
  if (fs::exists(policy)) {
    const PolicySpec spec = read_policy(policy).spec;
    victim.observation_mean = spec.observation_mean;
    victim.observation_std = spec.observation_std;
  } else if (about.has("settings") && about.at("settings").shown("normalise") == "true") {
    throw Error("normalises its observations, and the policy file that says by what is not there yet",
                folder.string(),
                "let the run finish, or stop it with Ctrl-C, which writes " + policy.string());
  }
}

}  // namespace

nlohmann::json Victim::describe() const {
  return {{"file", file.string()},
          {"method", method},
          {"step", step},
          {"agent", agent},
          {"members", std::max<std::int64_t>(1, q.architecture->members())},
          {"normalised", !observation_mean.empty()}};
}

graph::Tensor mode_of(graph::Graph& g, const Victim& victim, graph::Tensor net) {
  if (victim.has_log_std) return ops::clamp(g, net, -1, 1);
  const bool two = victim.policy.architecture->outputs() == 2 * victim.action_size;
  return act_through(g, two ? Head::kTanhGaussian : Head::kDeterministic, net, {}, {}).action;
}

Victim read_victim(const fs::path& path, std::int64_t agent) {
  Victim victim;
  victim.agent = agent;
  victim.file = path;
  if (!fs::exists(path)) throw Error("does not exist", path.string(), "name a run folder or a checkpoint");
  if (fs::is_directory(path)) {
    const run::Checkpoints checkpoints(path / "checkpoints");
    const auto steps = checkpoints.steps();
    if (steps.empty()) throw Error("holds no checkpoint", path.string(), "name a run folder or a checkpoint");
    victim.file = checkpoints.path_of(steps.back());
  }
  const std::string where = victim.file.string();
  const run::Archive file = run::Archive::read(victim.file, "checkpoint", kCheckpointFormat);
  const SavedLearner saved = saved_learner(file, where);
  const auto agents = static_cast<std::int64_t>(saved.active.size());
  if (agent < 0 || agent >= agents)
    throw Error("has " + std::to_string(agents) + " agents", where, "--agent counts from 0");
  victim.step = saved.step;
  victim.q = network(saved, "q", agent);
  victim.policy = network(saved, "policy", agent);
  victim.has_log_std = saved.network("policy/log_std") != nullptr;
  if (victim.q.tensors.empty() || victim.policy.tensors.empty())
    throw Error("has no critic", where, "take a run of " + join(methods_with_critics(), ", "));
  victim.observation_size = static_cast<int>(victim.policy.architecture->inputs());
  victim.action_size = static_cast<int>(victim.q.architecture->inputs()) - victim.observation_size;
  if (const auto bounds = saved_bounds(file, where); bounds && !bounds->unit()) victim.bounds = bounds;
  if (victim.bounds && victim.bounds->size() != static_cast<std::size_t>(victim.action_size))
    throw Error("says bounds for " + std::to_string(victim.bounds->size()) + " actions, and has " +
                    std::to_string(victim.action_size),
                where);
  read_folder(victim.file.parent_path().parent_path(), victim);
  return victim;
}

}  // namespace hardy::algorithms
