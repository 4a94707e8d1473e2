#include "algorithms/acting/sequence_actor.h"

#include <algorithm>

#include "engine/base/error.h"

namespace hardy::algorithms {

SequenceActor::SequenceActor(const PolicySpec& spec, std::int64_t batch,
                             const std::vector<std::vector<float>>& parameters)
    : spec_(spec), batch_(batch), own_(parameters), rows_(static_cast<std::size_t>(batch)) {
  const auto network = std::static_pointer_cast<const nn::DecisionTransformer>(spec_.network());
  const std::int64_t T = spec_.sequence.context;
  std::vector<graph::Tensor> tensors;
  for (const nn::TensorSpec& t : network->tensors("policy", 1))
    tensors.push_back(graph_.parameter(t.name, DType::kF32, t.shape));
  std::vector<std::pair<graph::Tensor, void*>> bound;
  const auto input = [&](const char* name, auto& memory, DType type, const Shape& shape) {
    memory.resize(static_cast<std::size_t>(shape.elements()));
    bound.emplace_back(graph_.input(name, type, shape), memory.data());
    return bound.back().first;
  };
  const nn::StepWindows in{
      .B = batch,
      .T = T,
      .returns = input("returns", returns_, DType::kF32, {1, batch, T}),
      .observations =
          input("observations", observations_, DType::kF32, {1, batch, T, spec_.observation_size}),
      .actions = input("actions", actions_, DType::kF32, {1, batch, T, spec_.action_size}),
      .times = input("times", times_, DType::kI32, {1, batch, T}),
      .token_starts = input("token_starts", token_starts_, DType::kI32, {1, batch}),
      .token_ends = input("token_ends", token_ends_, DType::kI32, {1, batch})};
  action_ = network->actions(graph_, tensors, network->hidden(graph_, tensors, in, false).observations);
  plan_ = std::make_unique<graph::Plan>(graph_, std::vector{action_}, graph::PlanOptions{});
  if (own_.size() != tensors.size())
    throw Error("the policy has another number of tensors than its kind needs", "policy");
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (static_cast<std::int64_t>(own_[i].size()) != graph_.shape(tensors[i]).elements())
      throw Error("a tensor has another size than its kind needs", graph_.describe(tensors[i]));
    bound.emplace_back(tensors[i], own_[i].data());
  }
  for (const auto& [tensor, memory] : bound) plan_->bind(tensor, memory);
  for (std::int64_t row = 0; row < batch; ++row) SequenceActor::start(row);
}

void SequenceActor::start(std::int64_t row) {
  rows_[static_cast<std::size_t>(row)] = {.to_go =
                                              spec_.sequence.target_return * spec_.sequence.return_scale};
}

void SequenceActor::rewarded(std::span<const double> rewards) {
  for (std::size_t r = 0; r < rows_.size(); ++r)
    if (rows_[r].steps > 0) rows_[r].to_go -= rewards[r] * spec_.sequence.return_scale;
}

// The oldest step of a full window goes.
void SequenceActor::make_room(std::int64_t row) {
  const std::int64_t K = spec_.sequence.context, obs = spec_.observation_size, act = spec_.action_size;
  const auto forget = [&](auto& table, std::int64_t width) {
    auto* x = at(table.data(), row, 0, width);
    std::copy(x + width, x + K * width, x);
  };
  forget(returns_, 1);
  forget(observations_, obs);
  forget(actions_, act);
  forget(times_, 1);
}

void SequenceActor::act(std::span<const double> observations, std::span<const Random> /*draws*/,
                        ActionMemory& actions, std::span<float> log_probs, ThreadTeam& team) {
  const std::int64_t K = spec_.sequence.context, obs = spec_.observation_size, act = spec_.action_size;
  const auto last_time = static_cast<std::int32_t>(spec_.sequence.times - 1);
  for (std::int64_t row = 0; row < batch_; ++row) {
    Row& r = rows_[static_cast<std::size_t>(row)];
    if (r.steps == K) {
      make_room(row);
      --r.steps;
    }
    *at(returns_.data(), row, r.steps, 1) = static_cast<float>(r.to_go);
    observe_as(spec_,
               observations.subspan(static_cast<std::size_t>(row * obs), static_cast<std::size_t>(obs)),
               at(observations_.data(), row, r.steps, obs));
    std::fill_n(at(actions_.data(), row, r.steps, act), act, 0.0f);
    *at(times_.data(), row, r.steps, 1) = std::min(r.time, last_time);
    ++r.steps;
    ++r.time;
    token_ends_[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(3 * r.steps);
  }
  plan_->run(team);
  for (std::int64_t row = 0; row < batch_; ++row) {
    const std::int64_t step = rows_[static_cast<std::size_t>(row)].steps - 1;
    const float* made = at(plan_->data<const float>(action_), row, step, act);
    std::copy_n(made, act, at(actions_.data(), row, step, act));
    for (std::int64_t k = 0; k < act; ++k) {
      const auto d = static_cast<std::size_t>(k);
      const float low = spec_.action_low[d], high = spec_.action_high[d];
      actions.numbers[static_cast<std::size_t>(row * act + k)] =
          std::clamp(low + (made[k] + 1) * 0.5f * (high - low), low, high);
    }
  }
  if (!log_probs.empty()) std::ranges::fill(log_probs, 0.0f);
}

}  // namespace hardy::algorithms
