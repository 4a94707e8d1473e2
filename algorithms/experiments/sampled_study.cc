#include "tools/hardy/sampled_regret.h"

#include <cmath>
#include <exception>
#include <mutex>

#include "algorithms/adversarial/boxes/implicit_policies.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "envs/linear_mdp/implicit.h"

namespace hardy::tools {
namespace {

using algorithms::SampledConfig;
using algorithms::SampledResult;
using nlohmann::json;

// M of the empirical covariance; 0: ceil(1 / gamma). The command's default, exact, needs a list of states.
std::int64_t samples_of(const std::string& covariance) {
  const auto choice = algorithms::parse_covariance(covariance == "exact" ? "empirical" : covariance);
  if (choice.kind != algorithms::CovarianceChoice::Kind::kEmpirical || choice.c_samples != 1 ||
      !choice.independent_magnitude)
    throw Error("'" + covariance + "' does not go with sampled evaluation", "--covariance",
                "empirical, or empirical:M=100");
  return choice.samples;
}

SampledConfig config_of(const std::string& method, std::int64_t episodes, std::int64_t samples,
                        const algorithms::StepSizes& steps, std::int64_t most_bytes) {
  SampledConfig c;
  c.method = method;
  c.episodes = episodes;
  c.samples = samples;
  c.steps = steps;
  c.most_bytes = most_bytes;
  return c;
}

// The learner's summed loss after each of some log-spaced episodes.
json curve_json(const std::vector<double>& episode_loss, int points) {
  const auto at = algorithms::log_spaced(static_cast<std::int64_t>(episode_loss.size()), points);
  std::vector<double> sums;
  double sum = 0;
  for (std::size_t k = 0; k < episode_loss.size(); ++k) {
    sum += episode_loss[k];
    if (static_cast<std::int64_t>(k) + 1 == at[sums.size()]) sums.push_back(sum);
  }
  return {{"episode", at}, {"loss", sums}};
}

}  // namespace

SampledStudy::SampledStudy(const RegretOptions& options) : options_(options) {
  if (algorithms::parse_random(options.random).splitmix)
    throw Error("splitmix64's one sequence has no keys", "--random", "sampled evaluation needs philox");
  for (const std::string& env : split(options.env, ' '))
    for (const std::string& word : split(options.method, ' '))
      for (const std::int64_t episodes : parse_episodes(options.episodes)) {
        Cell& cell =
            cells_.emplace_back(Cell{env, options.losses, parse_method(word, options), episodes, 0, {}});
        cell.samples = samples_of(cell.method.covariance);
        const auto simulator = envs::make_simulator(env, options.losses, episodes);
        const algorithms::Sizes sizes{episodes, simulator->H(), 1, simulator->A(), simulator->d()};
        cell.settings = algorithms::resolve(algorithms::regret_method(cell.method.method).scaling,
                                            cell.method.at(sizes), sizes);
      }
  if (cells_.empty()) throw Error("no environment or no method", "--env, --method");
  cost();
}

std::string SampledStudy::cost() const {
  std::string text;
  for (const Cell& cell : cells_) {
    const auto simulator = envs::make_simulator(cell.env, cell.loss_process, cell.episodes);
    SampledConfig c = config_of(cell.method.method, cell.episodes, cell.samples, cell.settings.steps, 0);
    c.simulator = simulator.get();
    text += (text.empty() ? "" : "\n") + cell.env + ", " + cell.method.label + ": " +
            std::to_string(options_.replicas) + " replica(s), each " + algorithms::sampled_cost(c).text;
  }
  return text;
}

json SampledStudy::run_cell(const Cell& cell, ThreadTeam& team) const {
  struct Played {
    SampledResult learner, uniform;
  };
  std::vector<Played> played(static_cast<std::size_t>(options_.replicas));
  std::exception_ptr failure;
  std::mutex failed;
  team.run(options_.replicas, [&](std::int64_t r) {
    try {
      const auto simulator = envs::make_simulator(cell.env, cell.loss_process, cell.episodes);
      SampledConfig c =
          config_of(cell.method.method, cell.episodes, cell.samples, cell.settings.steps,
                    static_cast<std::int64_t>(options_.memory_gb * 1e9 / static_cast<double>(team.size())));
      c.simulator = simulator.get();
      c.seed = static_cast<std::uint64_t>(options_.seed + r);
      played[static_cast<std::size_t>(r)] = {algorithms::run_sampled(c), algorithms::run_sampled_uniform(c)};
    } catch (...) {
      const std::lock_guard lock(failed);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  json replicas = json::array();
  for (std::size_t r = 0; r < played.size(); ++r) {
    const auto& [learner, uniform] = played[r];
    replicas.push_back({{"seed", options_.seed + static_cast<std::int64_t>(r)},
                        {"learner_loss", learner.learner_loss},
                        {"standard_error", learner.standard_error},
                        {"uniform_loss", uniform.learner_loss},
                        {"uniform_standard_error", uniform.standard_error},
                        {"states", learner.states},
                        {"bonus_paths", learner.paths},
                        {"simulator_calls", learner.simulator_calls},
                        {"curve", curve_json(learner.episode_loss, static_cast<int>(options_.curve))}});
  }
  return {{"env", cell.env},
          {"method", cell.method.method},
          {"label", cell.method.label},
          {"episodes", cell.episodes},
          {"settings",
           {{"eta", cell.settings.steps.eta},
            {"beta", cell.settings.steps.beta},
            {"gamma", cell.settings.steps.gamma},
            {"note", cell.settings.note}}},
          {"replicas", replicas}};
}

json SampledStudy::run(const std::function<void(const std::string&)>& say) const {
  ThreadTeam team(static_cast<int>(std::min(options_.threads, options_.replicas)));
  json runs = json::array();
  for (const Cell& cell : cells_) {
    runs.push_back(run_cell(cell, team));
    say(cell.env + "  " + cell.method.label + "  K = " + std::to_string(cell.episodes));
  }
  return {{"evaluation", "sampled"}, {"runs", runs}};
}

std::string sampled_text(const json& results) {
  std::string text;
  char line[256];
  for (const json& one : results.at("runs")) {
    text += one.at("env").get<std::string>() + ", " + one.at("label").get<std::string>() +
            ", K = " + std::to_string(one.at("episodes").get<std::int64_t>()) + "\nsettings     " +
            one.at("settings").at("note").get<std::string>() + "\n";
    for (const json& r : one.at("replicas")) {
      std::snprintf(
          line, sizeof line,
          "seed %5lld   sampled loss %.3f +- %.3f, of the uniform policy %.3f +- %.3f; %lld states, "
          "%lld bonus paths, %lld simulator calls\n",
          static_cast<long long>(r.at("seed").get<std::int64_t>()), r.at("learner_loss").get<double>(),
          r.at("standard_error").get<double>(), r.at("uniform_loss").get<double>(),
          r.at("uniform_standard_error").get<double>(),
          static_cast<long long>(r.at("states").get<std::int64_t>()),
          static_cast<long long>(r.at("bonus_paths").get<std::int64_t>()),
          static_cast<long long>(r.at("simulator_calls").get<std::int64_t>()));
      text += line;
    }
  }
  return text +
         "sampled returns with their standard errors over episodes; the best fixed policy of a space that "
         "cannot be listed is not known, and so there is no regret\n";
}

}  // namespace hardy::tools
