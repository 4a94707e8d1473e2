#include "algorithms/acting/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/acting/rollout.h"
#include "engine/base/threads.h"

namespace hardy::algorithms {
namespace {

double mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

}  // namespace

double Evaluation::mean_return() const { return mean(returns); }
double Evaluation::mean_score() const { return mean(scores); }
double Evaluation::mean_length() const { return mean(lengths); }
double Evaluation::std_return() const {
  const double m = mean(returns);
  double square = 0;
  for (const double r : returns) square += (r - m) * (r - m);
  return std::sqrt(square / static_cast<double>(returns.size()));
}

Evaluation evaluate(Policy& policy, envs::BatchEnvironment& environment, std::uint64_t seed,
                    const FirstEpisode& look) {
  ThreadTeam alone(1);
  return evaluate(policy, environment, seed, {}, alone, look);
}

Evaluation evaluate(Policy& policy, envs::BatchEnvironment& environment, std::uint64_t seed,
                    const EpisodeDraws& draws, ThreadTeam& team, const FirstEpisode& look,
                    std::int64_t episodes, StopToken stop) {
  const auto n = static_cast<std::size_t>(environment.size());
  const std::size_t all = episodes > 0 ? static_cast<std::size_t>(episodes) : n;
  Rollout rollout(environment);
  Evaluation result;
  for (std::vector<double>* each : {&result.returns, &result.lengths, &result.scores}) each->assign(all, 0);
  const std::int64_t broken_before = environment.broken_episodes(),
                     clipped_before = environment.clipped_actions();
  std::vector<std::uint8_t> stepped(n);
  std::vector<Random> drawn;
  for (std::size_t first = 0; first < all; first += n) {  // a wave
    for (std::size_t i = 0; i < std::min(n, all - first); ++i)
      rollout.start(static_cast<int>(i), episode_seed(seed, RandomStream::kEvaluation, first + i), policy);
    const bool looks = look && first == 0;
    if (looks) look(environment);
    for (std::uint64_t t = 0; rollout.running() > 0; ++t) {
      throw_if_stopped(stop);
      for (std::size_t i = 0; i < n; ++i) stepped[i] = rollout.runs(static_cast<int>(i));
      drawn.clear();
      for (std::size_t i = 0; draws && i < n; ++i) drawn.push_back(draws(first + i, t));
      rollout.act(policy, drawn, team);
      rollout.step(team);
      if (looks && stepped[0]) look(environment);
      for (std::size_t i = 0; i < n; ++i) {
        if (!stepped[i]) continue;
        result.returns[first + i] += rollout.reward(static_cast<int>(i));
        ++result.lengths[first + i];
      }
    }
  }
  result.broken = environment.broken_episodes() - broken_before;
  result.clipped = environment.clipped_actions() - clipped_before;
  if (result.broken > 0) result.first_break = environment.first_break();
  for (std::size_t i = 0; i < all; ++i)
    result.scores[i] = envs::normalised_score(environment.spec(), result.returns[i]);
  return result;
}

Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    envs::BatchEnvironment& environment, std::uint64_t seed, const FirstEpisode& look,
                    std::int64_t episodes, StopToken stop) {
  require_match(spec, environment.spec(), "this policy");
  const std::unique_ptr<Policy> actor = make_actor(spec, environment.size(), parameters);
  ThreadTeam alone(1);
  return evaluate(*actor, environment, seed, {}, alone, look, episodes, stop);
}

Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    const std::string& environment, int episodes, std::uint64_t seed,
                    const FirstEpisode& look) {
  const auto made = envs::make_environment(environment, std::min(episodes, kEvaluationWave));
  return evaluate(spec, parameters, *made, seed, look, episodes);
}

}  // namespace hardy::algorithms
