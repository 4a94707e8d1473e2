#include "envs/environment.h"

#include <exception>
#include <map>
#include <mutex>

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

void check_step(const BatchEnvironment& env, int begin, int end, std::span<const float> actions,
                std::span<const double> observations, std::span<const double> rewards,
                std::span<const std::uint8_t> terminated, std::span<const std::uint8_t> truncated) {
  const EnvSpec& spec = env.spec();
  const auto n = static_cast<std::size_t>(env.size());
  const auto require = [&](const char* what, std::size_t have, std::size_t want) {
    if (have == want) return;
    throw Error(std::string(what) + " holds " + std::to_string(have) + " numbers", spec.name,
                std::to_string(n) + " instances need " + std::to_string(want));
  };
  if (begin < 0 || begin > end || end > env.size())
    throw Error("there are no instances " + std::to_string(begin) + " to " + std::to_string(end), spec.name,
                "the batch has " + std::to_string(n));
  require("actions", actions.size(), n * static_cast<std::size_t>(spec.action_size));
  require("observations", observations.size(), n * static_cast<std::size_t>(spec.observation_size));
  require("rewards", rewards.size(), n);
  require("terminated", terminated.size(), n);
  require("truncated", truncated.size(), n);
}

void step_all(BatchEnvironment& env, ThreadTeam& team, std::span<const float> actions,
              std::span<double> observations, std::span<double> rewards, std::span<std::uint8_t> terminated,
              std::span<std::uint8_t> truncated) {
  check_step(env, 0, env.size(), actions, observations, rewards, terminated, truncated);
  std::mutex failing;
  std::int64_t failed = env.size();
  std::exception_ptr failure;
  team.run(env.size(), [&](std::int64_t i) {
    try {
      env.step(static_cast<int>(i), static_cast<int>(i) + 1, actions, observations, rewards, terminated,
               truncated);
    } catch (...) {
      const std::lock_guard lock(failing);
      if (i < failed) failed = i, failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

Registration::Registration(const std::string& name, Factory factory) { registry()[name] = factory; }

std::unique_ptr<BatchEnvironment> make_environment(const std::string& name, int instances) {
  const auto found = registry().find(name);
  if (found == registry().end())
    throw Error("there is no such environment", name, suggestion(name, environment_names()));
  if (instances < 1) throw Error("at least one instance is needed", name);
  return found->second(instances);
}

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry()) names.push_back(name);
  return names;
}

}  // namespace hardy::envs
