#include "algorithms/acting/evaluate.h"

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
                    const EpisodeDraws& draws, ThreadTeam& team, const FirstEpisode& look) {
  const auto n = static_cast<std::size_t>(environment.size());
  Rollout rollout(environment);
  Evaluation result;
  for (std::vector<double>* each : {&result.returns, &result.lengths, &result.scores}) each->assign(n, 0);
  const std::int64_t broken_before = environment.broken_episodes(),
                     clipped_before = environment.clipped_actions();
  for (int i = 0; i < environment.size(); ++i)
    rollout.start(i, episode_seed(seed, RandomStream::kEvaluation, static_cast<std::uint64_t>(i)), policy);
  if (look) look(environment);
  std::vector<std::uint8_t> stepped(n);
  std::vector<Random> drawn;
  for (std::uint64_t t = 0; rollout.running() > 0; ++t) {
    for (std::size_t i = 0; i < n; ++i) stepped[i] = rollout.runs(static_cast<int>(i));
    drawn.clear();
    for (std::size_t i = 0; draws && i < n; ++i) drawn.push_back(draws(i, t));
    rollout.act(policy, drawn, team);
    rollout.step(team);
    if (look && stepped[0]) look(environment);
    for (std::size_t i = 0; i < n; ++i) {
      if (!stepped[i]) continue;
      result.returns[i] += rollout.reward(static_cast<int>(i));
      ++result.lengths[i];
    }
  }
  result.broken = environment.broken_episodes() - broken_before;
  result.clipped = environment.clipped_actions() - clipped_before;
  if (result.broken > 0) result.first_break = environment.first_break();
  for (std::size_t i = 0; i < n; ++i)
    result.scores[i] = envs::normalised_score(environment.spec(), result.returns[i]);
  return result;
}

Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    envs::BatchEnvironment& environment, std::uint64_t seed, const FirstEpisode& look) {
  require_match(spec, environment.spec(), "this policy");
  Actor actor(spec, environment.size(), parameters);
  return evaluate(actor, environment, seed, look);
}

Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    const std::string& environment, int episodes, std::uint64_t seed,
                    const FirstEpisode& look) {
  const auto made = envs::make_environment(environment, episodes);
  return evaluate(spec, parameters, *made, seed, look);
}

}  // namespace hardy::algorithms
