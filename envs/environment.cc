#include "envs/environment.h"

#include <map>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/threads.h"

namespace hardy::envs {
namespace {

std::map<std::string, Factory>& registry() {
  static std::map<std::string, Factory> factories;
  return factories;
}

}  // namespace

double normalised_score(const EnvSpec& spec, double episode_return) {
  return 100 * (episode_return - spec.reference_min) / (spec.reference_max - spec.reference_min);
}

void step_all(BatchEnvironment& env, ThreadTeam& team, std::span<const float> actions, std::span<double> observations,
              std::span<double> rewards, std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) {
  team.run(env.size(), [&](std::int64_t i) {
    env.step(static_cast<int>(i), static_cast<int>(i) + 1, actions, observations, rewards, terminated, truncated);
  });
}

Registration::Registration(const std::string& name, Factory factory) { registry()[name] = factory; }

std::unique_ptr<BatchEnvironment> make_environment(const std::string& name, int instances) {
  const auto found = registry().find(name);
  if (found == registry().end()) throw Error("there is no such environment", name, suggestion(name, environment_names()));
  if (instances < 1) throw Error("at least one instance is needed", name);
  return found->second(instances);
}

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry()) names.push_back(name);
  return names;
}

}  // namespace hardy::envs
