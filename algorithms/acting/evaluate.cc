#include "algorithms/acting/evaluate.h"

#include <cmath>
#include <numeric>

#include "algorithms/acting/actions.h"
#include "engine/base/random.h"

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

Evaluation evaluate(const PolicySpec& spec, const std::vector<std::vector<float>>& parameters,
                    const std::string& environment, int episodes, std::uint64_t seed) {
  const auto env = envs::make_environment(environment, episodes);
  const auto n = static_cast<std::size_t>(episodes),
             obs = static_cast<std::size_t>(env->spec().observation_size),
             act = static_cast<std::size_t>(env->spec().action_size);
  if (spec.observation_size != env->spec().observation_size || spec.action_size != env->spec().action_size)
    throw Error("the policy's sizes are not the environment's", environment,
                "the policy has " + std::to_string(spec.observation_size) + " observations and " +
                    std::to_string(spec.action_size) + " actions");
  require_continuous(env->spec(), "this policy");
  Actor actor(spec, episodes, parameters);
  ThreadTeam team(1);
  std::vector<double> observations(n * obs), rewards(n);
  std::vector<float> actions(n * act);
  std::vector<std::uint8_t> terminated(n), truncated(n), over(n, 0);
  Evaluation result{std::vector<double>(n, 0), std::vector<double>(n, 0), std::vector<double>(n, 0)};
  for (int i = 0; i < episodes; ++i) {
    const Block b = Random(seed, Stream::kEvaluation, static_cast<std::uint64_t>(i)).block(0);
    env->reset(i, std::uint64_t{b[0]} << 32 | b[1],
               std::span(observations).subspan(static_cast<std::size_t>(i) * obs, obs));
  }
  for (std::size_t running = n; running > 0;) {
    actor.act(observations, {}, actions, {}, team);
    for (std::size_t i = 0; i < n; ++i) {
      if (over[i]) continue;
      env->step(static_cast<int>(i), static_cast<int>(i) + 1, actions, observations, rewards, terminated,
                truncated);
      result.returns[i] += rewards[i];
      ++result.lengths[i];
      if (terminated[i] || truncated[i]) {
        over[i] = 1;
        --running;
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    result.scores[i] = envs::normalised_score(env->spec(), result.returns[i]);
  return result;
}

}  // namespace hardy::algorithms
