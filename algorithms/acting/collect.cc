#include "algorithms/acting/collect.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "algorithms/acting/actions.h"
#include "algorithms/acting/policy_file.h"
#include "engine/base/nearest.h"
#include "engine/base/random.h"
#include "envs/environment.h"
#include "hardy_build.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using datasets::Array;
using datasets::Arrays;
using datasets::ArrayType;

// Snapshots lie beside the sources, or where they were installed.
fs::path snapshot_folder(const std::string& environment) {
  for (const fs::path& base :
       {fs::path(HARDY_SOURCE_DIR) / "datasets" / "behaviours", fs::path(HARDY_SHARE_DIR) / "behaviours"})
    if (fs::exists(base / environment / "index.json")) return base / environment;
  throw Error("there are no behaviour policies for this environment", environment,
              std::string("looked in ") + HARDY_SOURCE_DIR + "/datasets/behaviours and " + HARDY_SHARE_DIR +
                  "/behaviours");
}

Stretch random_stretch(std::int64_t steps) { return {"random", {}, {}, steps}; }

Stretch snapshot(const fs::path& folder, const nlohmann::json& entry, std::int64_t steps) {
  LoadedPolicy p = read_policy(folder / entry.at("file").get<std::string>());
  return {entry.at("file"), std::move(p.spec), std::move(p.parameters), steps};
}

struct Episode {
  std::vector<float> observations, actions, next_observations, rewards, log_probs, qpos, qvel;
  std::vector<std::uint8_t> terminals, timeouts;
};

// One episode in instance i of a batch.
Episode play(envs::BatchEnvironment& env, int i, const Stretch& who, std::uint64_t seed) {
  const envs::EnvSpec& spec = env.spec();
  const auto obs = static_cast<std::size_t>(spec.observation_size),
             act = static_cast<std::size_t>(spec.action_size);
  std::unique_ptr<Actor> actor;
  if (!who.parameters.empty()) actor = std::make_unique<Actor>(who.spec, 1, who.parameters);
  ThreadTeam alone(1);
  std::vector<double> s(obs), s2(obs), r(1), qpos(static_cast<std::size_t>(env.positions())),
      qvel(static_cast<std::size_t>(env.velocities()));
  std::vector<float> a(act), noise(act), log_prob(1);
  std::vector<std::uint8_t> terminated(1), truncated(1);
  double log_volume = 0;
  for (std::size_t k = 0; k < act; ++k)
    log_volume += std::log(static_cast<double>(spec.action_high[k]) - spec.action_low[k]);
  if (actor) require_continuous(spec, who.name);
  // Of the batch's spans only instance i's part is used.
  const auto n = static_cast<std::size_t>(i);
  const auto batch = static_cast<std::size_t>(env.size());
  std::vector<float> actions(batch * act);
  std::vector<double> observations(batch * obs), rewards(batch);
  std::vector<std::uint8_t> ends(batch), limits(batch);
  env.reset(i, seed, s);
  Episode e;
  for (std::int64_t t = 0; !(terminated[0] || truncated[0]); ++t) {
    const Random draws(seed, Stream::kExplore, static_cast<std::uint64_t>(t));
    if (actor) {
      for (std::size_t k = 0; k < act; ++k) noise[k] = static_cast<float>(draws.normal(k));
      actor->act(s, noise, a, log_prob, alone);
    } else {
      for (std::size_t k = 0; k < act; ++k)
        a[k] = spec.action_low[k] + (spec.action_high[k] - spec.action_low[k]) * draws.uniform(k);
      if (spec.discrete()) a[0] = std::floor(a[0]);  // an even draw among the choices
      log_prob[0] = static_cast<float>(-log_volume);
    }
    env.physics(i, qpos, qvel);
    std::copy(a.begin(), a.end(), actions.begin() + static_cast<std::ptrdiff_t>(n * act));
    env.step(i, i + 1, actions, observations, rewards, ends, limits);
    std::copy_n(observations.begin() + static_cast<std::ptrdiff_t>(n * obs), obs, s2.begin());
    r[0] = rewards[n];
    terminated[0] = ends[n];
    truncated[0] = limits[n];
    const auto append = [](std::vector<float>& to, const auto& from) {
      for (const auto x : from) to.push_back(static_cast<float>(x));
    };
    append(e.observations, s);
    append(e.next_observations, s2);
    append(e.actions, a);
    append(e.rewards, r);
    append(e.log_probs, log_prob);
    append(e.qpos, qpos);
    append(e.qvel, qvel);
    e.terminals.push_back(terminated[0]);
    e.timeouts.push_back(truncated[0]);
    s = s2;
  }
  return e;
}

