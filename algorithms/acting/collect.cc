#include "algorithms/acting/collect.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "algorithms/acting/actions.h"
#include "algorithms/acting/policy_file.h"
#include "algorithms/acting/rollout.h"
#include "engine/base/json.h"
#include "engine/base/nearest.h"
#include "engine/base/parameters.h"
#include "engine/base/random.h"
#include "engine/base/text.h"
#include "envs/environment.h"
#include "envs/plugin/worker.h"
#include "hardy_build.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using datasets::Array;
using datasets::Arrays;
using datasets::ArrayType;

// Snapshots lie where they were installed, or beside the sources.
fs::path snapshot_folder(const std::string& name) {
  const std::string environment = Parameters(name).name();
  const fs::path all = envs::companion_file("behaviours", HARDY_SHARE_FROM_LIB,
                                            fs::path(HARDY_SOURCE_DIR) / "datasets" / "behaviours");
  if (fs::exists(all / environment / "index.json")) return all / environment;
  std::set<std::string> there;
  for (const auto& entry : fs::directory_iterator(all)) there.insert(entry.path().filename().string());
  throw Error("there are no behaviour policies for this environment", environment,
              "use --behaviour random, or a policy of your own; there are some for " +
                  join(std::vector<std::string>(there.begin(), there.end()), ", "));
}

Stretch random_stretch(std::int64_t steps) { return {"random", {}, {}, steps, 0, "random"}; }

Stretch snapshot(const fs::path& folder, const nlohmann::json& entry, std::int64_t steps) {
  LoadedPolicy p = read_policy(folder / entry.at("file").get<std::string>());
  return {entry.at("file"), std::move(p.spec), std::move(p.parameters), steps, 0, "SAC"};
}

struct Episode {
  std::vector<float> observations, actions, next_observations, rewards, log_probs, qpos, qvel;
  std::vector<std::int64_t> choices;  // instead of actions
  std::vector<std::uint8_t> terminals, timeouts;
};

// Uniform actions, a policy of no network.
class Uniform final : public Policy {
 public:
  explicit Uniform(const envs::EnvSpec& spec) : spec_(spec) {
    double log_volume = spec.discrete() ? std::log(static_cast<double>(spec.action_choices)) : 0;
    for (std::size_t k = 0; k < spec.action_low.size(); ++k)
      log_volume += std::log(static_cast<double>(spec.action_high[k]) - spec.action_low[k]);
    log_prob_ = static_cast<float>(-log_volume);
  }
  void act(std::span<const double>, std::span<const Random> draws, ActionMemory& actions,
           std::span<float> log_probs, ThreadTeam&) override {
    for (std::size_t i = 0; i < draws.size(); ++i) act_uniformly(spec_, draws[i], i, actions);
    std::ranges::fill(log_probs, log_prob_);
  }
  void log_prob(std::span<const double>, const Actions& actions, std::span<float> log_probs,
                ThreadTeam&) override {
    const std::size_t width = actions.size() / std::max<std::size_t>(1, log_probs.size());
    for (std::size_t row = 0; row < log_probs.size(); ++row) log_probs[row] = log_prob_;
    for (std::size_t i = 0; i < actions.size(); ++i)
      if (!possible(actions, i)) log_probs[i / width] = -INFINITY;
  }

 private:
  bool possible(const Actions& actions, std::size_t i) const {
    if (actions.discrete()) return actions.choices()[i] >= 0 && actions.choices()[i] < spec_.action_choices;
    const std::size_t k = i % spec_.action_low.size();
    return actions.numbers()[i] >= spec_.action_low[k] && actions.numbers()[i] <= spec_.action_high[k];
  }

  const envs::EnvSpec& spec_;
  float log_prob_;
};

// One episode in each instance, from the seeds; all begin together, so that a step's draws are of one number.
std::vector<Episode> play(envs::BatchEnvironment& env, Policy& policy, std::span<const std::uint64_t> seeds,
                          ThreadTeam& team) {
  std::vector<Episode> all(seeds.size());
  Rollout rollout(env);
  for (std::size_t i = 0; i < seeds.size(); ++i) rollout.start(static_cast<int>(i), seeds[i], policy);
  std::vector<double> qpos(static_cast<std::size_t>(env.positions())),
      qvel(static_cast<std::size_t>(env.velocities()));
  std::vector<Random> draws;
  std::vector<std::uint8_t> stepped(seeds.size());
  const auto append = [](auto& to, const auto& from) {
    for (const auto x : from) to.push_back(static_cast<typename std::decay_t<decltype(to)>::value_type>(x));
  };
  for (std::uint64_t t = 0; rollout.running() > 0; ++t) {
    draws.clear();
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      draws.emplace_back(seeds[i], RandomStream::kExplore, t);
      stepped[i] = rollout.runs(static_cast<int>(i));
      if (!stepped[i]) continue;
      env.physics(static_cast<int>(i), qpos, qvel);
      append(all[i].qpos, qpos);
      append(all[i].qvel, qvel);
    }
    rollout.act(policy, draws, team);
    rollout.step(team);
    for (std::size_t k = 0; k < seeds.size(); ++k) {
      if (!stepped[k]) continue;
      const int i = static_cast<int>(k);
      Episode& e = all[k];
      append(e.observations, rollout.observation(i));
      append(e.next_observations, rollout.next_observation(i));
      append(e.actions, rollout.action(i).numbers());
      append(e.choices, rollout.action(i).choices());
      e.rewards.push_back(static_cast<float>(rollout.reward(i)));
      e.log_probs.push_back(rollout.log_prob(i));
      e.terminals.push_back(rollout.terminated(i));
      e.timeouts.push_back(rollout.truncated(i));
    }
  }
  return all;
}

