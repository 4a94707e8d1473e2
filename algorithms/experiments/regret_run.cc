#include "algorithms/experiments/regret_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>

#include "algorithms/experiments/regret_device.h"
#include "algorithms/experiments/replica_bytes.h"
#include "algorithms/experiments/simulator_run.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

using Result = RegretResult;

std::size_t lanes_of(const Steps& group) { return static_cast<std::size_t>(group.tables.lanes); }

// With the defaults of the method's own keys where the caller names none.
RegretConfig completed(RegretConfig config) {
  const RegretMethod& method = regret_method(config.method);
  if (!config.instance.mdp) return config;  // which check() refuses
  for (const auto& [name, value] : keys_of(method, {}, sizes_of(*config.instance.mdp, config.episodes)))
    config.keys.emplace(name, value);
  if (config.keys.size() > method.keys.size())
    throw Error("there are " + std::to_string(config.keys.size()) + " keys", method.name,
                "it has " + std::to_string(method.keys.size()) + " of its own");
  return config;
}

struct Job {  // one group of replicas
  std::vector<std::size_t> replicas;
  std::vector<Lane> lanes;
};

class Run {
 public:
  Run(const RegretConfig& config, ThreadTeam& team, const run::Watch& watch)
      : config_(completed(config)), team_(team), watch_(watch), method_(regret_method(config.method)) {
    check();
    result_ = unplayed(config_);
  }

