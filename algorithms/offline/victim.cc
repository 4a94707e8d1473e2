#include "algorithms/offline/victim.h"

#include <nlohmann/json.hpp>

#include "algorithms/acting/policy_file.h"
#include "algorithms/learning/checkpoint.h"
#include "engine/base/error.h"
#include "engine/run/checkpoints.h"
#include "engine/run/run_directory.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

// "q/w0 [1, 2, 14, 256]" as the learner's checkpoint lists its parameters.
std::pair<std::string, Shape> parsed(const std::string& text, const std::string& path) {
  const std::size_t space = text.find(' ');
  Shape shape;
  for (std::size_t at = space; at < text.size();) {
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    std::size_t used = 0;
    shape.push_back(std::stoll(text.substr(at), &used));
    at += used;
  }
  if (space == std::string::npos || shape.rank() < 2)
    throw Error("lists a parameter that is none: " + text, path);
  return {text.substr(0, space), shape};
}

// The learner's parameters in a store of the same layout.
nn::ParameterStore store_of(const run::Archive& file, const std::string& path) {
  const auto& h = file.header();
  if (!h.contains("learner") || !h.at("learner").contains("parameters"))
    throw Error("is not a learner's checkpoint", path);
  const auto listed = h.at("learner").at("parameters").get<std::vector<std::string>>();
  if (listed.empty()) throw Error("holds no parameters", path);
  nn::ParameterStore store(parsed(listed[0], path).second[0]);
  for (const std::string& text : listed) {
    const auto [name, shape] = parsed(text, path);
    store.add(name, shape);
  }
  store.allocate();
  const std::span<const float> values = file.get<float>("learner/values");
  if (values.size() != store.values().size())
    throw Error("holds parameters of another size than it lists", path);
  std::ranges::copy(values, store.values().begin());
  return store;
}

VictimNetwork network(const nn::ParameterStore& store, const std::string& name, std::int64_t agent) {
  VictimNetwork net;
  for (int layer = 0;; ++layer) {
    const int w = store.find(name + "/w" + std::to_string(layer)),
              b = store.find(name + "/b" + std::to_string(layer));
    if (w < 0 || b < 0) return net;
    const Shape& shape = store.shape(w);
    if (layer == 0) {
      net.spec.members = shape.rank() == 4 ? shape[1] : 0;
      net.spec.widths.push_back(shape[shape.rank() - 2]);
    }
    net.spec.widths.push_back(shape.back());
    for (const int t : {w, b}) {
      const std::span<float> x = store.agent(t, agent);
      net.tensors.emplace_back(x.begin(), x.end());
    }
  }
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
          {"members", std::max<std::int64_t>(1, q.spec.members)},
          {"normalised", !observation_mean.empty()}};
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
  const nn::ParameterStore store = store_of(file, where);
  if (agent < 0 || agent >= store.agents())
    throw Error("has " + std::to_string(store.agents()) + " agents", where, "--agent counts from 0");
  victim.step = file.header().at("learner").value("step", std::int64_t{0});
  victim.q = network(store, "q", agent);
  victim.policy = network(store, "policy", agent);
  victim.has_log_std = store.find("policy/log_std") >= 0;
  if (victim.q.tensors.empty() || victim.policy.tensors.empty())
    throw Error("has no critic", where, "take a run of iql, riql or sac");
  victim.observation_size = static_cast<int>(victim.policy.spec.widths.front());
  victim.action_size = static_cast<int>(victim.q.spec.widths.front()) - victim.observation_size;
  if (const auto bounds = saved_bounds(file, where); bounds && !bounds->unit()) victim.bounds = bounds;
  if (victim.bounds && victim.bounds->size() != static_cast<std::size_t>(victim.action_size))
    throw Error("says bounds for " + std::to_string(victim.bounds->size()) + " actions, and has " +
                    std::to_string(victim.action_size),
                where);
  read_folder(victim.file.parent_path().parent_path(), victim);
  return victim;
}

}  // namespace hardy::algorithms
