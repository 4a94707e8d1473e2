#include "tools/hardy/regret_words.h"

#include <algorithm>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"

namespace hardy::tools {
namespace {

std::vector<std::string> words_of(const std::string& text) { return split(text, ' '); }

std::optional<algorithms::StepLaw> law_of(const std::string& text, const std::string& key) {
  if (text.empty()) return std::nullopt;
  return algorithms::StepLaw(text, "--" + key);
}

std::vector<algorithms::MethodChoice> methods_of(const RegretOptions& options) {
  std::vector<algorithms::MethodChoice> methods;
  for (const std::string& word : words_of(options.method)) methods.push_back(parse_method(word, options));
  return methods;
}

}  // namespace

std::vector<std::int64_t> parse_episodes(const std::string& text) {
  const auto one = [&](const std::string& word) {
    const std::size_t power = word.find('^');
    const auto base = to_integer(word.substr(0, power));
    const auto exponent =
        power == std::string::npos ? std::optional<std::int64_t>(1) : to_integer(word.substr(power + 1));
    double value = 1;
    for (std::int64_t i = 0; base && exponent && i < std::min<std::int64_t>(*exponent, 64); ++i)
      value *= static_cast<double>(*base);
    if (!base || !exponent || !(value >= 1) || value > 1e12)
      throw Error("'" + word + "' is no number of episodes", "--episodes",
                  "give numbers from 1 to 1e12 separated by blanks, or 2^10..2^17");
    return static_cast<std::int64_t>(value);
  };
  std::vector<std::int64_t> all;
  for (const std::string& word : words_of(text)) {
    const std::size_t dots = word.find("..");
    if (dots == std::string::npos) {
      all.push_back(one(word));
      continue;
    }
    const std::int64_t last = one(word.substr(dots + 2));
    for (std::int64_t k = one(word.substr(0, dots)); k <= last; k *= 2) all.push_back(k);
  }
  if (all.empty()) throw Error("no number of episodes", "--episodes", "e.g. --episodes 4096");
  if (!std::is_sorted(all.begin(), all.end()) || std::adjacent_find(all.begin(), all.end()) != all.end())
    throw Error("the numbers of episodes do not rise", "--episodes", "give each once, the smallest first");
  return all;
}

algorithms::MethodChoice parse_method(const std::string& text, const RegretOptions& o) {
  Parameters given(text);
  algorithms::MethodChoice m;
  m.method = algorithms::regret_method(given.name()).name;
  m.settings.preset = given.word("preset", o.preset);
  constexpr double most = 1e12;
  m.settings.c_eta = given.number("c_eta", o.c_eta, 0, most);
  m.settings.c_beta = given.number("c_beta", o.c_beta, 0, most);
  m.settings.c_gamma = given.number("c_gamma", o.c_gamma, 0, most);
  m.eta = law_of(given.word("eta", o.eta), "eta");
  m.beta = law_of(given.word("beta", o.beta), "beta");
  m.gamma = law_of(given.word("gamma", o.gamma), "gamma");
  const std::string covariance = given.word("covariance", o.covariance);
  std::string parts;
  for (const char* key : {"M", "N", "reuse"})
    if (const std::string value = given.word(key, ""); !value.empty())
      parts += (parts.empty() ? ":" : ",") + std::string(key) + "=" + value;
  m.label = given.word("label", "");
  if (m.label.empty()) m.label = text;
  std::replace(m.label.begin(), m.label.end(), '+', ' ');
  given.finish();
  if (m.settings.preset == "explicit") {
    if (!m.eta || !m.beta || !m.gamma)
      throw Error("the preset 'explicit' needs all three step sizes", text, "give --eta, --beta and --gamma");
  }
  m.covariance = algorithms::parse_covariance(covariance + parts);
  return m;
}

algorithms::RegretStudySettings study_settings(const RegretOptions& o) {
  algorithms::RegretStudySettings s;
  s.envs = words_of(o.env);
  s.losses = o.losses;
  s.episodes = parse_episodes(o.episodes);
  s.methods = methods_of(o);
  s.replicas = o.replicas;
  s.seed = o.seed;
  s.threads = o.threads;
  s.random = algorithms::parse_random(o.random);
  s.cover = {algorithms::StepLaw(o.delta_e, "--delta-e"),
             algorithms::StepLaw(o.alpha, "--alpha"),
             algorithms::StepLaw(o.epoch, "--epoch"),
             algorithms::StepLaw(o.cover_episodes, "--cover-episodes"),
             {}};
  s.cover.settings.oracle = o.cover_oracle;
  s.cover.settings.rounds = o.cover_rounds;
  s.cover.settings.bonus = o.cover_bonus;
  s.curve_points = static_cast<int>(o.curve);
  s.keep_trajectories = static_cast<int>(o.trajectories);
  s.resamples = static_cast<int>(o.resamples);
  s.strict = o.strict;
  s.title = o.title;
  return s;
}

algorithms::SampledStudySettings sampled_settings(const RegretOptions& o) {
  algorithms::SampledStudySettings s;
  s.envs = words_of(o.env);
  s.losses = o.losses;
  s.methods = methods_of(o);
  s.episodes = parse_episodes(o.episodes);
  s.replicas = o.replicas;
  s.seed = o.seed;
  s.threads = o.threads;
  s.random = algorithms::parse_random(o.random);
  s.curve_points = static_cast<int>(o.curve);
  s.memory_bytes = o.memory_gb * 1e9;
  return s;
}

}  // namespace hardy::tools