Array column(const std::vector<float>& x, std::int64_t rows, std::int64_t width) {
  Array a = Array::of(ArrayType::kF32,
                      width ? std::vector<std::int64_t>{rows, width} : std::vector<std::int64_t>{rows});
  std::copy_n(x.begin(), a.elements(), a.as<float>());
  return a;
}
// Indices, as a file of choices holds them: int64 [rows, 1].
Array indices(const std::vector<std::int64_t>& x, std::int64_t rows) {
  Array a = Array::of(ArrayType::kI64, {rows, 1});
  std::copy_n(x.begin(), rows, a.as<std::int64_t>());
  return a;
}
Array flags(const std::vector<std::uint8_t>& x, std::int64_t rows) {
  Array a = Array::of(ArrayType::kBool, {rows});
  std::copy_n(x.begin(), rows, a.as<std::uint8_t>());
  return a;
}
Array text(const std::string& s) {
  Array a;
  a.type = ArrayType::kString;
  a.strings = {s};
  return a;
}

void describe_policy(Arrays& arrays, const Stretch& who) {
  const std::vector<nn::TensorSpec> tensors = who.spec.mlp()->tensors("policy", 1);
  const std::size_t layers = tensors.size() / 2;
  for (std::size_t l = 0; l < layers; ++l) {
    const std::string layer =
        "metadata/policy/" + (l + 1 < layers ? "fc" + std::to_string(l) : std::string("last_fc"));
    const std::int64_t in = tensors[2 * l].fan_in, out = tensors[2 * l].fan_out;
    arrays[layer + "/weight"] = column(who.parameters[2 * l], in, out);
    arrays[layer + "/bias"] = column(who.parameters[2 * l + 1], out, 0);
  }
  arrays["metadata/policy/nonlinearity"] = text(nn::name_of(who.spec.nonlinearity));
  arrays["metadata/policy/output_distribution"] = text(name_of(who.spec.head));
}

}  // namespace

std::vector<std::string> behaviour_names() {
  return {"random", "medium", "expert", "medium-replay", "medium-expert"};
}

std::vector<Stretch> behaviour(const std::string& environment, const std::string& name, std::int64_t steps) {
  if (name == "random") return {random_stretch(steps)};
  const std::vector<std::string> names = behaviour_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error("there is no behaviour '" + name + "'", "--behaviour", suggestion(name, names));
  const fs::path folder = snapshot_folder(environment);
  std::ifstream file(folder / "index.json");
  const nlohmann::json index = nlohmann::json::parse(file, nullptr, false);
  if (!index.is_object()) throw Error("is not JSON", (folder / "index.json").string());
  const auto& list = index.at("snapshots");
  const std::size_t medium = index.at("medium");
  if (name.ends_with("expert") && !index.contains("expert"))
    throw Error(environment + "'s training was stopped before there was an expert", "--behaviour " + name,
                "use random, medium or medium-replay");
  if (name == "medium") return {snapshot(folder, list.at(medium), steps)};
  const auto expert = [&](std::int64_t n) {
    return snapshot(folder, list.at(index.at("expert").get<std::size_t>()), n);
  };
  if (name == "expert") return {expert(steps)};
  if (name == "medium-expert")
    return {snapshot(folder, list.at(medium), steps / 2), expert(steps - steps / 2)};
  // medium-replay: the training's stream up to medium. A snapshot acts for the steps between the middle
  // of the interval before it and the middle of the one after it; before the first, random actions.
  std::vector<double> at;
  for (std::size_t i = 0; i <= medium; ++i) at.push_back(list.at(i).at("step").get<double>());
  std::vector<Stretch> stretches;
  const double total = at.back();
  double begin = index.value("random_steps", 0.0);
  stretches.push_back(
      random_stretch(static_cast<std::int64_t>(std::llround(begin / total * static_cast<double>(steps)))));
  std::int64_t given = stretches.back().steps;
  for (std::size_t i = 0; i <= medium; ++i) {
    const double end = i == medium ? total : (at[i] + at[i + 1]) / 2;
    if (end <= begin) continue;
    const std::int64_t until =
        i == medium ? steps
                    : static_cast<std::int64_t>(std::llround(end / total * static_cast<double>(steps)));
    stretches.push_back(snapshot(folder, list.at(i), until - given));
    given = until;
    begin = end;
  }
  return stretches;
}