  Result go() {
    const auto began = std::chrono::steady_clock::now();
    if (config_.device) {
      watch_.observer->began(config_.method + " on " + config_.instance.mdp->name, played(), 0);
      play_on_device(config_, played(), result_, watch_);
      return finished();
    }
    const bool large = is_large(*config_.instance.mdp);
    watch_.observer->began(config_.method + " on " + config_.instance.mdp->name, played(), 0);
    const std::vector<Job> all = cut(large || !method_.lanes ? 1 : linalg::kLanes);
    // Whole groups, one behind the other, as they are cut in one process: figures are of a group.
    const std::vector<std::size_t> parts = comm::bounds_of(*config_.ranks, all.size());
    const auto rank = static_cast<std::size_t>(config_.ranks->rank());
    const std::span<const Job> jobs = std::span(all).subspan(parts[rank], parts[rank + 1] - parts[rank]);
    if (large) {
      for (const Job& job : jobs) play_alone(job, team_, &job == &jobs.front());
    } else {
      team_.run(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t i) {
        ThreadTeam alone(1);
        play_alone(jobs[static_cast<std::size_t>(i)], alone, i == 0);
      });
    }
    share(all, parts);
    if (failure_) std::rethrow_exception(failure_);
    result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    result_.simulator_calls = simulator_calls_;
    result_.trajectories = trajectories_;
    return finished();
  }

 private:
  Result finished() {
    if (config_.hindsight) subtract_best(config_, result_);
    return std::move(result_);
  }

  void check() const {
    if (!config_.instance.mdp || !config_.instance.losses) throw Error("there is no instance", "regret run");
    if (config_.episodes < 1)
      throw Error("K = " + std::to_string(config_.episodes), "regret run", "at least one episode is needed");
    if (config_.seeds.empty() || config_.settings.empty())
      throw Error("there are no replicas", "regret run", "give at least one seed and one setting");
    if (config_.curve_points < 1) throw Error("a curve needs at least one point", "regret run");
    if (config_.device) require_playable_there(config_);
  }

  std::int64_t played() const {
    return config_.only_first > 0 ? std::min(config_.only_first, config_.episodes) : config_.episodes;
  }

  // What the ranks' groups came to, to all of them.
  void share(const std::vector<Job>& jobs, const std::vector<std::size_t>& parts) {
    std::vector<std::size_t> bounds;  // of replicas
    for (const std::size_t part : parts)
      bounds.push_back(part < jobs.size() ? jobs[part].replicas.front() : result_.replicas.size());
    std::int64_t counts[] = {simulator_calls_, trajectories_};
    exchange(*config_.ranks, failure_, bounds, result_.replicas, counts);
    simulator_calls_ = counts[0];
    trajectories_ = counts[1];
  }

  // Groups of full lanes first, then one by one: a lone replica is not worth the lanes of eight. A replica's
  // bits are the same either way.
  std::vector<Job> cut(std::size_t width) const {
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < result_.replicas.size();) {
      const std::size_t left = result_.replicas.size() - i;
      const std::size_t take = width > 1 && left > 2 ? std::min(width, left) : 1;
      Job& job = jobs.emplace_back();
      for (std::size_t j = i; j < i + take; ++j) {
        job.replicas.push_back(j);
        job.lanes.push_back({result_.replicas[j].seed, result_.replicas[j].resolved.steps});
      }
      i += take;
    }
    return jobs;
  }

  void play_alone(const Job& job, ThreadTeam& team, bool first) {
    try {
      play(job, team, first);
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  void play(const Job& job, ThreadTeam& team, bool first) {
    const std::unique_ptr<Steps> group = make_steps(config_, job.lanes, team, method_.covariance);
    const std::unique_ptr<RegretLearner> learner = method_.make(*group);
    for (const std::size_t replica : job.replicas)
      result_.replicas[replica].first.reserve(static_cast<std::size_t>(config_.keep_trajectories));
    std::size_t point = 0;
    for (std::int64_t k = 0; k < played() && !failed_.load(std::memory_order_relaxed); ++k) {
      throw_if_stopped(watch_.stop);
      group->begin(k);
      learner->episode(k);
      group->end();
      if (k < config_.keep_trajectories) keep_trajectory(*group, job);
      if (k + 1 == result_.at[point]) {
        keep_point(*group, job, k);
        ++point;
      }
      if (first && watch_.observer->wants_progress(k + 1)) watch_.observer->progress(k + 1, {});
    }
    keep_end(*group, job);
    for (const std::size_t replica : job.replicas) result_.replicas[replica].figures = learner->figures();
  }

  void keep_trajectory(const Steps& group, const Job& job) {
    for (std::size_t w = 0; w < job.replicas.size(); ++w) {
      auto& trajectory = result_.replicas[job.replicas[w]].first.emplace_back();
      for (std::size_t at = w; at < group.played.states.size(); at += lanes_of(group))
        trajectory.push_back({group.played.states[at], group.played.actions[at]});
    }
  }

  void keep_point(const Steps& group, const Job& job, std::int64_t k) {
    if (group.losses.lowest() < -1e-9 || group.losses.highest() > 1 + 1e-9)
      throw Error(
          "a loss of " +
              to_text(group.losses.lowest() < -1e-9 ? group.losses.lowest() : group.losses.highest()) +
              " was met by episode " + std::to_string(k),
          group.mdp.name, "losses lie in [0,1]");
    for (std::size_t w = 0; w < job.replicas.size(); ++w) {
      ReplicaResult& replica = result_.replicas[job.replicas[w]];
      require_finite_loss(group.record.learner_loss[w], config_, replica.seed, k);
      double best = 0;
      if (group.losses.adaptive() && config_.hindsight)
        best = envs::hindsight(group.mdp, envs::loss_table(group.mdp, *config_.instance.losses,
                                                           group.losses.sum(static_cast<int>(w)).data()))
                   .value;
      replica.curve.push_back(group.record.learner_loss[w] - best);
      replica.best_loss = best;
    }
  }

  void keep_end(const Steps& group, const Job& job) {
    int start = 0;
    while (group.mdp.start[static_cast<std::size_t>(start)] == 0) ++start;
    for (std::size_t w = 0; w < job.replicas.size(); ++w) {
      ReplicaResult& replica = result_.replicas[job.replicas[w]];
      replica.learner_loss = group.record.learner_loss[w];
      replica.least_eta_q = group.record.least_eta_q[w];
      replica.largest_eta_bonus = group.record.largest_eta_bonus[w];
      if (!method_.costs) continue;
      for (int a = 0; a < group.mdp.A; ++a)
        replica.start_costs.push_back(
            group.tables.C[group.tables.pair(0, start, a) + static_cast<std::int64_t>(w)]);
    }
    simulator_calls_ += group.record.simulator_calls;
    trajectories_ += group.record.trajectories;
  }

  const RegretConfig config_;  // with the defaults of what it does not say
  ThreadTeam& team_;
  const run::Watch& watch_;
  const RegretMethod& method_;
  Result result_;
  std::atomic<std::int64_t> simulator_calls_{0}, trajectories_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

}  // namespace

RegretResult unplayed(const RegretConfig& config) {
  if (config.only_first > 0 && config.hindsight)
    throw Error("the first episodes alone have no regret", "regret run", "ask for hindsight = false");
  const RegretMethod& method = regret_method(config.method);
  RegretResult result;
  result.at = log_spaced(config.episodes, config.curve_points);
  for (std::size_t setting = 0; setting < config.settings.size(); ++setting) {
    const ResolvedSettings resolved =
        resolve(method, config.settings[setting], sizes_of(*config.instance.mdp, config.episodes));
    for (const std::uint64_t seed : config.seeds) {
      ReplicaResult replica;
      replica.seed = config.random.splitmix ? config.random.first_seed + seed : seed;
      replica.setting = setting;
      replica.resolved = resolved;
      result.replicas.push_back(std::move(replica));
    }
  }
  result.covariance = method.covariance
                          ? describe(config.covariance, result.replicas.front().resolved.steps.gamma)
                      : method.scaling == Scaling::kEpochs ? "of the epoch's own episodes"
                                                           : "none";
  const bool adaptive = config.instance.losses->adaptive();
  result.comparator =
      adaptive ? "best fixed policy for the realised losses" : "best fixed policy in hindsight";
  result.regret_notion =
      (adaptive ? "external regret, against the " : "regret against the ") + result.comparator;
  return result;
}

void subtract_best(const RegretConfig& config, RegretResult& result) {
  const envs::LossProcess& losses = *config.instance.losses;
  const envs::LinearMdp& mdp = *config.instance.mdp;
  if (!losses.adaptive()) {
    const auto size = static_cast<std::size_t>(envs::loss_size(mdp, losses.linear()));
    std::vector<double> sum(size), scratch(size);
    std::int64_t k = 0;
    for (const std::int64_t until : result.at) {
      for (; k < until; ++k) {
        const double* episode = losses.losses(k, scratch.data());
        for (std::size_t i = 0; i < size; ++i) sum[i] += episode[i];
      }
      result.best.push_back(envs::hindsight(mdp, envs::loss_table(mdp, losses, sum.data())).value);
    }
  }
  for (ReplicaResult& replica : result.replicas) {
    for (std::size_t i = 0; i < result.best.size(); ++i) replica.curve[i] -= result.best[i];
    if (!result.best.empty()) replica.best_loss = result.best.back();
    replica.regret = replica.learner_loss - replica.best_loss;
  }
}

void require_finite_loss(double loss, const RegretConfig& config, std::uint64_t seed, std::int64_t k) {
  if (!std::isfinite(loss))
    throw Error::failed_run("the learner's loss is not finite by episode " + std::to_string(k),
                            config.method + ", seed " + std::to_string(seed),
                            "costs that are too large; raise gamma or lower eta");
}

std::vector<std::int64_t> log_spaced(std::int64_t episodes, int points) {
  std::vector<std::int64_t> at;
  for (int i = 0; i < points; ++i) {
    const double share = points == 1 ? 1.0 : static_cast<double>(i) / (points - 1);
    const auto k = i + 1 == points
                       ? episodes
                       : static_cast<std::int64_t>(std::pow(static_cast<double>(episodes), share));
    if (at.empty() || k > at.back()) at.push_back(k);
  }
  return at;
}

RegretCost cost_of(const RegretConfig& config) {
  const envs::LinearMdp& m = *config.instance.mdp;
  const RegretMethod& method = regret_method(config.method);
  const double n = static_cast<double>(m.pairs()), d = m.d, H = m.H, S = m.S;
  const bool large = is_large(m);
  const double lanes = large || !method.lanes ? 1 : linalg::kLanes;
  RegretCost cost;
  const double tables =
      7 * H * n + H * d * (d + 3) + 3 * n + (method.magnitude ? n * d : 0) + (large ? 1.5 * H * d * d : 0);
  cost.bytes = m.bytes() + static_cast<std::int64_t>(8 * tables * lanes);
  // Section by section: occupancies, Sigma, Cholesky, quadratic forms, bonus backwards, Qhat.
  const double walk = m.low_rank() ? 2 * n * d + 2 * S * d : 2 * n * S + 2 * n * d;
  double flop = walk + 50 * n;
  if (method.covariance)
    flop += n * d * (d + 1) + d * d * d / 3 + n * d * d + 2 * n * d + walk + 2 * n * d + 2 * d * d;
  if (method.magnitude) flop += 2 * n * n * d;
  if (config.covariance.kind != CovarianceChoice::Kind::kExact && method.covariance) {
    const auto sampled = sample_counts(
        config.covariance, resolve(method, config.settings.at(0), sizes_of(m, config.episodes)).steps.gamma);
    const double each = config.covariance.kind == CovarianceChoice::Kind::kMgr ? 6 * d * d : d;
    flop += static_cast<double>(sampled.trajectories()) * (each + S);
  }
  cost.flop_per_episode = H * flop;
  cost.bytes_per_episode = H * 8 * ((large ? 2 : 5) * n * d + 8 * n);  // walks over the features, and tables
  char text[128];
  std::snprintf(text, sizeof text, "%.1f MB a group of %g replica(s); %.3g FLOP and %.3g bytes an episode",
                static_cast<double>(cost.bytes) * 1e-6, lanes, cost.flop_per_episode, cost.bytes_per_episode);
  cost.text = text;
  return cost;
}

RegretResult run_regret(const RegretConfig& config, ThreadTeam& team, const run::Watch& watch) {
  if (config.simulator && config.device) require_playable_there(config);  // which says that it is not
  return config.simulator ? run_through_simulator(config, team, watch) : Run(config, team, watch).go();
}

}  // namespace hardy::algorithms
