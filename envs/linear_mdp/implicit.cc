#include "envs/linear_mdp/implicit.h"

#include "engine/base/registry.h"

namespace hardy::envs {
namespace {

struct Entry {
  LinearFamily family;
  std::unique_ptr<SimulatedGame> (*make)(Parameters&, const std::string&, std::int64_t);
};
Registry<Entry>& registry() {
  static Registry<Entry> families("implicit linear MDP", "--env");
  return families;
}

}  // namespace

RegisterImplicitEnvironment::RegisterImplicitEnvironment(
    const LinearFamily& family,
    std::unique_ptr<SimulatedGame> (*make)(Parameters&, const std::string&, std::int64_t)) {
  registry().add(family.name, {family, make});
}

std::vector<LinearFamily> implicit_families() {
  std::vector<LinearFamily> all;
  for (const auto& [name, entry] : registry()) all.push_back(entry.family);
  return all;
}

bool is_implicit(const std::string& family) { return registry().find(family) != nullptr; }

std::unique_ptr<SimulatedGame> make_simulator(const std::string& env, const std::string& losses,
                                              std::int64_t episodes) {
  if (!is_instance_file(env)) {
    Parameters parameters(env);
    if (const Entry* entry = registry().find(parameters.name())) {
      auto made = entry->make(parameters, losses, episodes);
      parameters.finish();
      return made;
    }
  }
  return simulator_of(make_instance(env, losses, episodes));
}

}  // namespace hardy::envs
