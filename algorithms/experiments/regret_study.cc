#include "tools/hardy/regret_study.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "algorithms/experiments/growth.h"
#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"

namespace hardy::tools {
namespace {

using algorithms::RegretResult;
using algorithms::ReplicaResult;
using nlohmann::json;

std::vector<std::string> words_of(const std::string& text) { return split(text, ' '); }

std::optional<algorithms::StepLaw> law_of(const std::string& text, const std::string& key) {
  if (text.empty()) return std::nullopt;
  return algorithms::StepLaw(text, "--" + key);
}

// Of a size that a learner takes as input; 0 takes the learner's own.
double size_of(const std::string& law, const std::string& key, const algorithms::Sizes& sizes) {
  const double value = algorithms::StepLaw(law, key).at(sizes);
  if (!(value >= 0 && value < 1e15))
    throw Error("'" + law + "' is " + to_text(value) + " at K = " + std::to_string(sizes.K), key,
                "a number of at least 0 would be right");
  return value;
}

json exponent_json(const algorithms::Exponent& e) {
  return {{"value", e.value},   {"low", e.low},         {"high", e.high},
          {"points", e.points}, {"dropped", e.dropped}, {"none_because", e.none_because}};
}

json settings_json(const ReplicaResult& r) {
  const algorithms::ResolvedSettings& s = r.resolved;
  json j{{"preset", s.preset},     {"eta", s.steps.eta}, {"beta", s.steps.beta},
         {"gamma", s.steps.gamma}, {"note", s.note},     {"literal_bound", "none"}};
  if (s.literal_bound > 0) {
    char text[96];
    std::snprintf(text, sizeof text, "%.3g%s", s.literal_bound, s.vacuous ? ", vacuous at this K" : "");
    j["literal_bound"] = text;
    j["literal_bound_value"] = s.literal_bound;
    j["trivial_bound"] = s.trivial_bound;
    j["vacuous"] = s.vacuous;
  }
  return j;
}

// A curve over the episodes of the last K: mean over replicas.
json curve_json(const RegretResult& result) {
  std::vector<double> mean(result.at.size());
  for (const ReplicaResult& r : result.replicas)
    for (std::size_t i = 0; i < mean.size() && i < r.curve.size(); ++i)
      mean[i] += r.curve[i] / static_cast<double>(result.replicas.size());
  return {{"episode", result.at}, {"mean", mean}};
}

json replica_json(const ReplicaResult& r) {
  json trajectories = json::array();
  for (const auto& visits : r.first) {
    json one = json::array();
    for (const algorithms::Visit& v : visits) one.push_back({v.state, v.action});
    trajectories.push_back(one);
  }
  return {{"seed", r.seed},
          {"learner_loss", r.learner_loss},
          {"best_loss", r.best_loss},
          {"regret", r.regret},
          {"curve", r.curve},
          {"start_costs", r.start_costs},
          {"first_trajectories", trajectories},
          {"least_eta_q", r.least_eta_q},
          {"largest_eta_bonus", r.largest_eta_bonus}};
}

std::string format(const char* pattern, double a) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, a);
  return text;
}

// What learners say of themselves, {"known_states": 1, ...}: means over replicas.
json mean_figures(const RegretResult& result) {
  json means = json::object();
  for (const ReplicaResult& r : result.replicas)
    for (const algorithms::RegretFigure& f : r.figures)
      means[f.name] = means.value(f.name, 0.0) + f.value / static_cast<double>(result.replicas.size());
  return means;
}

