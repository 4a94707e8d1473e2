#include "tools/report/watching.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "algorithms/acting/policy_file.h"
#include "algorithms/acting/rollout.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "envs/view.h"
#include "tools/pictures/png.h"
#include "tools/report/chart.h"

namespace hardy::report {
namespace {

// A page of some hundred kilobytes that is made in seconds: what is beyond is left out, and said.
constexpr std::size_t kMostRuns = 6;
constexpr int kPictures = 8, kWidth = 160, kHeight = 120, kMostSteps = 5000;

struct Moment {
  double seconds;
  std::string png;
};
struct Strip {
  std::vector<Moment> moments;
  double episode_return = 0;
  int steps = 0;
  bool ended = true;
};

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = i; k < i + 3; ++k)
      three = three << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k > bytes.size() ? '=' : kDigits[three >> (18 - 6 * k) & 63];
  }
  return text;
}

// Plays an episode and draws it at kPictures moments, the first and the last among them.
Strip strip_of(const std::filesystem::path& file, const std::string& environment, std::uint64_t seed,
               envs::View& view) {
  const algorithms::LoadedPolicy policy = algorithms::read_policy(file);
  const auto env = envs::make_environment(environment, 1);
  algorithms::require_match(policy.spec, env->spec(), "this policy");
  const std::unique_ptr<algorithms::Policy> actor = algorithms::make_actor(policy.spec, 1, policy.parameters);
  algorithms::Rollout rollout(*env);
  ThreadTeam alone(1);
  Strip strip;
  std::vector<std::vector<double>> states;
  const auto keep = [&] { env->save_state(0, states.emplace_back(env->state_size())); };
  rollout.start(0, algorithms::episode_seed(seed, RandomStream::kEvaluation, 0), *actor);
  keep();
  while (rollout.running() > 0 && strip.steps < kMostSteps) {
    rollout.act(*actor, {}, alone);
    rollout.step(alone);
    strip.episode_return += rollout.reward(0);
    ++strip.steps;
    keep();
  }
  strip.ended = rollout.running() == 0;
  const std::size_t last = states.size() - 1, pictures = std::min<std::size_t>(kPictures, states.size());
  envs::Picture picture;
  for (std::size_t k = 0; k < pictures; ++k) {
    const std::size_t step = pictures == 1 ? 0 : k * last / (pictures - 1);
    env->load_state(0, states[step]);
    view.draw(*env, 0, picture);
    strip.moments.push_back({static_cast<double>(step) / view.steps_per_second(), pictures::png(picture)});
  }
  return strip;
}

Html drawn(const Strip& strip, const std::string& who) {
  Html html("<figure><div class=\"strip\">");
  for (const Moment& m : strip.moments) {
    const std::string when = number(m.seconds, strip.moments.back().seconds < 2 ? 2 : 1) + " s";
    html += Html("<span><img alt=\"") + who + " after " + when + "\" width=\"" + std::to_string(kWidth) +
            "\" height=\"" + std::to_string(kHeight) + "\" src=\"data:image/png;base64," + base64(m.png) +
            "\">" + when + "</span>";
  }
  return html + "</div><figcaption>" + who + ": " + std::to_string(strip.moments.size()) +
         " moments of an episode of " + grouped_text(strip.steps) + " steps, return " +
         number(strip.episode_return, 0) + (strip.ended ? Html() : Html(", not to its end")) +
         ".</figcaption></figure>";
}

// The agent whose score was highest, in the last evaluation or in any; the first one where there was none.
std::size_t agent_of(const Run& run, bool best) {
  std::size_t agent = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = best || run.eval.empty() ? 0 : run.eval.size() - 1; i < run.eval.size(); ++i) {
    const auto scores = run.eval[i].values.find("score/mean");
    if (scores == run.eval[i].values.end()) continue;
    for (std::size_t a = 0; a < scores->second.size(); ++a)
      if (scores->second[a] > highest) highest = scores->second[a], agent = a;
  }
  return agent;
}

Html strips_of(const Run& run, envs::View& view) {
  const auto seed = run.settings.find("eval-seed");
  const std::int64_t draw = seed == run.settings.end() ? 42 : to_integer(seed->second).value_or(42);
  Html html;
  for (const bool best : {true, false}) {
    const std::string agent = std::to_string(agent_of(run, best));
    const auto file = run.path / "policy" / ((best ? "best_agent_" : "agent_") + agent + ".policy");
    if (!std::filesystem::exists(file)) continue;
    html += drawn(strip_of(file, run.task, static_cast<std::uint64_t>(draw), view),
                  (best ? "The policy of the best evaluation, agent " : "The last policy, agent ") + agent);
  }
  return html.empty() ? Html("<p class=\"note\">It has no policy yet.</p>") : html;
}

}  // namespace

Html watching_section(const std::vector<Run>& runs) {
  Html html;
  std::map<std::string, std::unique_ptr<envs::View>> views;
  std::string problem;  // of this machine: said once
  std::size_t drawn = 0, left = 0;
  for (const Run& run : runs) {
    if (run.task.empty() || !envs::has_view(run.task)) continue;
    if (drawn == kMostRuns && ++left > 0) continue;
    Html strips;
    try {
      std::unique_ptr<envs::View>& view = views[run.task];
      if (!view) view = envs::make_view(run.task, kWidth, kHeight);
      strips = strips_of(run, *view);
      ++drawn;
    } catch (const Error& e) {
      if (e.message() == problem) continue;
      problem = e.message();
      strips = Html("<p class=\"note\">There are no pictures: ") + problem + "</p>";
    }
    html += (runs.size() > 1 ? Html("<h3>") + run.label + "</h3>" : Html()) + strips;
  }
  if (html.empty()) return html;
  if (left > 0)
    html +=
        Html("<p class=\"note\">Pictures are drawn of the first ") + std::to_string(kMostRuns) + " runs.</p>";
  return Html("<section><h2>Watching</h2>") + html + "</section>";
}

}  // namespace hardy::report
