#include "tools/hardy/bench_learner.h"

#include <utility>
#include <vector>

#include "algorithms/learning/transition_source.h"
#include "engine/nn/decision_transformer.h"

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

// Floating-point operations of one agent's step: products alone, a multiply-add is 2. With I inputs,
// width H, two hidden layers and O outputs a forward pass takes I H + H^2 + H O multiply-adds a row, a
// backward pass that and H^2 + H O again for the gradients with respect to inputs.
struct Flops {
  double h, batch;
  double forward(double in, double out) const { return 2 * batch * (in * h + h * h + h * out); }
  double backward(double in, double out) const { return forward(in, out) + 2 * batch * (h * h + h * out); }
  double through(double in, double out) const {
    return 2 * batch * (in * h + h * h + h * out);
  }  // inputs alone
};

double flops_of(const std::string& method, double critics, double h, double batch) {
  const Flops f{h, batch};
  const double s = kObservations, sa = kObservations + kActions, a = kActions;
  const double policy = f.forward(s, a) + f.backward(s, a);
  if (method == "bc") return policy;
  if (method == "sac") {
    const double actor_forward = f.forward(s, 2 * a);
    return actor_forward + critics * (f.forward(sa, 1) + f.forward(sa, 1) + f.backward(sa, 1)) +    // critics
           actor_forward + f.backward(s, 2 * a) + critics * (f.forward(sa, 1) + f.through(sa, 1));  // actor
  }
  if (method != "iql" && method != "riql") return 0;  // not counted, or by sequence_flops
  return f.forward(s, 1) + critics * f.forward(sa, 1) + f.forward(s, 1) + f.backward(s, 1) +
         critics * (f.forward(sa, 1) + f.backward(sa, 1)) + policy;
}

// Of a method whose policy is a decision transformer; `rewards`: it has a head of two layers for these.
double sequence_flops(const algorithms::Method& method, bool rewards) {
  const auto network = std::static_pointer_cast<const nn::DecisionTransformer>(
      method.policy(kObservations, kActions).network());
  const auto width = static_cast<double>(network->spec().width),
             head = rewards ? 6 * static_cast<double>(method.window()) * width * (width + 1) : 0;
  return static_cast<double>(method.batch_size()) * (network->flops(method.window(), rewards, true) + head);
}

}  // namespace

BenchLearner::BenchLearner(const std::string& method, std::int64_t agents, std::int64_t rows,
                           device::Device* device)
    : gflop_(flops_of(method, method == "riql" ? 5 : 2, 256, 256) * 1e-9) {
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < agents; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  method_ = algorithms::make_method(method);
  method_->check();
  if (method_->draws_from() == algorithms::DrawsFrom::kWindows)
    gflop_ = sequence_flops(*method_, method == "rdt") * 1e-9;
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