Arrays collect(const std::string& environment, const std::vector<Stretch>& stretches, std::uint64_t seed,
               int threads, const run::Watch& watch) {
  constexpr std::int64_t kWave = 32;  // episodes played side by side
  const auto env = envs::make_environment(environment, static_cast<int>(kWave));
  const std::int64_t obs = env->spec().observation_size, act = env->spec().action_size;
  ThreadTeam team(threads);
  Episode all;
  std::uint64_t episode = 0;
  std::int64_t total = 0;
  for (const Stretch& who : stretches)
    total += who.episodes > 0 ? who.episodes * env->spec().max_episode_steps : who.steps;
  watch.observer->began("collecting in " + environment, total, 0);
  for (const Stretch& who : stretches) {
    std::unique_ptr<Policy> policy = std::make_unique<Uniform>(env->spec());
    if (!who.parameters.empty()) {
      require_match(who.spec, env->spec(), who.name);
      policy = make_actor(who.spec, kWave, who.parameters);
    }
    // Episodes are played a wave at a time, each from its own number's draw, and joined in their order:
    // the same file for any number of threads.
    const bool whole = who.episodes > 0;
    for (std::int64_t left = whole ? who.episodes : who.steps; left > 0;) {
      throw_if_stopped(watch.stop);
      const auto done = static_cast<std::int64_t>(all.rewards.size());
      if (watch.observer->wants_progress(done)) watch.observer->progress(done, {});
      std::vector<std::uint64_t> seeds;
      for (std::uint64_t i = 0; i < kWave; ++i)
        seeds.push_back(episode_seed(seed, RandomStream::kEnvironment, episode + i));
      const std::vector<Episode> wave = play(*env, *policy, seeds, team);
      for (const Episode& e : wave) {
        const auto length = static_cast<std::int64_t>(e.rewards.size());
        const std::int64_t n = whole && left > 0 ? length : std::min(left, length);
        if (n == 0) break;
        const auto append = [n, &e](auto& to, const auto& from) {
          const std::size_t width = from.size() / e.rewards.size();
          to.insert(to.end(), from.begin(),
                    from.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(n) * width));
        };
        append(all.observations, e.observations);
        append(all.actions, e.actions);
        append(all.choices, e.choices);
        append(all.next_observations, e.next_observations);
        append(all.rewards, e.rewards);
        append(all.log_probs, e.log_probs);
        append(all.qpos, e.qpos);
        append(all.qvel, e.qvel);
        append(all.terminals, e.terminals);
        append(all.timeouts, e.timeouts);
        ++episode;
        left -= whole ? 1 : n;
        // Where the next policy takes over within an episode, a time limit closes it; the file's own
        // last episode stays open.
        if (left == 0 && &who != &stretches.back() && !all.terminals.back()) all.timeouts.back() = 1;
      }
    }
  }
  const auto rows = static_cast<std::int64_t>(all.rewards.size());
  if (rows == 0) throw Error("no steps were asked for", "--steps");
  Arrays arrays;
  arrays["observations"] = column(all.observations, rows, obs);
  arrays["next_observations"] = column(all.next_observations, rows, obs);
  arrays["actions"] = env->spec().discrete() ? indices(all.choices, rows) : column(all.actions, rows, act);
  arrays["rewards"] = column(all.rewards, rows, 0);
  arrays["terminals"] = flags(all.terminals, rows);
  arrays["timeouts"] = flags(all.timeouts, rows);
  arrays["infos/action_log_probs"] = column(all.log_probs, rows, 0);
  if (env->positions() > 0) {
    arrays["infos/qpos"] = column(all.qpos, rows, env->positions());
    arrays["infos/qvel"] = column(all.qvel, rows, env->velocities());
  }
  arrays["metadata/algorithm"] = text(stretches.back().algorithm);
  if (const std::int64_t broken = env->broken_episodes(); broken > 0) {
    Array& count = arrays["metadata/broken_episodes"] = Array::of(ArrayType::kI64, {});
    *count.as<std::int64_t>() = broken;
    watch.observer->note(std::to_string(broken) +
                         " of the episodes played broke off; the first: " + env->first_break());
  }
  arrays["metadata/iteration"] = Array::of(ArrayType::kI32, {});
  if (stretches.size() == 1 && !stretches[0].parameters.empty() && !stretches[0].spec.sequential())
    describe_policy(arrays, stretches[0]);
  return arrays;
}

}  // namespace hardy::algorithms
