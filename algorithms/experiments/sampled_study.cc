#include "algorithms/experiments/sampled_study.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "algorithms/experiments/replica_bytes.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "envs/linear_mdp/implicit.h"

namespace hardy::algorithms {
namespace {

// Exact, a method's default, needs a list of states.
CovarianceChoice sampled(CovarianceChoice choice, const Sizes& sizes) {
  if (choice.kind == CovarianceChoice::Kind::kExact) choice.kind = CovarianceChoice::Kind::kEmpirical;
  choice.sizes = sizes;
  return choice;
}

SampledReplica replica_of(std::int64_t seed, const SampledResult& learner, const SampledResult& uniform,
                          int points) {
  SampledReplica r{seed,
                   learner.learner_loss,
                   learner.standard_error,
                   uniform.learner_loss,
                   uniform.standard_error,
                   learner.states,
                   learner.paths,
                   learner.calls,
                   log_spaced(static_cast<std::int64_t>(learner.episode_loss.size()), points),
                   {}};
  double sum = 0;
  for (std::size_t k = 0; k < learner.episode_loss.size(); ++k) {
    sum += learner.episode_loss[k];
    if (static_cast<std::int64_t>(k) + 1 == r.curve_episodes[r.curve.size()]) r.curve.push_back(sum);
  }
  return r;
}

}  // namespace

SampledStudy::SampledStudy(SampledStudySettings settings) : settings_(std::move(settings)) {
  if (settings_.random.splitmix)
    throw Error("splitmix64's one sequence has no keys", "--random", "sampled evaluation needs philox");
  for (const std::string& env : settings_.envs)
    for (const MethodChoice& method : settings_.methods)
      for (const std::int64_t episodes : settings_.episodes) {
        const auto game = envs::make_simulator(env, settings_.losses, episodes);
        const Sizes sizes{episodes, game->H(), 1, game->A(), game->d()};
        const RegretMethod& known = regret_method(method.method);
        cells_.push_back({env, method, episodes, sampled(method.covariance, sizes),
                          simulator_form(known, "--evaluation sampled"),
                          resolve(known, method.at(sizes), sizes)});
      }
  if (cells_.empty()) throw Error("no environment or no method", "--env, --method");
  cost();
}

std::string SampledStudy::cost() const {
  std::string text;
  for (const Cell& cell : cells_) {
    const auto game = envs::make_simulator(cell.env, settings_.losses, cell.episodes);
    SampledConfig c = config_of(cell);
    c.game = game.get();
    text += (text.empty() ? "" : "\n") + cell.env + ", " + cell.method.label + ": " +
            std::to_string(settings_.replicas) + " replica(s), each " + sampled_cost(c).text;
  }
  return text;
}

SampledConfig SampledStudy::config_of(const Cell& cell) {
  SampledConfig c;
  c.form = cell.form;
  c.covariance = cell.covariance;
  c.episodes = cell.episodes;
  c.steps = cell.settings.steps;
  return c;
}

SampledRun SampledStudy::run_cell(const Cell& cell, ThreadTeam& team) const {
  SampledRun result{cell.env,
                    cell.method.method,
                    cell.method.label,
                    describe(cell.covariance, cell.settings.steps.gamma, true),
                    cell.episodes,
                    cell.settings,
                    {}};
  result.replicas.resize(static_cast<std::size_t>(settings_.replicas));
  std::exception_ptr failure;
  std::mutex failed;
  const std::vector<std::size_t> bounds = comm::bounds_of(*settings_.ranks, result.replicas.size());
  const auto rank = static_cast<std::size_t>(settings_.ranks->rank());
  team.run(static_cast<std::int64_t>(bounds[rank + 1] - bounds[rank]), [&](std::int64_t i) {
    const auto r = static_cast<std::int64_t>(bounds[rank]) + i;
    try {
      const auto game = envs::make_simulator(cell.env, settings_.losses, cell.episodes);
      SampledConfig c = config_of(cell);
      c.most_bytes = static_cast<std::int64_t>(settings_.memory_bytes / static_cast<double>(team.size()));
      c.game = game.get();
      c.seed = static_cast<std::uint64_t>(settings_.seed + r);
      result.replicas[static_cast<std::size_t>(r)] =
          replica_of(settings_.seed + r, run_sampled(c), run_sampled_uniform(c), settings_.curve_points);
    } catch (...) {
      const std::lock_guard lock(failed);
      if (!failure) failure = std::current_exception();
    }
  });
  exchange(*settings_.ranks, failure, bounds, result.replicas);
  if (failure) std::rethrow_exception(failure);
  return result;
}

std::vector<SampledRun> SampledStudy::run(const std::function<void(const std::string&)>& say) const {
  ThreadTeam team(static_cast<int>(std::min(settings_.threads, settings_.replicas)));
  std::vector<SampledRun> runs;
  for (const Cell& cell : cells_) {
    runs.push_back(run_cell(cell, team));
    say(cell.env + "  " + cell.method.label + "  K = " + std::to_string(cell.episodes));
  }
  return runs;
}

nlohmann::json json_of(const std::vector<SampledRun>& runs) {
  nlohmann::json all = nlohmann::json::array();
  for (const SampledRun& run : runs) {
    nlohmann::json replicas = nlohmann::json::array();
    for (const SampledReplica& r : run.replicas)
      replicas.push_back({{"seed", r.seed},
                          {"learner_loss", r.learner_loss},
                          {"standard_error", r.standard_error},
                          {"uniform_loss", r.uniform_loss},
                          {"uniform_standard_error", r.uniform_standard_error},
                          {"states", r.states},
                          {"bonus_paths", r.bonus_paths},
                          {"simulator_calls", r.calls.all()},
                          {"calls_of_covariance", r.calls.covariance},
                          {"calls_of_compensator", r.calls.compensator},
                          {"calls_of_bonus", r.calls.bonus},
                          {"curve", {{"episode", r.curve_episodes}, {"loss", r.curve}}}});
    const StepSizes& steps = run.settings.steps;
    all.push_back(
        {{"env", run.env},
         {"method", run.method},
         {"label", run.label},
         {"covariance", run.covariance},
         {"episodes", run.episodes},
         {"settings",
          {{"eta", steps.eta}, {"beta", steps.beta}, {"gamma", steps.gamma}, {"note", run.settings.note}}},
         {"replicas", replicas}});
  }
  return {{"evaluation", "sampled"}, {"runs", all}};
}

}  // namespace hardy::algorithms
