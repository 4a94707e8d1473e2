#include "tools/hardy/bench_learner.h"

#include <utility>
#include <vector>

#include "algorithms/learning/transition_source.h"

namespace hardy::tools {
namespace {

constexpr int kObservations = 17, kActions = 6;

datasets::Transitions random_transitions(std::int64_t rows) {
  datasets::Transitions t;
  t.rows = rows;
  t.observation_size = kObservations;
  t.action_size = kActions;
  const auto fill = [&](std::vector<float>& x, std::int64_t width, std::uint64_t which) {
    const Random random(which, RandomStream::kUser);
    x.resize(static_cast<std::size_t>(rows * width));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * random.uniform(i) - 1;
  };
  fill(t.observations, kObservations, 1);
  fill(t.actions, kActions, 2);
  fill(t.rewards, 1, 3);
  fill(t.next_observations, kObservations, 4);
  t.terminals.assign(static_cast<std::size_t>(rows), 0.0f);
  t.episode_end.assign(static_cast<std::size_t>(rows), 0);
  for (std::size_t row = 999; row < t.episode_end.size(); row += 1000) t.episode_end[row] = 1;
  return t;
}

}  // namespace

BenchLearner::BenchLearner(const std::string& method, std::int64_t agents, std::int64_t rows,
                           device::Device* device) {
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < agents; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  method_ = algorithms::make_method(method);
  method_->check();
  if (method_->draws_from() != algorithms::DrawsFrom::kReplay) {
    trainee_ = std::make_unique<algorithms::OfflineTrainee>(
        *method_, random_transitions(rows), std::move(seeds), std::vector<float>(kActions, -1.0f),
        std::vector<float>(kActions, 1.0f), device);
    return;
  }
  const datasets::Transitions t = random_transitions(rows);
  const auto repeat = [&](std::vector<float>& to, const std::vector<float>& from) {
    for (std::int64_t a = 0; a < agents; ++a) to.insert(to.end(), from.begin(), from.end());
  };
  repeat(replay_.observations, t.observations);
  repeat(replay_.actions, t.actions);
  repeat(replay_.rewards, t.rewards);
  repeat(replay_.next_observations, t.next_observations);
  repeat(replay_.terminals, t.terminals);
  rows_ = static_cast<std::int32_t>(rows);
  const Random draws(5, RandomStream::kUser);
  for (std::int64_t i = 0; method_->chooses() && i < agents * rows; ++i)
    choices_.push_back(static_cast<std::int32_t>(draws.integer(static_cast<std::uint64_t>(i), kActions)));
  const algorithms::TransitionTables tables{.observations = replay_.observations.data(),
                                            .actions = replay_.actions.data(),
                                            .rewards = replay_.rewards.data(),
                                            .next_observations = replay_.next_observations.data(),
                                            .terminals = replay_.terminals.data(),
                                            .rows = &rows_,
                                            .capacity = rows,
                                            .choices = choices_.empty() ? nullptr : choices_.data()};
  alone_ = std::make_unique<algorithms::Learner>(std::move(seeds), device);
  method_->build(*alone_,
                 algorithms::TransitionSource(tables, kObservations, kActions, method_->batch_size()));
  alone_->finish();
}

}  // namespace hardy::tools
