#include "algorithms/experiments/regret_study.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "algorithms/experiments/regret_device.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

std::string format(const char* pattern, double a) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, a);
  return text;
}

// Of a size that a learner takes as input; 0 takes the learner's own.
double size_of(const StepLaw& law, const std::string& key, const Sizes& sizes) {
  const double value = law.at(sizes);
  if (!(value >= 0 && value < 1e15))
    throw Error("'" + law.text() + "' is " + to_text(value) + " at K = " + std::to_string(sizes.K), key,
                "a number of at least 0 would be right");
  return value;
}

// Where the seeds of a K begin in all studies of it: a million and more apart for different K (Knuth's
// multiplicative hash: the golden ratio's bits).
std::uint64_t shard_seed(std::int64_t episodes) {
  constexpr int kRoom = 20;
  const std::uint64_t mixed = static_cast<std::uint64_t>(episodes) * 0x9E3779B97F4A7C15u;
  return mixed >> (2 * kRoom) << kRoom;
}

// Means over replicas.
std::map<std::string, double> mean_figures(const RegretResult& result) {
  std::map<std::string, double> means;
  for (const ReplicaResult& r : result.replicas)
    for (const RegretFigure& f : r.figures)
      means[f.name] += f.value / static_cast<double>(result.replicas.size());
  return means;
}
std::vector<double> mean_curve(const RegretResult& result) {
  std::vector<double> mean(result.at.size());
  for (const ReplicaResult& r : result.replicas)
    for (std::size_t i = 0; i < mean.size() && i < r.curve.size(); ++i)
      mean[i] += r.curve[i] / static_cast<double>(result.replicas.size());
  return mean;
}

RegretCurves curves_of(const RegretResult& result) {
  RegretCurves curves{result.at, {}, {}};
  for (const ReplicaResult& r : result.replicas) {
    curves.seeds.push_back(r.seed);
    curves.regret.push_back(r.curve);
  }
  return curves;
}