Array column(const std::vector<float>& x, std::int64_t rows, std::int64_t width) {
  Array a = Array::of(ArrayType::kF32,
                      width ? std::vector<std::int64_t>{rows, width} : std::vector<std::int64_t>{rows});
  std::copy_n(x.begin(), a.elements(), a.as<float>());
  return a;
}
// Indices, as a file of choices holds them: int64 [rows, 1].
Array indices(const std::vector<float>& x, std::int64_t rows) {
  Array a = Array::of(ArrayType::kI64, {rows, 1});
  std::transform(x.begin(), x.begin() + rows, a.as<std::int64_t>(),
                 [](float v) { return static_cast<std::int64_t>(v); });
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
  arrays["metadata/policy/nonlinearity"] = text("relu");
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
  const std::size_t medium = index.at("medium"), expert = index.at("expert");
  if (name == "medium") return {snapshot(folder, list.at(medium), steps)};
  if (name == "expert") return {snapshot(folder, list.at(expert), steps)};
  if (name == "medium-expert")
    return {snapshot(folder, list.at(medium), steps / 2),
            snapshot(folder, list.at(expert), steps - steps / 2)};
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
  for (const Stretch& who : stretches) total += who.steps;
  watch.observer->began("collecting in " + environment, total, 0);
  for (const Stretch& who : stretches) {
    if (!who.parameters.empty() && (who.spec.observation_size != obs || who.spec.action_size != act))
      throw Error("the policy's sizes are not the environment's", who.name);
    // Episodes are played a wave at a time, each from its own number's draw, and joined in their order:
    // the same file for any number of threads.
    for (std::int64_t left = who.steps; left > 0;) {
      throw_if_stopped(watch.stop);
      const auto done = static_cast<std::int64_t>(all.rewards.size());
      if (watch.observer->wants_progress(done)) watch.observer->progress(done, {});
      std::vector<Episode> wave(kWave);
      team.run(kWave, [&](std::int64_t i) {
        const Block b = Random(seed, Stream::kEnvironment, episode + static_cast<std::uint64_t>(i)).block(0);
        wave[static_cast<std::size_t>(i)] =
            play(*env, static_cast<int>(i), who, std::uint64_t{b[0]} << 32 | b[1]);
      });
      for (const Episode& e : wave) {
        const auto n = std::min<std::int64_t>(left, static_cast<std::int64_t>(e.rewards.size()));
        if (n == 0) break;
        const auto append = [n, &e](auto& to, const auto& from) {
          const std::size_t width = from.size() / e.rewards.size();
          to.insert(to.end(), from.begin(),
                    from.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(n) * width));
        };
        append(all.observations, e.observations);
        append(all.actions, e.actions);
        append(all.next_observations, e.next_observations);
        append(all.rewards, e.rewards);
        append(all.log_probs, e.log_probs);
        append(all.qpos, e.qpos);
        append(all.qvel, e.qvel);
        append(all.terminals, e.terminals);
        append(all.timeouts, e.timeouts);
        ++episode;
        left -= n;
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
  arrays["actions"] = env->spec().discrete() ? indices(all.actions, rows) : column(all.actions, rows, act);
  arrays["rewards"] = column(all.rewards, rows, 0);
  arrays["terminals"] = flags(all.terminals, rows);
  arrays["timeouts"] = flags(all.timeouts, rows);
  arrays["infos/action_log_probs"] = column(all.log_probs, rows, 0);
  if (env->positions() > 0) {
    arrays["infos/qpos"] = column(all.qpos, rows, env->positions());
    arrays["infos/qvel"] = column(all.qvel, rows, env->velocities());
  }
  arrays["metadata/algorithm"] =
      text(stretches.size() == 1 && stretches[0].parameters.empty() ? "random" : "SAC");
  arrays["metadata/iteration"] = Array::of(ArrayType::kI32, {});
  if (stretches.size() == 1 && !stretches[0].parameters.empty()) describe_policy(arrays, stretches[0]);
  return arrays;
}

}  // namespace hardy::algorithms
