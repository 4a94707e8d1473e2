#include "algorithms/adversarial/simulated/sampled_run.h"

#include <algorithm>
#include <cmath>

#include "algorithms/adversarial/steps/draws.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

using envs::State;

void check(const SampledConfig& c) {
  if (c.game == nullptr) throw Error("there is no game", "sampled evaluation");
  if (c.episodes < 1) throw Error("K = " + std::to_string(c.episodes), "--episodes", "at least 1 is needed");
}

// The sum and its deviation from the episodes' losses.
void finish(SampledResult& result) {
  double spread = 0;
  for (const double x : result.episode_loss) result.learner_loss += x;
  const double mean = result.learner_loss / static_cast<double>(result.episode_loss.size());
  for (const double x : result.episode_loss) spread += (x - mean) * (x - mean);
  result.standard_error = std::sqrt(spread);
}

double total(const std::vector<Met>& met) {
  double sum = 0;
  for (const Met& step : met) sum += step.loss;
  return sum;
}

}  // namespace

void play_episode(const envs::SimulatedGame& game, SimulatorLearner& learner, std::int64_t k,
                  std::uint64_t seed, std::vector<Met>& met) {
  Draws draws({}, seed);
  draws.begin(DrawFor::kPlay, k);
  const int H = game.H();
  met.resize(static_cast<std::size_t>(H));
  State s = game.start(draws.next());
  for (int h = 0; h < H; ++h) {
    const int a = learner.policies().draw(learner.policy(h, s), draws.next());
    met[static_cast<std::size_t>(h)] = {s, a, game.loss(k, h, s, a)};
    if (h + 1 < H) s = game.step(h, s, a, draws.next());
  }
}

SampledCost sampled_cost(const SampledConfig& c) {
  check(c);
  const SampleCounts counts = sample_counts(c.covariance, c.steps.gamma);
  const int H = c.game->H();
  const double K = static_cast<double>(c.episodes), A = c.game->A(), d = c.game->d();
  const double others = c.form.reduced ? static_cast<double>(counts.compensator) : 0;
  const double M = static_cast<double>(counts.trajectories()) + others;
  SampledCost cost;
  // States of layer h: those that trajectories visit, and those that paths from earlier layers lead to.
  double paths_into = 0;
  cost.simulator_calls = K * M * (H - 1);
  for (int h = 0; h < H; ++h) {
    const double states = (h == 0 ? 1 : K * (M + 1)) + paths_into;
    const double paths = c.steps.beta > 0 ? states * K * A : 0;
    cost.states += states, cost.paths += paths;
    cost.simulator_calls += paths * (H - 1 - h);
    paths_into += paths;
  }
  const double compensators = c.form.reduced ? (others > 0 ? others : M) * (d + 1) : 0;
  cost.bytes = 8 * (cost.states * A * (K + d) + K * H * (d * (d + 2) + compensators));
  char text[200];
  std::snprintf(
      text, sizeof text,
      "%.3g episodes, at most %.3g simulator calls, %.3g states, %.3g bonus paths and %.3g bytes, if "
      "no state comes back",
      K, cost.simulator_calls, cost.states, cost.paths, cost.bytes);
  cost.text = text;
  return cost;
}

SampledResult run_sampled(const SampledConfig& config) {
  check(config);
  const envs::SimulatorHandle handle(*config.game);
  SimulatorLearner learner(handle, config);
  SampledResult result;
  std::vector<Met> met;
  for (std::int64_t k = 0; k < config.episodes; ++k) {
    play_episode(*config.game, learner, k, config.seed, met);
    result.episode_loss.push_back(total(met));
    learner.learn(met);
  }
  finish(result);
  result.states = learner.policies().states();
  result.paths = learner.policies().paths();
  result.calls = learner.calls();
  return result;
}

SampledResult run_sampled_uniform(const SampledConfig& config) {
  check(config);
  const envs::SimulatedGame& game = *config.game;
  SampledResult result;
  Draws draws({}, config.seed);
  for (std::int64_t k = 0; k < config.episodes; ++k) {
    draws.begin(DrawFor::kUniform, k);
    State s = game.start(draws.next());
    double L = 0;
    for (int h = 0; h < game.H(); ++h) {
      const int a = std::min(game.A() - 1, static_cast<int>(draws.next() * game.A()));
      L += game.loss(k, h, s, a);
      if (h + 1 < game.H()) s = game.step(h, s, a, draws.next());
    }
    result.episode_loss.push_back(L);
  }
  finish(result);
  return result;
}

std::vector<double> sampled_bonus_paths(const SampledConfig& config, int h, envs::State s, int a, int paths) {
  check(config);
  const envs::SimulatorHandle handle(*config.game);
  SimulatorLearner learner(handle, config);
  std::vector<Met> met;
  for (std::int64_t k = 0; k < config.episodes; ++k) {
    play_episode(*config.game, learner, k, config.seed, met);
    learner.learn(met);
  }
  std::vector<double> values;
  for (int i = 1; i <= paths; ++i)
    values.push_back(
        learner.policies().bonus_path(config.episodes - 1, h, s, a, static_cast<std::uint64_t>(i)));
  return values;
}

}  // namespace hardy::algorithms
