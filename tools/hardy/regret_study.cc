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

std::optional<double> number_of(const std::string& text, const std::string& key) {
  if (text.empty()) return std::nullopt;
  const auto value = to_double(text);
  if (!value)
    throw Error("'" + text + "' is not a number", "--" + key, "leave it out for the preset's value");
  return value;
}

json exponent_json(const algorithms::Exponent& e) {
  return {{"value", e.value},
          {"low", e.low},
          {"high", e.high},
          {"points", e.points},
          {"none_because", e.none_because}};
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
  m.settings.eta = number_of(given.word("eta", o.eta), "eta");
  m.settings.beta = number_of(given.word("beta", o.beta), "beta");
  m.settings.gamma = number_of(given.word("gamma", o.gamma), "gamma");
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
    if (!m.settings.eta || !m.settings.beta || !m.settings.gamma)
      throw Error("the preset 'explicit' needs all three step sizes", text, "give --eta, --beta and --gamma");
    m.settings.preset = "theory";  // which the three replace entirely
  }
  algorithms::parse_covariance(m.covariance);
  return m;
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
  for (std::size_t env = 0; env < envs_.size(); ++env)
    for (std::size_t k = 0; k < episodes_.size(); ++k)
      for (const MethodChoice& m : methods_) {
        const auto c = config(env, m, k);
        algorithms::resolve(algorithms::regret_method(m.method).scaling, m.settings,
                            algorithms::sizes_of(*c.instance.mdp, c.episodes));
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
  c.settings = {method.settings};
  c.covariance = algorithms::parse_covariance(method.covariance);
  c.cover = {options_.delta_e, options_.alpha, options_.epoch, options_.cover_episodes,
             options_.cover_oracle};
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

std::vector<double> RegretStudy::uniform_regret(std::size_t env, ThreadTeam& team) const {
  std::vector<double> all;
  if (episodes_.size() < 3) return all;
  RegretOptions plain = options_;
  plain.eta = plain.beta = plain.gamma = "";
  plain.preset = "theory";
  plain.covariance = "exact";
  const MethodChoice method = parse_method("uniform", plain);
  for (std::size_t k = 0; k < episodes_.size(); ++k) {
    algorithms::RegretConfig c = config(env, method, k);
    // It draws nothing: where losses do not follow what is played, each replica has the same regret.
    if (!c.instance.losses->adaptive()) c.seeds.resize(1);
    double mean = 0;
    for (const ReplicaResult& r : algorithms::run_regret(c, team).replicas)
      mean += r.regret / static_cast<double>(c.seeds.size());
    all.push_back(mean);
  }
  return all;
}

json RegretStudy::run_method(std::size_t env, const MethodChoice& method, const std::vector<double>& uniform,
                             ThreadTeam& team, const std::function<void(const std::string&)>& say) const {
  algorithms::RegretTable table;
  json settings = json::array(), covariance = json::array(), etas = json::array();
  json j{{"label", method.label}, {"method", method.method}, {"simulator_calls", 0}};
  double seconds = 0;
  std::int64_t calls = 0;
  for (std::size_t k = 0; k < episodes_.size(); ++k) {
    const RegretResult result = algorithms::run_regret(config(env, method, k), team);
    table.episodes.push_back(static_cast<double>(episodes_[k]));
    table.regret.emplace_back();
    double least = 0, largest = 0;
    for (const ReplicaResult& r : result.replicas) {
      table.regret.back().push_back(r.regret);
      least = std::min(least, r.least_eta_q);
      largest = std::max(largest, r.largest_eta_bonus);
    }
    settings.push_back(settings_json(result.replicas.at(0)));
    etas.push_back({{"least_eta_q", least}, {"largest_eta_bonus", largest}});
    covariance.push_back(result.covariance);
    seconds += result.seconds;
    calls += result.simulator_calls;
    j["regret_notion"] = result.regret_notion;
    if (k + 1 == episodes_.size()) {
      j["curve"] = curve_json(result);
      if (single()) {
        json replicas = json::array();
        for (const ReplicaResult& r : result.replicas) replicas.push_back(replica_json(r));
        j["replicas"] = replicas;
        j["best_loss"] = result.best;
      }
    }
  }
  const algorithms::Growth g = algorithms::growth_of(table, static_cast<std::uint64_t>(options_.seed),
                                                     static_cast<int>(options_.resamples), uniform);
  j["episodes"] = episodes_;
  j["regret"] = table.regret;
  j["mean"] = g.mean;
  j["standard_error"] = g.standard_error;
  j["deviation"] = g.deviation;
  j["lowest"] = g.lowest;
  j["highest"] = g.highest;
  j["local_exponents"] = g.local;
  j["exponent"] = exponent_json(g.all);
  j["upper_half"] = exponent_json(g.upper_half);
  j["settings"] = settings;
  j["extremes"] = etas;
  j["covariance"] = covariance;
  j["simulator_calls"] = calls;
  j["seconds"] = seconds;
  say(envs_[env] + "  " + method.label + format("  %.1f s", seconds));
  return j;
}

json RegretStudy::run(const std::function<void(const std::string&)>& say) const {
  const auto began = std::chrono::steady_clock::now();
  ThreadTeam team(static_cast<int>(options_.threads));
  json studies = json::array();
  for (std::size_t env = 0; env < envs_.size(); ++env) {
    const envs::LinearMdp& m = *instances_[env].back().mdp;
    json methods = json::array();
    const std::vector<double> uniform = uniform_regret(env, team);
    for (const MethodChoice& method : methods_)
      methods.push_back(run_method(env, method, uniform, team, say));
    studies.push_back({{"env", envs_[env]},
                       {"losses", options_.losses},
                       {"sizes", {{"H", m.H}, {"S", m.S}, {"A", m.A}, {"d", m.d}}},
                       {"uniform", uniform},
                       {"methods", methods}});
  }
  return {{"title", options_.title.empty() ? "Regret on " + join(envs_, ", ") : options_.title},
          {"replicas", options_.replicas},
          {"studies", studies},
          {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()}};
}

}  // namespace hardy::tools
