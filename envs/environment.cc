#include "envs/environment.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <mutex>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/parameters.h"
#include "engine/base/registry.h"
#include "engine/base/text.h"
#include "engine/base/threads.h"

namespace hardy::envs {
namespace {

struct Family {
  Factory plain = nullptr;  // or
  KeyedFactory keyed = nullptr;
  std::string needs;
  std::vector<std::string> paths;
};
Registry<Family>& registry() {
  static Registry<Family> families("environment", "");
  return families;
}

// Where the path that is the value of file= stands in a name, [begin, end); empty where there is none.
std::pair<std::size_t, std::size_t> place_of_file(const std::string& name) {
  const std::string mark = "file=";
  std::size_t at = name.find(':');
  const Family* const known = registry().find(name.substr(0, at));
  if (known == nullptr || std::ranges::find(known->paths, "file") == known->paths.end())
    return {name.size(), name.size()};  // of another family a key of its own
  while (at != std::string::npos && name.compare(at + 1, mark.size(), mark) != 0) at = name.find(',', at + 1);
  if (at == std::string::npos) return {name.size(), name.size()};
  const std::size_t begin = at + 1 + mark.size();
  return {begin, std::min(name.find(',', begin), name.size())};
}

}  // namespace

double normalised_score(const EnvSpec& spec, double episode_return) {
  return 100 * (episode_return - spec.reference_min) / (spec.reference_max - spec.reference_min);
}

void check_spec(const EnvSpec& spec) {
  const auto refuse = [&](const std::string& what, const std::string& fix) {
    throw Error(what, "environment '" + spec.name + "'", fix);
  };
  const auto at_least_one = [&](const char* name, int value) {
    if (value < 1) refuse(std::string(name) + " is " + std::to_string(value), "give at least 1");
  };
  if (spec.name.empty()) refuse("name is empty", "give the name that it is registered by");
  at_least_one("observation_size", spec.observation_size);
  at_least_one("action_size", spec.action_size);
  at_least_one("max_episode_steps", spec.max_episode_steps);
  if (spec.action_choices < 0) refuse("action_choices is negative", "give 0 where actions are continuous");
  for (const auto& [name, bounds] :
       {std::pair{"action_low", &spec.action_low}, std::pair{"action_high", &spec.action_high}}) {
    if (spec.discrete()) continue;
    if (bounds->size() != static_cast<std::size_t>(spec.action_size))
      refuse(std::string(name) + " holds " + std::to_string(bounds->size()) + " numbers",
             "action_size is " + std::to_string(spec.action_size) + ": give a bound for each");
    for (std::size_t k = 0; k < bounds->size(); ++k)
      if (!std::isfinite((*bounds)[k]))
        refuse(std::string(name) + "[" + std::to_string(k) + "] is not finite", "give a number");
  }
  for (std::size_t k = 0; !spec.discrete() && k < spec.action_low.size(); ++k)
    if (!(spec.action_low[k] < spec.action_high[k]))
      refuse("action_low[" + std::to_string(k) + "] is not below action_high[" + std::to_string(k) + "]",
             "give low < high");
  if (spec.discrete() && (spec.action_size != 1 || !spec.action_low.empty() || !spec.action_high.empty()))
    refuse("its actions are choices, and its action_size and bounds are not theirs",
           "give action_size 1 and no bounds");
  if (!std::isfinite(spec.reference_min) || !std::isfinite(spec.reference_max) ||
      !(spec.reference_min < spec.reference_max))
    refuse("reference_min and reference_max are no range of returns",
           "give finite numbers, the random policy's return below the expert's");
}

void check_step(const BatchEnvironment& env, int begin, int end, Actions actions,
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
  if (actions.discrete() != spec.discrete())
    throw Error(actions.discrete() ? "its actions are numbers, and choices were given"
                                   : "its actions are choices, and numbers were given",
                spec.name, spec.discrete() ? "give int32 indices" : "give float32 numbers");
  require("actions", actions.size(), n * static_cast<std::size_t>(spec.action_size));
  for (int i = begin; spec.discrete() && i < end; ++i)
    if (const std::int32_t choice = actions.choices()[static_cast<std::size_t>(i)];
        choice < 0 || choice >= spec.action_choices)
      throw Error("instance " + std::to_string(i) + " is given choice " + std::to_string(choice), spec.name,
                  "its choices are 0 to " + std::to_string(spec.action_choices - 1));
  require("observations", observations.size(), n * static_cast<std::size_t>(spec.observation_size));
  require("rewards", rewards.size(), n);
  require("terminated", terminated.size(), n);
  require("truncated", truncated.size(), n);
}

void step_all(BatchEnvironment& env, ThreadTeam& team, Actions actions, std::span<double> observations,
              std::span<double> rewards, std::span<std::uint8_t> terminated,
              std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running) {
  check_step(env, 0, 0, actions, observations, rewards, terminated, truncated);  // the spans; each its choice
  env.step_running(team, actions, observations, rewards, terminated, truncated, running);
}

void BatchEnvironment::step_running(ThreadTeam& team, Actions actions, std::span<double> observations,
                                    std::span<double> rewards, std::span<std::uint8_t> terminated,
                                    std::span<std::uint8_t> truncated,
                                    std::span<const std::uint8_t> running) {
  std::mutex failing;
  std::int64_t failed = size();
  std::exception_ptr failure;
  team.run(size(), [&](std::int64_t i) {
    if (!running.empty() && !running[static_cast<std::size_t>(i)]) return;
    try {
      step(static_cast<int>(i), static_cast<int>(i) + 1, actions, observations, rewards, terminated,
           truncated);
    } catch (...) {
      const std::lock_guard lock(failing);
      if (i < failed) failed = i, failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

Registration::Registration(const std::string& name, Factory factory) {
  registry().add(name, {factory, nullptr, "", {}});
}
Registration::Registration(const std::string& name, KeyedFactory factory, const std::string& needs,
                           const std::vector<std::string>& paths) {
  registry().add(name, {nullptr, factory, needs, paths});
}

std::unique_ptr<BatchEnvironment> make_environment(const std::string& name, int instances) {
  Parameters keys(name);
  const Family* family = registry().find(keys.name());
  if (!family) throw Error("there is no such environment", name, suggestion(keys.name(), registry().names()));
  if (instances < 1) throw Error("at least one instance is needed", name);
  std::unique_ptr<BatchEnvironment> made =
      family->plain ? family->plain(instances) : family->keyed(keys, instances);
  keys.finish();
  if (!made) throw Error("its factory made nothing", "environment '" + name + "'");
  check_spec(made->spec());
  if (made->size() != instances)
    throw Error("its factory made " + std::to_string(made->size()) + " instances",
                "environment '" + name + "'", std::to_string(instances) + " were asked for");
  return made;
}

std::string file_in(const std::string& name) {
  const auto [begin, end] = place_of_file(name);
  return name.substr(begin, end - begin);
}

std::string with_file(const std::string& name, const std::string& file) {
  const auto [begin, end] = place_of_file(name);
  return begin == end ? name : name.substr(0, begin) + file + name.substr(end);
}

std::string absolute_name(const std::string& name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return name;
  const std::string family = name.substr(0, colon);
  const Family* const known = registry().find(family);
  std::vector<std::string> parts = parts_of(name.substr(colon + 1));
  for (std::string& part : parts) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = part.substr(0, equals), value = part.substr(equals + 1);
    if (known == nullptr || std::ranges::find(known->paths, key) == known->paths.end()) continue;
    if (key == "python" && value.find('/') == std::string::npos) continue;
    std::error_code unknown;
    const auto path = std::filesystem::absolute(value, unknown).lexically_normal();
    if (!unknown) part = key + "=" + path.string();
  }
  return family + ":" + join(parts, ",");
}

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const auto& [name, family] : registry())
    if (family.needs.empty()) names.push_back(name);
  return names;
}
std::vector<std::string> environment_examples() {
  std::vector<std::string> names = environment_names();
  for (const auto& [name, family] : registry())
    if (!family.needs.empty()) names.push_back(name + ":" + family.needs);
  return names;
}
std::string environment_help() {
  return "NAME or NAME:key=value,...; one of " + join(environment_examples(), ", ");
}

}  // namespace hardy::envs