// Each method's runs on all environments, as growth_sizes.h takes them.
std::vector<MethodSizes> sizes_of_results(const RegretResults& results, const RegretStudySettings& settings) {
  std::vector<MethodSizes> all;
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  for (std::size_t m = 0; m < settings.methods.size(); ++m) {
    std::vector<SizedRun> runs;
    for (const EnvironmentResults& study : results.studies) {
      const RegretTable& table = study.methods[m].table;
      for (std::size_t k = 0; k < table.episodes.size(); ++k) {
        runs.push_back({study.sizes, table.regret[k]});
        runs.back().sizes.K = static_cast<std::int64_t>(table.episodes[k]);
      }
    }
    MethodSizes one{settings.methods[m].label, along_sizes(runs, seed, settings.resamples), {}};
    if (settings.joint) one.joint = joint_exponents(runs, seed, settings.resamples);
    if (!one.along.empty() || !one.joint.empty()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

SettingsRequest MethodChoice::at(const Sizes& sizes) const {
  SettingsRequest request = settings;
  const auto value = [&](const std::optional<StepLaw>& law) {
    return law ? std::optional<double>(law->at(sizes)) : std::nullopt;
  };
  request.eta = value(eta), request.beta = value(beta), request.gamma = value(gamma);
  return request;
}

CoverSettings CoverLaws::at(const Sizes& sizes) const {
  CoverSettings c = settings;
  c.delta_e = size_of(delta_e, "--delta-e", sizes);
  c.alpha = size_of(alpha, "--alpha", sizes);
  c.epoch = std::llround(size_of(epoch, "--epoch", sizes));
  c.cover_episodes = std::llround(size_of(cover_episodes, "--cover-episodes", sizes));
  return c;
}

RegretStudy::RegretStudy(RegretStudySettings settings) : settings_(std::move(settings)) {
  if (settings_.envs.empty()) throw Error("no environment", "--env", "e.g. --env simplex:H=3,S=4,A=3,d=3");
  if (settings_.methods.empty()) throw Error("no method", "--method", "e.g. --method ftrl_log_barrier");
  if (settings_.random.splitmix && settings_.seed != 0)
    throw Error("a seed is given twice", "--seed", "--random splitmix64:S holds it already");
  for (const std::string& env : settings_.envs)
    instances_.push_back(envs::make_instances(env, settings_.losses, settings_.episodes));
  look_at_instances();
  for (std::size_t env = 0; env < settings_.envs.size(); ++env)
    for (std::size_t k = 0; k < settings_.episodes.size(); ++k)
      for (const MethodChoice& m : settings_.methods) {
        const RegretConfig c = config(env, m, k);
        const ResolvedSettings resolved =
            resolve(regret_method(m.method), c.settings.front(), sizes_of(*c.instance.mdp, c.episodes));
        sample_counts(c.covariance, resolved.steps.gamma);  // what laws come to
        if (c.device) require_playable_there(c);
      }
}

bool RegretStudy::single() const {
  return settings_.envs.size() == 1 && settings_.methods.size() == 1 && settings_.episodes.size() == 1;
}

void RegretStudy::look_at_instances() {
  for (std::size_t env = 0; env < settings_.envs.size(); ++env) {
    const envs::Instance& instance = instances_[env].back();
    notes_.insert(notes_.end(), instance.notes.begin(), instance.notes.end());
    const envs::Linearity apart = envs::linearity_of(instance, settings_.episodes.back());
    linearity_.push_back(apart);
    if (apart.largest() <= envs::kLinearEnough) continue;
    const std::string figures = "max |Q - phi theta| = " + format("%.3g", apart.q) +
                                ", max |P - phi mu| = " + format("%.3g", apart.transitions);
    if (settings_.strict)
      throw Error(
          "this is no linear MDP: " + figures, settings_.envs[env],
          "at most " + format("%.0e", envs::kLinearEnough) + " would be right, or leave out --strict");
    warnings_.push_back(settings_.envs[env] + " is no linear MDP (" + figures +
                        "): no bound of a method with linear features holds on it");
  }
}

RegretConfig RegretStudy::config(std::size_t env, const MethodChoice& method, std::size_t k) const {
  RegretConfig c;
  c.method = method.method;
  c.episodes = settings_.episodes[k];
  c.instance = instances_[env][k];
  c.random = settings_.random;
  // Every K has seeds of its own; methods share them. A sequence's number is added to its replica's seed.
  const std::uint64_t first =
      settings_.shard ? shard_seed(c.episodes) : static_cast<std::uint64_t>(settings_.replicas) * k;
  c.random.first_seed += first;
  c.seeds.clear();
  for (std::int64_t r = 0; r < settings_.replicas; ++r)
    c.seeds.push_back(static_cast<std::uint64_t>(settings_.seed + r) + (c.random.splitmix ? 0 : first));
  const Sizes sizes = sizes_of(*c.instance.mdp, c.episodes);
  c.settings = {method.at(sizes)};
  c.covariance = method.covariance;
  c.covariance.sizes = sizes;
  const RegretMethod& played = regret_method(method.method);
  c.simulator = settings_.simulator && played.scaling != Scaling::kNone;  // who asks nothing needs none
  if (c.simulator) simulator_form(played, "--evaluation simulator");
  c.cover = settings_.cover.at(sizes);
  c.keys = keys_of(regret_method(method.method), method.keys, sizes);
  c.curve_points = settings_.curve_points;
  c.keep_trajectories = settings_.keep_trajectories;
  c.ranks = settings_.ranks;
  c.device = settings_.device.get();
  return c;
}

std::string RegretStudy::cost() const {
  std::string text, slowest;
  std::int64_t most = -1;
  double total = 0, longest = -1;
  ThreadTeam team(static_cast<int>(settings_.threads));
  for (std::size_t env = 0; env < settings_.envs.size(); ++env)
    for (const MethodChoice& m : settings_.methods) {
      const RegretCost cost = cost_of(config(env, m, settings_.episodes.size() - 1));
      if (cost.bytes > most) text = cost.text;
      most = std::max(most, cost.bytes);
      const double seconds = seconds_of(env, m, team);
      total += seconds;
      if (seconds > longest) slowest = m.label;
      longest = std::max(longest, seconds);
    }
  if (total < 2) return text + "; a second or two in all";
  return text + "; about " + clock_text(total) + " in all" +
         (settings_.envs.size() * settings_.methods.size() > 1
              ? ", " + clock_text(longest) + " of them " + slowest
              : "");
}

double RegretStudy::seconds() const {
  ThreadTeam team(static_cast<int>(settings_.threads));
  double total = 0;
  for (std::size_t env = 0; env < settings_.envs.size(); ++env)
    for (const MethodChoice& m : settings_.methods) total += seconds_of(env, m, team);
  return total;
}

double RegretStudy::episodes_in_all() const {
  double all = 0;
  for (const std::int64_t k : settings_.episodes) all += static_cast<double>(k);
  return all * static_cast<double>(settings_.replicas * static_cast<std::int64_t>(settings_.envs.size()) *
                                   static_cast<std::int64_t>(settings_.methods.size()));
}

// What is there of a method: in a study that has all of its K, or the one that was at play.
MethodResults RegretStudy::known_of(const RegretResults* before, std::size_t env, std::size_t method) const {
  MethodResults fresh;
  fresh.label = settings_.methods[method].label;
  fresh.method = settings_.methods[method].method;
  if (before == nullptr || env >= before->studies.size()) return fresh;
  const EnvironmentResults& study = before->studies[env];
  if (method < study.methods.size()) return study.methods[method];
  return study.unfinished && method == study.methods.size() ? *study.unfinished : fresh;
}

// An episode costs a method about the same at every K; how many replicas share it is as in the run.
double RegretStudy::seconds_of(std::size_t env, const MethodChoice& method, ThreadTeam& team) const {
  constexpr double kLongEnough = 0.05;  // seconds
  RegretConfig c = config(env, method, settings_.episodes.size() - 1);
  c.hindsight = false;
  c.ranks = &comm::alone();
  const std::int64_t most = std::max<std::int64_t>(1, c.episodes / 32);
  double seconds = 0;
  for (c.only_first = 1;; c.only_first = std::min(2 * c.only_first, most)) {
    seconds = run_regret(c, team).seconds;
    if (seconds >= kLongEnough || c.only_first == most) break;
  }
  double all = 0;
  for (const std::int64_t k : settings_.episodes) all += static_cast<double>(k);
  return all * seconds / static_cast<double>(c.only_first);
}

double RegretStudy::uniform_regret(std::size_t env, std::size_t k, ThreadTeam& team,
                                   const run::Watch& watch) const {
  MethodChoice uniform;
  uniform.method = uniform.label = "uniform";
  RegretConfig c = config(env, uniform, k);
  c.device = nullptr;  // one replica, in no time
  // It draws nothing: where losses do not follow what is played, each replica has the same regret.
  if (!c.instance.losses->adaptive()) c.seeds.resize(1);
  double mean = 0;
  for (const ReplicaResult& r : run_regret(c, team, watch).replicas)
    mean += r.regret / static_cast<double>(c.seeds.size());
  return mean;
}

void RegretStudy::play(std::size_t env, const MethodChoice& method, std::size_t k, MethodResults& m,
                       ThreadTeam& team, const run::Watch& watch) const {
  RegretResult result = run_regret(config(env, method, k), team, watch);
  m.table.episodes.push_back(static_cast<double>(settings_.episodes[k]));
  m.table.regret.emplace_back();
  Extremes extremes;
  for (const ReplicaResult& r : result.replicas) {
    m.table.regret.back().push_back(r.regret);
    extremes.least_eta_q = std::min(extremes.least_eta_q, r.least_eta_q);
    extremes.largest_eta_bonus = std::max(extremes.largest_eta_bonus, r.largest_eta_bonus);
  }
  m.settings.push_back(result.replicas.at(0).resolved);
  m.extremes.push_back(extremes);
  m.figures.push_back(mean_figures(result));
  m.covariance.push_back(result.covariance);
  m.seconds += result.seconds;
  m.simulator_calls += result.simulator_calls;
  m.regret_notion = result.regret_notion;
  m.comparator = result.comparator;
  m.curve_episodes = result.at;
  m.curve = mean_curve(result);
  if (settings_.keep_curves) m.curves.push_back(curves_of(result));
  if (!single()) return;
  m.replicas = std::move(result.replicas);
  m.best = std::move(result.best);
}

RegretResults RegretStudy::run(const Ears& ears, const run::Watch& watch, const RegretResults* before) const {
  const auto began = std::chrono::steady_clock::now();
  ThreadTeam team(static_cast<int>(settings_.threads));
  const std::size_t all_k = settings_.episodes.size();
  RegretResults results;
  results.title = settings_.title.empty() ? "Regret on " + join(settings_.envs, ", ") : settings_.title;
  results.replicas = settings_.replicas;
  results.notes = notes_;
  results.single = single();
  // Studies' warnings follow the instances' own.
  const auto with_warnings = [&](RegretResults r) {
    r.warnings = warnings_;
    for (const EnvironmentResults& study : r.studies)
      for (const MethodResults& m : study.methods)
        r.warnings.insert(r.warnings.end(), m.warnings.begin(), m.warnings.end());
    return r;
  };
  for (std::size_t env = 0; env < settings_.envs.size(); ++env) {
    EnvironmentResults& study = results.studies.emplace_back();
    study.env = settings_.envs[env];
    study.losses = settings_.losses;
    study.sizes = sizes_of(*instances_[env].back().mdp, settings_.episodes.back());
    study.linearity = linearity_[env];
    if (before != nullptr && env < before->studies.size()) study.uniform = before->studies[env].uniform;
    for (std::size_t i = 0; i < settings_.methods.size(); ++i) {
      const MethodChoice& method = settings_.methods[i];
      MethodResults m = known_of(before, env, i);
      results.seconds += m.seconds;  // of another process
      const auto grow = [&](std::size_t played) {
        const std::vector<double> below(
            study.uniform.begin(),
            study.uniform.begin() + static_cast<std::ptrdiff_t>(std::min(played, study.uniform.size())));
        m.growth = growth_of(m.table, static_cast<std::uint64_t>(settings_.seed), settings_.resamples, below);
        // Theory speaks of the defaults of a method's own keys.
        m.theory = method.keys.empty() ? theory_exponent(regret_method(m.method), method.at(study.sizes))
                                       : std::numeric_limits<double>::quiet_NaN();
        m.standing = standing_of(m.growth, m.theory);
        m.warnings = warnings_of(m);
      };
      if (m.table.episodes.size() == all_k) grow(all_k);
      for (std::size_t k = m.table.episodes.size(); k < all_k; ++k) {
        play(env, method, k, m, team, watch);
        while ((all_k >= 3 || settings_.shard) && study.uniform.size() <= k)
          study.uniform.push_back(uniform_regret(env, study.uniform.size(), team, watch));
        if (!ears.keep && k + 1 < all_k) continue;
        grow(k + 1);
        if (!ears.keep) continue;
        // A study's methods have the same K: what there is of one that has not played all of them is kept
        // apart, but for the first.
        RegretResults so_far = results;
        if (study.methods.empty() || k + 1 == all_k)
          so_far.studies.back().methods.push_back(m);
        else
          so_far.studies.back().unfinished = m;
        ears.keep(with_warnings(std::move(so_far)));
      }
      study.methods.push_back(m);
      ears.say(study.env + "  " + method.label + format("  %.1f s", m.seconds));
    }
  }
  results.sizes = sizes_of_results(results, settings_);
  results.complete = true;
  results.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return with_warnings(results);
}

}  // namespace hardy::algorithms
