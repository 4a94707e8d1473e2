#include "algorithms/post_training/control_data.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "algorithms/acting/rollout.h"
#include "datasets/action_space.h"
#include "datasets/episodes.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

std::string sizes(std::int64_t observations, std::int64_t actions) {
  return std::to_string(observations) + " observations and " + std::to_string(actions) + " actions";
}

void require_the_environments(const ControlData& data, const datasets::Reader& file) {
  const envs::EnvSpec& spec = data.spec;
  const std::int64_t obs = file.column("observations").row_elements(),
                     act = file.column("actions").row_elements();
  if (obs != spec.observation_size || act != spec.action_size)
    throw Error("has " + sizes(obs, act), file.path(),
                data.environment + " has " + sizes(spec.observation_size, spec.action_size));
  const datasets::ActionSpace space = datasets::action_space(file);
  if (space.discrete == spec.discrete()) return;
  throw Error("its actions are " + std::string(space.discrete ? "choices" : "numbers"),
              file.path() + " /actions",
              data.environment + " takes " + (spec.discrete() ? "choices" : "numbers"));
}

void require_finite(const std::vector<float>& x, const std::string& key, std::int64_t first,
                    std::size_t width, const datasets::Reader& file) {
  const auto bad = std::ranges::find_if(x, [](float v) { return !std::isfinite(v); });
  if (bad == x.end()) return;
  throw Error("is not finite",
              file.path() + " /" + key + ", row " +
                  std::to_string(first + (bad - x.begin()) / static_cast<std::ptrdiff_t>(width)),
              "hardy data audit says what else is wrong with the file");
}

Demonstration demonstration_of(const ControlData& data, datasets::Reader& file,
                               const datasets::EpisodeRows& rows) {
  Demonstration d;
  d.steps = rows.size();
  d.observations = file.read_floats(file.column("observations"), rows.begin, d.steps);
  d.actions = file.read_floats(file.column("actions"), rows.begin, d.steps);
  require_finite(d.observations, "observations", rows.begin,
                 static_cast<std::size_t>(data.spec.observation_size), file);
  require_finite(d.actions, "actions", rows.begin, static_cast<std::size_t>(data.spec.action_size), file);
  if (data.spec.discrete()) {
    for (std::size_t t = 0; t < d.actions.size(); ++t) {
      const float a = d.actions[t];
      if (!(a >= 0 && a < static_cast<float>(data.spec.action_choices)) || a != std::floor(a))
        throw Error(
            "is none of " + std::to_string(data.spec.action_choices) + " choices, from 0 on",
            file.path() + " /actions, row " + std::to_string(rows.begin + static_cast<std::int64_t>(t)));
      d.choices.push_back(static_cast<std::int32_t>(a));
    }
    d.actions.clear();
  }
  if (const datasets::Column* rewards = file.find("rewards")) {
    d.episode_return = 0;
    for (const float r : file.read_floats(*rewards, rows.begin, d.steps))
      d.episode_return += static_cast<double>(r);
    d.succeeded = d.episode_return >= data.success_return;
  }
  return d;
}

}  // namespace

ControlData control_starts(const std::string& environment, double success_return, std::uint64_t seed,
                           std::int64_t count) {
  ControlData data;
  data.environment = environment;
  data.success_return = success_return;
  const auto env = envs::make_environment(environment, 2);
  data.spec = env->spec();
  const auto obs = static_cast<std::size_t>(data.spec.observation_size);
  std::vector<double> once(obs), again(obs);
  for (std::int64_t k = 0; k < count; ++k) {
    const std::uint64_t own = episode_seed(seed, RandomStream::kEnvironment, static_cast<std::uint64_t>(k));
    env->reset(0, own, once);
    env->reset(1, own, again);
    if (once != again)
      throw Error("two resets with one seed begin differently", environment,
                  "every rollout of a start begins with the reset of its seed, and so must the environment");
    data.starts.push_back({own, {once.begin(), once.end()}, {}});
  }
  return data;
}

std::int64_t episodes_in(datasets::Reader& file, const envs::EnvSpec& spec) {
  datasets::check_d4rl(file, datasets::Rewards::kWherePresent);
  return static_cast<std::int64_t>(datasets::find_episodes(file, spec.max_episode_steps).size());
}

void add_demonstrations(ControlData& data, datasets::Reader& file) {
  datasets::check_d4rl(file, datasets::Rewards::kWherePresent);
  require_the_environments(data, file);
  data.has_rewards = file.find("rewards") != nullptr;
  std::map<std::vector<float>, std::size_t> place_of;
  for (std::size_t k = 0; k < data.starts.size(); ++k) place_of.emplace(data.starts[k].observation, k);
  for (const datasets::EpisodeRows& rows : datasets::find_episodes(file, data.spec.max_episode_steps)) {
    ++data.episodes;
    if (rows.size() > data.spec.max_episode_steps)
      throw Error("an episode of " + std::to_string(rows.size()) + " steps",
                  file.path() + ", row " + std::to_string(rows.begin),
                  data.environment + "'s end after " + std::to_string(data.spec.max_episode_steps));
    const auto found = place_of.find(file.read_floats(file.column("observations"), rows.begin, 1));
    if (found == place_of.end()) {
      ++data.elsewhere;
      continue;
    }
    Demonstration d = demonstration_of(data, file, rows);
    data.failed += !d.succeeded;
    Demonstration& own = data.starts[found->second].demonstration;
    data.surplus += own.steps > 0;
    if (own.steps == 0 || (d.succeeded && !own.succeeded)) own = std::move(d);
  }
  if (data.episodes == 0) throw Error("holds no episode", file.path(), "a demonstration is a whole episode");
  if (data.elsewhere == data.episodes)
    throw Error("none of its " + std::to_string(data.episodes) + " episodes begins at one of the " +
                    std::to_string(data.starts.size()) + " starts",
                file.path(), "give --start-seed the --seed of the `hardy data collect` that recorded them");
}

}  // namespace hardy::algorithms
