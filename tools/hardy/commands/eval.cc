// `hardy eval PATH`: plays a run's policies, and films the first one.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/policy_file.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/json_text.h"
#include "engine/run/run_directory.h"
#include "envs/environment.h"
#include "tools/hardy/command.h"
#include "tools/hardy/files_of_run.h"
#include "tools/hardy/offline_eval.h"
#include "tools/hardy/policy_files.h"
#include "tools/hardy/token_eval.h"
#include "tools/pictures/film.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;

// As it is now: another file than the run's own is said, and played.
std::string environment_of_run(const fs::path& path) {
  const run::Fields described = run::read_run(path);
  const std::string environment = environment_now(described, path);
  if (described.has("environment_file") &&
      !same_file(described.at("environment_file"), envs::file_in(environment)))
    std::fprintf(stderr, "note: %s: is not the file that the run began with (its SHA-256 differs)\n",
                 envs::file_in(environment).c_str());
  return environment;
}

// What is to be drawn, and where to.
struct FilmWords {
  std::string video, frames;
  std::int64_t width = 480, height = 360;
  bool overwrite = false;

  void options(run::Schema& schema) {
    schema
        .option("video", &video,
                "an MP4 file of the first policy's first episode, a picture a step, at the task's own pace; "
                "needs ffmpeg")
        .option("frames", &frames, "a new folder with the same pictures as PNG files")
        .option("width", &width, "of the pictures; even in a video", 16, 4096)
        .option("height", &height, "of the pictures; even in a video", 16, 4096)
        .option("overwrite", &overwrite, "replace a video and a folder that are there");
  }
  bool wanted() const { return !video.empty() || !frames.empty(); }
  std::string names() const { return video + (video.empty() || frames.empty() ? "" : ", ") + frames; }
  pictures::FilmSettings settings() const {
    return {video, frames, static_cast<int>(width), static_cast<int>(height)};
  }
};

// What --overwrite may replace: a folder of an earlier film's pictures, and of nothing else.
bool holds_pictures_alone(const fs::path& folder) {
  std::size_t pictures = 0, all = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    ++all;
    const std::string name = entry.path().filename().string();
    pictures += entry.is_regular_file() && name.starts_with("frame_") && name.ends_with(".png");
  }
  return all > 0 && pictures == all;
}

struct FilmOutputs {
  FilmOutputs(const FilmWords& words, const std::vector<fs::path>& inputs) {
    if (!words.video.empty())
      video.emplace(words.video, run::OutputRules{.overwrite = words.overwrite, .inputs = inputs});
    if (fs::is_directory(words.frames) && !holds_pictures_alone(words.frames))
      throw Error("holds other things than pictures of an episode", words.frames, "name a new folder");
    if (!words.frames.empty())
      frames.emplace(words.frames, run::OutputRules{.kind = run::OutputRules::Kind::kFolder,
                                                    .overwrite = words.overwrite,
                                                    .inputs = inputs});
  }
  std::optional<run::Output> video, frames;
};

