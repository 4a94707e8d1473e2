#include "algorithms/experiments/simulator_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <string>

#include "algorithms/adversarial/simulated/sampled_run.h"
#include "algorithms/experiments/replica_bytes.h"
#include "engine/base/error.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

using envs::LinearMdp;

// V^{pi_k}_k by the tables, where the policies are asked for at states that can be met.
class Evaluator {
 public:
  Evaluator(const envs::Instance& instance, const SimulatorSettings& settings,
            const SimulatorLearner& learner, const envs::Simulator& simulator)
      : mdp_(*instance.mdp),
        losses_(*instance.losses),
        policies_(simulator, settings, learner.estimates()),
        policy_(static_cast<std::size_t>(mdp_.H * mdp_.pairs()), 1.0 / mdp_.A),
        scratch_(static_cast<std::size_t>(envs::loss_size(mdp_, losses_.linear()))) {
    const std::vector<double> q = envs::occupancy(mdp_, policy_);  // of the uniform policy, above 0 at each
    for (const double share : q) met_.push_back(share > 0);
  }
  double value(std::int64_t k) {
    for (int h = 0; h < mdp_.H; ++h)
      for (int s = 0; s < mdp_.S; ++s) {
        const auto at = static_cast<std::size_t>((std::int64_t{h} * mdp_.S + s) * mdp_.A);
        if (!met_[at]) continue;
        const double* const pi = policies_.at(k, h, static_cast<envs::State>(s)).pi;
        std::copy_n(pi, mdp_.A, policy_.begin() + static_cast<std::ptrdiff_t>(at));
      }
    const double* const episode = losses_.losses(k, scratch_.data());
    return envs::evaluate(mdp_, envs::loss_table(mdp_, losses_, episode), policy_).start;
  }

 private:
  const LinearMdp& mdp_;
  const envs::LossProcess& losses_;
  SimulatedPolicies policies_;
  std::vector<double> policy_, scratch_;
  std::vector<bool> met_;
};

class Run {
 public:
  Run(const RegretConfig& config, ThreadTeam& team, const run::Watch& watch)
      : config_(config), team_(team), watch_(watch), method_(regret_method(config.method)) {
    const LinearMdp& m = *config.instance.mdp;
    if (config.random.splitmix)
      throw Error("splitmix64's one sequence has no keys", "--random", "a simulator's learner needs philox");
    if (m.H > 1 && m.transitions.empty())
      throw Error("has too many states for its learners' values to be enumerated", m.name,
                  "--evaluation sampled would be right, or fewer states");
    settings_.form = simulator_form(method_, "--evaluation simulator");
    settings_.covariance = config.covariance;
    if (settings_.covariance.kind == CovarianceChoice::Kind::kExact)  // which no simulator shows
      settings_.covariance.kind = CovarianceChoice::Kind::kEmpirical;
    result_ = unplayed(config);
    result_.covariance = describe(settings_.covariance, result_.replicas.front().resolved.steps.gamma, true);
  }

  RegretResult go() {
    const auto began = std::chrono::steady_clock::now();
    watch_.observer->began(config_.method + " on " + config_.instance.mdp->name, played(), 0);
    const std::vector<std::size_t> bounds = comm::bounds_of(*config_.ranks, result_.replicas.size());
    const auto rank = static_cast<std::size_t>(config_.ranks->rank());
    team_.run(static_cast<std::int64_t>(bounds[rank + 1] - bounds[rank]), [&](std::int64_t i) {
      try {
        play(result_.replicas[bounds[rank] + static_cast<std::size_t>(i)], i == 0);
      } catch (...) {
        const std::lock_guard lock(failing_);
        if (!failed_.exchange(true)) failure_ = std::current_exception();
      }
    });
    std::int64_t counts[] = {calls_, trajectories_};
    exchange(*config_.ranks, failure_, bounds, result_.replicas, counts);
    if (failure_) std::rethrow_exception(failure_);
    result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    result_.simulator_calls = counts[0];
    result_.trajectories = counts[1];
    if (config_.hindsight) subtract_best(config_, result_);
    return std::move(result_);
  }

 private:
  std::int64_t played() const {
    return config_.only_first > 0 ? std::min(config_.only_first, config_.episodes) : config_.episodes;
  }

  void play(ReplicaResult& replica, bool first) {
    SimulatorSettings settings = settings_;
    settings.steps = replica.resolved.steps;
    settings.seed = replica.seed;
    const auto game = envs::simulator_of(config_.instance);
    const envs::SimulatorHandle simulator(*game), evaluators(*game);
    SimulatorLearner learner(simulator, settings);
    Evaluator evaluator(config_.instance, settings, learner, evaluators);
    std::vector<Met> met;
    std::size_t point = 0;
    for (std::int64_t k = 0; k < played() && !failed_.load(std::memory_order_relaxed); ++k) {
      throw_if_stopped(watch_.stop);
      play_episode(*game, learner, k, settings.seed, met);
      replica.learner_loss += evaluator.value(k);
      if (!std::isfinite(replica.learner_loss))
        throw Error::failed_run("the learner's loss is not finite by episode " + std::to_string(k),
                                config_.method + ", seed " + std::to_string(replica.seed),
                                "costs that are too large; raise gamma or lower eta");
      if (k < config_.keep_trajectories) {
        auto& trajectory = replica.first.emplace_back();
        for (const Met& step : met) trajectory.push_back({static_cast<int>(step.state), step.action});
      }
      learner.learn(met);
      if (k + 1 == result_.at[point]) {
        replica.curve.push_back(replica.learner_loss);
        ++point;
      }
      if (first && watch_.observer->wants_progress(k + 1)) watch_.observer->progress(k + 1, {});
    }
    finish(replica, learner, met.front().state);
  }

  void finish(ReplicaResult& replica, SimulatorLearner& learner, envs::State start) {
    replica.start_costs = learner.policies().costs(0, start);
    replica.least_eta_q = learner.policies().least_eta_q();
    replica.largest_eta_bonus = learner.policies().largest_eta_bonus();
    const SimulatorLearner::Calls calls = learner.calls();
    const double K = static_cast<double>(learner.episode());
    replica.figures = {{"calls_an_episode", static_cast<double>(calls.all()) / K},
                       {"of_covariance", static_cast<double>(calls.covariance) / K},
                       {"of_compensator", static_cast<double>(calls.compensator) / K},
                       {"of_bonus", static_cast<double>(calls.bonus) / K}};
    const SampleCounts counts = sample_counts(settings_.covariance, replica.resolved.steps.gamma);
    calls_ += calls.all();
    trajectories_ +=
        learner.episode() * (counts.trajectories() + (settings_.form.reduced ? counts.compensator : 0));
  }

  const RegretConfig& config_;
  ThreadTeam& team_;
  const run::Watch& watch_;
  const RegretMethod& method_;
  SimulatorSettings settings_;
  RegretResult result_;
  std::atomic<std::int64_t> calls_{0}, trajectories_{0};
  std::atomic<bool> failed_{false};
  std::mutex failing_;
  std::exception_ptr failure_;
};

}  // namespace

RegretResult run_through_simulator(const RegretConfig& config, ThreadTeam& team, const run::Watch& watch) {
  return Run(config, team, watch).go();
}

}  // namespace hardy::algorithms