std::vector<std::string> warnings_of(const std::string& label, const std::vector<double>& episodes,
                                     double tail_index, const json& figures) {
  std::vector<std::string> lines;
  if (tail_index < algorithms::kHeavyTail)
    lines.push_back(
        label + ": regret is heavy-tailed over replicas (tail index " + format("%.1f", tail_index) +
        "): a few of them carry the mean, and intervals may miss it; look at the largest, play more");
  for (std::size_t k = 0; k < figures.size(); ++k)
    if (figures[k].contains("known_states") && figures[k].at("known_states").get<double>() == 0)
      lines.push_back(label + ": no state is known at K = " + to_text(episodes[k]) +
                      ": it plays uniformly and learns nothing; raise --alpha or --cover-episodes");
  return lines;
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

MethodChoice parse_method(const std::string& text, const RegretOptions& o) {
  Parameters given(text);
  MethodChoice m;
  m.method = algorithms::regret_method(given.name()).name;
  m.settings.preset = given.word("preset", o.preset);
  constexpr double most = 1e12;
  m.settings.c_eta = given.number("c_eta", o.c_eta, 0, most);
  m.settings.c_beta = given.number("c_beta", o.c_beta, 0, most);
  m.settings.c_gamma = given.number("c_gamma", o.c_gamma, 0, most);
  m.eta = law_of(given.word("eta", o.eta), "eta");
  m.beta = law_of(given.word("beta", o.beta), "beta");
  m.gamma = law_of(given.word("gamma", o.gamma), "gamma");
  m.covariance = given.word("covariance", o.covariance);
  std::string parts;
  for (const char* key : {"M", "N", "reuse"})
    if (const std::string value = given.word(key, ""); !value.empty())
      parts += (parts.empty() ? ":" : ",") + std::string(key) + "=" + value;
  m.covariance += parts;
  m.label = given.word("label", "");
  if (m.label.empty()) m.label = text;
  std::replace(m.label.begin(), m.label.end(), '+', ' ');
  given.finish();
  if (m.settings.preset == "explicit") {
    if (!m.eta || !m.beta || !m.gamma)
      throw Error("the preset 'explicit' needs all three step sizes", text, "give --eta, --beta and --gamma");
  }
  algorithms::parse_covariance(m.covariance);
  return m;
}

algorithms::SettingsRequest MethodChoice::at(const algorithms::Sizes& sizes) const {
  algorithms::SettingsRequest request = settings;
  const auto value = [&](const std::optional<algorithms::StepLaw>& law) {
    return law ? std::optional<double>(law->at(sizes)) : std::nullopt;
  };
  request.eta = value(eta), request.beta = value(beta), request.gamma = value(gamma);
  return request;
}

RegretStudy::RegretStudy(const RegretOptions& options)
    : options_(options), envs_(words_of(options.env)), episodes_(parse_episodes(options.episodes)) {
  for (const std::string& word : words_of(options.method)) methods_.push_back(parse_method(word, options));
  if (envs_.empty()) throw Error("no environment", "--env", "e.g. --env simplex:H=3,S=4,A=3,d=3");
  if (methods_.empty()) throw Error("no method", "--method", "e.g. --method ftrl_log_barrier");
  const auto random = algorithms::parse_random(options.random);
  if (random.splitmix && options.seed != 0)
    throw Error("a seed is given twice", "--seed", "--random splitmix64:S holds it already");
  for (const std::string& env : envs_)
    instances_.push_back(envs::make_instances(env, options.losses, episodes_));
  look_at_instances();
  for (std::size_t env = 0; env < envs_.size(); ++env)
    for (std::size_t k = 0; k < episodes_.size(); ++k)
      for (const MethodChoice& m : methods_) {
        const auto c = config(env, m, k);
        algorithms::resolve(algorithms::regret_method(m.method).scaling, c.settings.front(),
                            algorithms::sizes_of(*c.instance.mdp, c.episodes));
      }
}

void RegretStudy::look_at_instances() {
  for (std::size_t env = 0; env < envs_.size(); ++env) {
    const envs::Instance& instance = instances_[env].back();
    notes_.insert(notes_.end(), instance.notes.begin(), instance.notes.end());
    const envs::Linearity apart = envs::linearity_of(instance, episodes_.back());
    linearity_.push_back(apart);
    if (apart.largest() <= envs::kLinearEnough) continue;
    const std::string figures = "max |Q - phi theta| = " + format("%.3g", apart.q) +
                                ", max |P - phi mu| = " + format("%.3g", apart.transitions);
    if (options_.strict)
      throw Error(
          "this is no linear MDP: " + figures, envs_[env],
          "at most " + format("%.0e", envs::kLinearEnough) + " would be right, or leave out --strict");
    warnings_.push_back(envs_[env] + " is no linear MDP (" + figures +
                        "): no bound of a method with linear features holds on it");
  }
}

algorithms::RegretConfig RegretStudy::config(std::size_t env, const MethodChoice& method,
                                             std::size_t k) const {
  algorithms::RegretConfig c;
  c.method = method.method;
  c.episodes = episodes_[k];
  c.instance = instances_[env][k];
  c.random = algorithms::parse_random(options_.random);
  // Every K has seeds of its own; methods share them. A sequence's number is added to its replica's seed.
  const std::uint64_t first = static_cast<std::uint64_t>(options_.replicas) * k;
  c.random.first_seed += first;
  c.seeds.clear();
  for (std::int64_t r = 0; r < options_.replicas; ++r)
    c.seeds.push_back(static_cast<std::uint64_t>(options_.seed + r) + (c.random.splitmix ? 0 : first));
  const algorithms::Sizes sizes = algorithms::sizes_of(*c.instance.mdp, c.episodes);
  c.settings = {method.at(sizes)};
  c.covariance = algorithms::parse_covariance(method.covariance);
  c.cover.delta_e = size_of(options_.delta_e, "--delta-e", sizes);
  c.cover.alpha = size_of(options_.alpha, "--alpha", sizes);
  c.cover.epoch = std::llround(size_of(options_.epoch, "--epoch", sizes));
  c.cover.cover_episodes = std::llround(size_of(options_.cover_episodes, "--cover-episodes", sizes));
  c.cover.oracle = options_.cover_oracle;
  c.cover.rounds = options_.cover_rounds;
  c.cover.bonus = options_.cover_bonus;
  c.curve_points = static_cast<int>(options_.curve);
  c.keep_trajectories = static_cast<int>(options_.trajectories);
  return c;
}

std::string RegretStudy::cost() const {
  std::string text, slowest;
  std::int64_t most = -1;
  double total = 0, longest = -1;
  ThreadTeam team(static_cast<int>(options_.threads));
  for (std::size_t env = 0; env < envs_.size(); ++env)
    for (const MethodChoice& m : methods_) {
      const auto cost = algorithms::cost_of(config(env, m, episodes_.size() - 1));
      if (cost.bytes > most) text = cost.text;
      most = std::max(most, cost.bytes);
      const double seconds = seconds_of(env, m, team);
      total += seconds;
      if (seconds > longest) slowest = m.label;
      longest = std::max(longest, seconds);
    }
  if (total < 2) return text + "; a second or two in all";
  return text + "; about " + clock_text(total) + " in all" +
         (envs_.size() * methods_.size() > 1 ? ", " + clock_text(longest) + " of them " + slowest : "");
}

// An episode costs a method about the same at every K; how many replicas share it is as in the run.
double RegretStudy::seconds_of(std::size_t env, const MethodChoice& method, ThreadTeam& team) const {
  constexpr double kLongEnough = 0.05;  // seconds
  algorithms::RegretConfig c = config(env, method, episodes_.size() - 1);
  c.hindsight = false;
  const std::int64_t most = std::max<std::int64_t>(1, c.episodes / 32);
  double seconds = 0;
  for (c.only_first = 1;; c.only_first = std::min(2 * c.only_first, most)) {
    seconds = algorithms::run_regret(c, team).seconds;
    if (seconds >= kLongEnough || c.only_first == most) break;
  }
  double all = 0;
  for (const std::int64_t k : episodes_) all += static_cast<double>(k);
  return all * seconds / static_cast<double>(c.only_first);
}

double RegretStudy::uniform_regret(std::size_t env, std::size_t k, ThreadTeam& team) const {
  RegretOptions plain = options_;
  plain.eta = plain.beta = plain.gamma = "";
  plain.preset = "theory";
  plain.covariance = "exact";
  algorithms::RegretConfig c = config(env, parse_method("uniform", plain), k);
  // It draws nothing: where losses do not follow what is played, each replica has the same regret.
  if (!c.instance.losses->adaptive()) c.seeds.resize(1);
  double mean = 0;
  for (const ReplicaResult& r : algorithms::run_regret(c, team).replicas)
    mean += r.regret / static_cast<double>(c.seeds.size());
  return mean;
}

json RegretStudy::run_method(std::size_t env, const MethodChoice& method, std::vector<double>& uniform,
                             ThreadTeam& team, const std::function<void(const json&)>& keep) const {
  algorithms::RegretTable table;
  json settings = json::array(), covariance = json::array(), extremes = json::array(),
       figures = json::array();
  json j{{"label", method.label}, {"method", method.method}};
  double seconds = 0;
  std::int64_t calls = 0;
  for (std::size_t k = 0; k < episodes_.size(); ++k) {
    const RegretResult result = algorithms::run_regret(config(env, method, k), team);
    if (episodes_.size() >= 3 && uniform.size() <= k) uniform.push_back(uniform_regret(env, k, team));
    table.episodes.push_back(static_cast<double>(episodes_[k]));
    table.regret.emplace_back();
    double least = 0, largest = 0;
    for (const ReplicaResult& r : result.replicas) {
      table.regret.back().push_back(r.regret);
      least = std::min(least, r.least_eta_q);
      largest = std::max(largest, r.largest_eta_bonus);
    }
    settings.push_back(settings_json(result.replicas.at(0)));
    extremes.push_back({{"least_eta_q", least}, {"largest_eta_bonus", largest}});
    figures.push_back(mean_figures(result));
    covariance.push_back(result.covariance);
    seconds += result.seconds;
    calls += result.simulator_calls;
    j["regret_notion"] = result.regret_notion;
    j["comparator"] = result.comparator;
    j["curve"] = curve_json(result);
    if (single()) {
      json replicas = json::array();
      for (const ReplicaResult& r : result.replicas) replicas.push_back(replica_json(r));
      j["replicas"] = replicas;
      j["best_loss"] = result.best;
    }
    if (!keep && k + 1 < episodes_.size()) continue;
    const std::vector<double> below(
        uniform.begin(), uniform.begin() + static_cast<std::ptrdiff_t>(std::min(k + 1, uniform.size())));
    const algorithms::Growth g = algorithms::growth_of(table, static_cast<std::uint64_t>(options_.seed),
                                                       static_cast<int>(options_.resamples), below);
    j["episodes"] = table.episodes;
    j["regret"] = table.regret;
    j["mean"] = g.mean;
    j["standard_error"] = g.standard_error;
    j["deviation"] = g.deviation;
    j["lowest"] = g.lowest;
    j["highest"] = g.highest;
    j["local_exponents"] = g.local;
    j["exponent"] = exponent_json(g.all);
    j["upper_half"] = exponent_json(g.upper_half);
    j["tail_index"] = g.tail_index;
    j["settings"] = settings;
    j["extremes"] = extremes;
    j["figures"] = figures;
    j["covariance"] = covariance;
    j["simulator_calls"] = calls;
    j["seconds"] = seconds;
    j["warnings"] = warnings_of(method.label, table.episodes, g.tail_index, figures);
    if (keep) keep(j);
  }
  return j;
}

json RegretStudy::results(const json& studies, bool complete) const {
  json warnings = warnings_;
  for (const json& study : studies)
    for (const json& m : study.at("methods"))
      for (const json& line : m.at("warnings")) warnings.push_back(line);
  return {{"title", options_.title.empty() ? "Regret on " + join(envs_, ", ") : options_.title},
          {"replicas", options_.replicas},
          {"studies", studies},
          {"notes", notes_},
          {"warnings", warnings},
          {"complete", complete}};
}

json RegretStudy::run(const Ears& ears) const {
  const auto began = std::chrono::steady_clock::now();
  ThreadTeam team(static_cast<int>(options_.threads));
  json studies = json::array();
  for (std::size_t env = 0; env < envs_.size(); ++env) {
    const envs::LinearMdp& m = *instances_[env].back().mdp;
    std::vector<double> uniform;
    json methods = json::array();
    const auto study = [&](const json& done) -> json {
      return {{"env", envs_[env]},
              {"losses", options_.losses},
              {"sizes", {{"H", m.H}, {"S", m.S}, {"A", m.A}, {"d", m.d}}},
              {"linearity", {{"q", linearity_[env].q}, {"transitions", linearity_[env].transitions}}},
              {"uniform", uniform},
              {"methods", done}};
    };
    // A study's methods have the same K: of a method that has not played all of them, what is there is kept
    // where it is the first.
    const auto keep = [&](const json& method) {
      if (!methods.empty() && method.at("episodes").size() < episodes_.size()) return;
      json all = studies, now = methods;
      now.push_back(method);
      all.push_back(study(now));
      ears.keep(results(all, false));
    };
    for (const MethodChoice& method : methods_) {
      methods.push_back(run_method(env, method, uniform, team,
                                   ears.keep ? std::function<void(const json&)>(keep) : nullptr));
      ears.say(envs_[env] + "  " + method.label +
               format("  %.1f s", methods.back().at("seconds").get<double>()));
    }
    studies.push_back(study(methods));
  }
  json all = results(studies, true);
  all["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return all;
}

}  // namespace hardy::tools