int run(const std::vector<std::string>& args) {
  std::string path, environment;
  std::int64_t episodes = 10, seed = 42;
  std::string target_return;
  bool best = false, json = false;
  FilmWords words;
  TokenEvalOptions tokens;
  OfflineEvalOptions offline;
  run::Schema schema("eval",
                     "Plays a run's policies, or one policy file, in an environment, or asks them prompts.");
  schema.positional("PATH", &path, "a run's folder, or a .policy file; with --offline also a grid's folder")
      .option("best", &best,
              "of a run: the policies of its best evaluations, which train's --keep-best keeps")
      .option("env", &environment, "environment; default: that of the training. " + envs::environment_help())
      .option("episodes", &episodes, "episodes for each policy", 1, 100000)
      .option("seed", &seed, "of the episodes", 0)
      .option("target-return", &target_return,
              "of policies that act by a return to go (dt, rdt): another one than the file's, a number")
      .option("json", &json, "print JSON");
  words.options(schema);
  tokens.options(schema);
  offline.options(schema);
  if (!parse_or_help(schema, args)) return 0;
  const std::optional<double> target = to_double(target_return);
  if (!target_return.empty() && !(target && std::isfinite(*target)))
    throw Error("'" + target_return + "' is no number", "--target-return", "e.g. 3600");
  if (is_grid(path)) {
    if (!offline.offline)
      throw Error("is a grid: its cells were played while they trained", path,
                  "`hardy report` shows their scores; --offline --dataset F evaluates them by data");
    if (best || words.wanted() || !environment.empty())
      throw Error("is of a run",
                  best             ? "--best"
                  : words.wanted() ? words.names()
                                   : "--env",
                  "leave it out for a grid");
    return eval_grid_offline(path, offline, static_cast<std::uint64_t>(seed), json);
  }
  const std::vector<fs::path> files = policy_files(path, best);
  if (is_token_policy(files[0])) {
    if (words.wanted()) throw Error("a token policy has no pictures", words.names());
    if (target) throw Error("a token policy has none", "--target-return", "leave it out");
    return eval_token_policies(files, tokens, static_cast<std::uint64_t>(seed), json);
  }
  for (const char* key : {"task", "prompts", "count", "samples", "max-tokens", "show"})
    if (schema.was_set(key))
      throw Error("is of token policies", std::string("--") + key, files[0].string() + " is none");
  if (offline.offline) {
    if (words.wanted() || !environment.empty())
      throw Error("is of an environment", words.wanted() ? words.names() : "--env",
                  "leave it out with --offline");
    return eval_offline(files, fs::is_directory(path) && !best ? path : "", offline,
                        static_cast<std::uint64_t>(seed), json);
  }
  for (const char* key : {"dataset", "view", "kept", "fit-steps", "fits", "batch-size", "hidden", "gamma",
                          "polyak", "learning-rate"})
    if (schema.was_set(key))
      throw Error("is of fitted Q evaluation", std::string("--") + key, "give --offline too");
  if (fs::is_directory(path) && environment.empty()) environment = environment_of_run(path);
  const FilmOutputs outputs(words, inputs_of(schema, {path, envs::file_in(environment)}));
  nlohmann::json results = nlohmann::json::array();
  for (const fs::path& file : files) {
    algorithms::LoadedPolicy policy = algorithms::read_policy(file);
    if (target && !policy.spec.sequential())
      throw Error("is of policies that act by a return to go", "--target-return " + target_return,
                  file.string() + " acts by its observation alone: leave it out");
    if (target) policy.spec.sequence.target_return = *target;
    const std::string where = environment.empty() ? policy.environment : environment;
    if (where.empty())
      throw Error("in which environment? " + file.string() + " does not say", "--env",
                  "give " + envs::environment_help());
    std::optional<pictures::Film> film;  // of the first policy
    algorithms::FirstEpisode look;
    if (words.wanted() && results.empty()) {
      film.emplace(where, words.settings());
      look = [&film](const envs::BatchEnvironment& played) { film->take(played); };
    }
    const auto e = algorithms::evaluate(policy.spec, policy.parameters, where, static_cast<int>(episodes),
                                        static_cast<std::uint64_t>(seed), look);
    if (film) film->finish();
    if (!json)
      std::printf("%s: score %.1f, return %.1f +- %.1f over %lld episodes, length %.0f\n", file.c_str(),
                  e.mean_score(), e.mean_return(), e.std_return(), static_cast<long long>(episodes),
                  e.mean_length());
    if (!json && e.broken > 0)
      std::printf("%lld of the episodes broke off; the first: %s\n", static_cast<long long>(e.broken),
                  e.first_break.c_str());
    if (!json && e.clipped > 0)
      std::printf("%lld actions lay outside of the bounds and were moved to them\n",
                  static_cast<long long>(e.clipped));
    if (!json && film)
      std::printf("%s: its first episode in %s\n", words.names().c_str(), film->about().c_str());
    results.push_back({{"policy", file.string()},
                       {"returns", e.returns},
                       {"broken_episodes", e.broken},
                       {"first_break", e.first_break},
                       {"clipped_actions", e.clipped},
                       {"lengths", e.lengths},
                       {"score", e.mean_score()},
                       {"return", e.mean_return()}});
    if (film) results.back()["pictures"] = film->pictures();
  }
  if (json) std::printf("%s\n", run::json_text(results).c_str());
  return 0;
}

const RegisterCommand command({"eval", "play a run's policies in their environment", run});

}  // namespace
}  // namespace hardy::tools
