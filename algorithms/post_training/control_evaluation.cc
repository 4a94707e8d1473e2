#include "algorithms/post_training/control_evaluation.h"

#include <algorithm>

#include "algorithms/acting/evaluate.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kStep = 1 << 30;  // beyond every step of training

}  // namespace

std::uint64_t rollout_seed(std::uint64_t seed, std::int64_t step, std::int64_t start, std::int64_t rollout) {
  const PhiloxBlock key = Random(seed, RandomStream::kToken).block(0);
  const PhiloxBlock drawn =
      philox4x32({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32),
                  static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(rollout)},
                 key[0], key[1]);
  return std::uint64_t{drawn[0]} << 32 | drawn[1];
}

ControlEvaluation::ControlEvaluation(const ControlData& data, const PolicySpec& spec,
                                     const nn::ParameterStore& store, const std::vector<std::uint64_t>& seeds,
                                     std::int64_t episodes, std::uint64_t seed)
    : spec_(spec),
      store_(store),
      seeds_(seeds),
      seed_(seed),
      success_return_(data.success_return),
      episodes_(episodes),
      env_(envs::make_environment(data.environment,
                                  static_cast<int>(std::min<std::int64_t>(episodes, kEvaluationWave)))) {}

run::MetricValues ControlEvaluation::evaluate(ThreadTeam& team, StopToken stop) {
  const auto solved = [&](const Evaluation& e) {
    return static_cast<double>(
               std::ranges::count_if(e.returns, [&](double r) { return r >= success_return_; })) /
           static_cast<double>(e.returns.size());
  };
  run::MetricValues values;
  for (std::size_t a = 0; a < seeds_.size(); ++a) {
    Actor actor(spec_, env_->size(), policy_parameters(store_, static_cast<std::int64_t>(a)));
    const Evaluation greedy = algorithms::evaluate(actor, *env_, seed_, {}, team, {}, episodes_, stop);
    const Evaluation sampled = algorithms::evaluate(
        actor, *env_, seed_,
        [&](std::size_t episode, std::uint64_t t) {
          return Random(rollout_seed(seeds_[a], kStep, static_cast<std::int64_t>(episode), 0),
                        RandomStream::kExplore, t);
        },
        team, {}, episodes_, stop);
    values["score/mean"].push_back(greedy.mean_score());
    values["return/mean"].push_back(greedy.mean_return());
    values["return/std"].push_back(greedy.std_return());
    values["length/mean"].push_back(greedy.mean_length());
    values["greedy/mean"].push_back(solved(greedy));
    values["solve/mean"].push_back(solved(sampled));
  }
  return values;
}

}  // namespace hardy::algorithms
