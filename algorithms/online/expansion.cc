#include "algorithms/online/expansion.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

const Network& critic_of(const Learner& learner) {
  for (const Network& n : learner.program().networks)
    if (n.name == "q") return n;
  throw Error("has no critic of states and actions to choose by", "policy expansion");
}

}  // namespace

Expansion::Expansion(const PolicySpec& spec, const nn::ParameterStore& offline, Learner& learner,
                     double temperature)
    : spec_(spec), temperature_(temperature), offline_(spec, 1, offline) {
  const std::int64_t agents = learner.agents();
  const nn::ParameterStore& store = learner.parameters();
  const Network& q = critic_of(learner);
  observations_ = graph_.input("observations", DType::kF32, {agents, 2, spec.observation_size});
  actions_ = graph_.input("actions", DType::kF32, {agents, 2, spec.action_size});
  std::vector<graph::Tensor> parameters;
  for (const int t : q.tensors)
    parameters.push_back(graph_.parameter(store.name(t), DType::kF32, store.shape(t)));
  const graph::Tensor values =
      q.architecture->apply(graph_, parameters, ops::concat(graph_, observations_, actions_), q.name);
  const std::int64_t members = std::max<std::int64_t>(1, q.architecture->members());
  value_ = ops::squeeze(graph_, ops::min(graph_, ops::reshape(graph_, values, {agents, members, 2}), 1), 1);
  plan_ = std::make_unique<graph::Plan>(graph_, std::vector{value_});
  for (std::size_t i = 0; i < parameters.size(); ++i)
    plan_->bind(parameters[i], const_cast<float*>(store.value(q.tensors[i])));  // which the plan only reads
  const auto rows = static_cast<std::size_t>(agents), act = static_cast<std::size_t>(spec.action_size);
  seen_.resize(rows * static_cast<std::size_t>(spec.observation_size));
  noise_.resize(rows * act);
  proposals_.resize(rows * act);
  took_offline_.resize(rows);
}

void Expansion::choose(std::span<const double> observations, std::span<const Random> draws,
                       std::uint64_t first, ActionMemory& actions, ThreadTeam& team) {
  const auto act = static_cast<std::size_t>(spec_.action_size),
             obs = static_cast<std::size_t>(spec_.observation_size);
  constexpr std::uint64_t kOwnNoise = 4;  // behind the choice's number
  for (std::size_t i = 0; i < noise_.size(); ++i)
    noise_[i] = static_cast<float>(draws[i / act].normal(first + kOwnNoise + i % act));
  offline_.act(observations, noise_, proposals_, {}, team);
  observe_as(spec_, observations, seen_.data());
  auto* const s = plan_->data<float>(observations_);
  auto* const a = plan_->data<float>(actions_);
  for (std::size_t row = 0; row < draws.size(); ++row)
    for (std::size_t which = 0; which < 2; ++which) {
      std::copy_n(&seen_[row * obs], obs, s + (2 * row + which) * obs);
      std::copy_n((which ? proposals_ : actions.numbers).data() + row * act, act,
                  a + (2 * row + which) * act);
    }
  spec_.bounds().scale({a, 2 * draws.size() * act});
  plan_->run(team);
  const float* const q = plan_->data<float>(value_);
  for (std::size_t row = 0; row < draws.size(); ++row) {
    const double gain =
        (static_cast<double>(q[2 * row]) - static_cast<double>(q[2 * row + 1])) / temperature_;
    took_offline_[row] = draws[row].uniform64(first) < 1 / (1 + std::exp(gain));
    if (took_offline_[row]) std::copy_n(&proposals_[row * act], act, &actions.numbers[row * act]);
  }
}

}  // namespace hardy::algorithms
