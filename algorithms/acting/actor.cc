// Actor: a policy's network as plans, one that acts and one that says how likely given actions are.
#include <algorithm>
#include <cmath>

#include "algorithms/acting/formulas.h"
#include "algorithms/acting/policy.h"
#include "engine/ops/softmax.h"

namespace hardy::algorithms {

void Actor::build(std::int64_t agents, std::int64_t batch) {
  if (spec_.sequential())
    throw Error("acts by the steps before and their rewards, which are not handed over here",
                "a policy of " + std::to_string(spec_.sequence.context) + " steps", "`hardy eval` plays it");
  const nn::ArchitecturePtr network = spec_.mlp();
  for (const nn::TensorSpec& t : network->tensors("policy", agents))
    parameters_.push_back(graph_.parameter(t.name, DType::kF32, t.shape));
  graph::Tensor log_std;
  if (spec_.head == Head::kGaussian) {
    log_std = graph_.parameter("policy/log_std", DType::kF32, {agents, spec_.action_size});
    parameters_.push_back(log_std);
  }
  observations_ = graph_.input("observations", DType::kF32, {agents, batch, spec_.observation_size});
  const graph::Tensor net = network->apply(graph_, parameters_, observations_, "policy");
  if (chooses(spec_.head)) {
    action_ =
        spec_.head == Head::kCategorical ? ops::log_softmax(graph_, net) : q_values(graph_, spec_.head, net);
  } else {
    noise_ = graph_.input("noise", DType::kF32, {agents, batch, spec_.action_size});
    const nn::ActionSample sample = act_through(graph_, spec_.head, net, log_std, noise_, spec_.log_std_low);
    action_ = sample.action;
    log_prob_ = sample.log_prob;
    drawn_.resize(static_cast<std::size_t>(graph_.shape(noise_).elements()));
    if (log_prob_) {
      given_ = graph_.input("action", DType::kF32, graph_.shape(noise_));
      given_log_prob_ = log_prob_through(graph_, spec_.head, net, log_std, given_, spec_.log_std_low);
    }
  }
  std::vector<graph::Tensor> outputs{action_};
  if (log_prob_) outputs.push_back(log_prob_);
  plan_ = std::make_unique<graph::Plan>(graph_, outputs,
                                        graph::PlanOptions{.device = mirror_ ? &mirror_->device() : nullptr});
  if (!mirror_) return;
  const auto elements = [&](graph::Tensor t) {
    return t ? static_cast<std::size_t>(graph_.shape(t).elements()) : 0;
  };
  device::Device& device = mirror_->device();
  there_ = std::make_unique<There>(There{device::Staging(device, {elements(observations_), elements(noise_)}),
                                         device::Staging(device, {elements(action_), elements(log_prob_)}),
                                         nullptr, nullptr});
  plan_->bind(observations_, there_->in.there(0));
  if (noise_) plan_->bind(noise_, there_->in.there(1));
  plan_->bind(action_, there_->out.there(0));
  if (log_prob_) plan_->bind(log_prob_, there_->out.there(1));
}

// What observed() and noise_in() hold -> acted() and log_probs_out(): on a device one launch, which is waited
// for.
void Actor::run(ThreadTeam& team) {
  if (!there_) return plan_->run(team);
  device::Stream& stream = mirror_->stream();
  const auto pass = [&] {
    there_->in.copy_in(stream);
    plan_->enqueue(stream);
    there_->out.copy_out(stream);
  };
  replay(there_->captured, pass);
  stream.synchronise();
}
void Actor::enqueue() {
  replay(there_->captured_alone, [this] { plan_->enqueue(mirror_->stream()); });
}
void Actor::replay(std::unique_ptr<device::Captured>& captured, const std::function<void()>& pass) {
  if (mirror_->device().options().check) return pass();  // kernels are waited for, which a capture may not
  if (!captured) {
    pass();  // before the capture: libraries load their kernels at first use
    captured = mirror_->stream().capture(pass);
  }
  mirror_->stream().replay(*captured);
}

Actor::Places Actor::places() const {
  return {there_->in.there(0), noise_ ? there_->in.there(1) : nullptr, there_->out.there(0)};
}

Actor::Actor(const PolicySpec& spec, std::int64_t batch, const std::vector<std::vector<float>>& parameters)
    : spec_(spec), bounds_(spec.bounds()), own_(parameters) {
  build(1, batch);
  if (own_.size() != parameters_.size())
    throw Error("the policy has another number of tensors than its kind needs", "policy");
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (static_cast<std::int64_t>(own_[i].size()) != graph_.shape(parameters_[i]).elements())
      throw Error("a tensor has another size than its kind needs", graph_.describe(parameters_[i]));
    bind(parameters_[i], own_[i].data());
  }
}

Actor::Actor(const PolicySpec& spec, std::int64_t batch, const nn::ParameterStore& store,
             device::Mirror* mirror)
    : spec_(spec), bounds_(spec.bounds()), mirror_(mirror) {
  build(store.agents(), batch);
  for (const graph::Tensor t : parameters_) {
    const int index = store.find(graph_.info(t).name);
    if (index < 0) throw Error("the learner has no such parameter", graph_.info(t).name);
    auto* const value = const_cast<float*>(store.value(index));  // which the plan only reads
    bind(t, mirror ? mirror->place_of(value, static_cast<std::size_t>(graph_.shape(t).elements())) : value);
  }
}

void Actor::bind(graph::Tensor parameter, void* memory) {
  plan_->bind(parameter, memory);
  bound_.push_back(memory);
}

// Made when it is first asked for: most actors only act.
void Actor::plan_given() {
  if (given_plan_) return;
  given_plan_ =
      std::make_unique<graph::Plan>(graph_, std::vector{given_log_prob_},
                                    graph::PlanOptions{.device = mirror_ ? &mirror_->device() : nullptr});
  for (std::size_t i = 0; i < parameters_.size(); ++i) given_plan_->bind(parameters_[i], bound_[i]);
}

float Actor::stretch() const {
  return static_cast<float>(spec_.head == Head::kGaussian && !spec_.scaled ? 0 : bounds_.log_volume());
}

// The mode is the first of the largest scores; a draw falls to a choice by the inverse of the distribution
// function.
void Actor::choose(std::span<const Random> draws, std::span<std::int32_t> choices,
                   std::span<float> log_probs) const {
  const float* scores = acted();
  const auto n = static_cast<std::size_t>(spec_.action_choices);
  for (std::size_t row = 0; row < choices.size(); ++row, scores += n) {
    const bool categorical = spec_.head == Head::kCategorical;
    const std::int32_t choice = categorical && !draws.empty()
                                    ? choice_at({scores, n}, draws[row].uniform64(0))
                                    : first_largest(scores, spec_.action_choices);
    choices[row] = choice;
    if (!log_probs.empty()) log_probs[row] = categorical ? scores[choice] : 0.0f;
  }
}

void Actor::act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
                std::span<float> log_probs, ThreadTeam& team) {
  if (chooses(spec_.head)) {
    observe_as(spec_, observations, observed());
    run(team);
    return choose(draws, actions.choices, log_probs);
  }
  const auto act = static_cast<std::size_t>(spec_.action_size);
  for (std::size_t i = 0; i < draws.size() * act; ++i)
    drawn_[i] = static_cast<float>(draws[i / act].normal(i % act));
  this->act(observations, std::span<const float>(drawn_).first(draws.size() * act), actions.numbers,
            log_probs, team);
}

void Actor::act(std::span<const double> observations, std::span<const float> noise, std::span<float> actions,
                std::span<float> log_probs, ThreadTeam& team) {
  const auto act = static_cast<std::size_t>(spec_.action_size);
  observe_as(spec_, observations, observed());
  float* z = noise_in();
  if (noise.empty())
    std::fill(z, z + actions.size(), 0.0f);
  else
    std::copy(noise.begin(), noise.end(), z);
  run(team);
  const float* out = acted();
  const bool gaussian = spec_.head == Head::kGaussian;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const float low = spec_.action_low[i % act], high = spec_.action_high[i % act];
    // Squashed heads give [-1, 1]; a plain Gaussian is stretched, or not, and reaches anywhere.
    actions[i] = gaussian ? std::clamp(spec_.scaled ? bounds_.stretched(out[i], i % act) : out[i], low, high)
                          : acted_within(low, high, out[i]);
  }
  if (!log_probs.empty() && !log_prob_) std::ranges::fill(log_probs, 0.0f);
  if (!log_probs.empty() && log_prob_) {
    const float jacobian = stretch();
    for (std::size_t i = 0; i < log_probs.size(); ++i) log_probs[i] = log_probs_out()[i] - jacobian;
  }
}

void Actor::log_prob(std::span<const double> observations, const Actions& actions, std::span<float> log_probs,
                     ThreadTeam& team) {
  if (actions.discrete() != chooses(spec_.head))
    throw Error(chooses(spec_.head) ? "takes choices, not numbers" : "takes numbers, not choices",
                "policy head " + name_of(spec_.head));
  const std::size_t width = chooses(spec_.head) ? 1 : static_cast<std::size_t>(spec_.action_size);
  if (actions.size() != log_probs.size() * width ||
      observations.size() != log_probs.size() * static_cast<std::size_t>(spec_.observation_size) ||
      static_cast<std::int64_t>(observations.size()) != graph_.shape(observations_).elements())
    throw Error("observations, actions and log-probabilities are of different numbers of rows",
                "policy head " + name_of(spec_.head));
  if (chooses(spec_.head))
    log_prob_of_choices(observations, actions.choices(), log_probs, team);
  else
    log_prob_of_numbers(observations, actions.numbers(), log_probs, team);
}

void Actor::log_prob_of_choices(std::span<const double> observations, std::span<const std::int32_t> choices,
                                std::span<float> log_probs, ThreadTeam& team) {
  observe_as(spec_, observations, observed());
  run(team);
  const float* scores = acted();
  for (std::size_t row = 0; row < choices.size(); ++row, scores += spec_.action_choices) {
    if (choices[row] < 0 || choices[row] >= spec_.action_choices)
      throw Error("there are " + std::to_string(spec_.action_choices) + " choices, from 0 on",
                  "row " + std::to_string(row) + ", choice " + std::to_string(choices[row]));
    if (spec_.head == Head::kCategorical)
      log_probs[row] = scores[choices[row]];
    else
      log_probs[row] =
          std::max_element(scores, scores + spec_.action_choices) == scores + choices[row] ? 0 : -INFINITY;
  }
}

void Actor::log_prob_of_numbers(std::span<const double> observations, std::span<const float> actions,
                                std::span<float> log_probs, ThreadTeam& team) {
  if (!given_log_prob_)
    throw Error("leaves nothing to chance: its actions have no density",
                "policy head " + name_of(spec_.head));
  plan_given();
  const std::size_t width = static_cast<std::size_t>(spec_.action_size);
  std::vector<float> u(actions.begin(), actions.end());
  const bool raw = spec_.head == Head::kGaussian && !spec_.scaled;
  std::vector<bool> outside(log_probs.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    const double low = spec_.action_low[i % width], high = spec_.action_high[i % width],
                 x = 2 * (static_cast<double>(actions[i]) - low) / (high - low) - 1;
    if (!(std::abs(x) <= 1 + 1e-6)) outside[i / width] = true;  // NaN as well; a bound may have been rounded
    if (!raw) u[i] = static_cast<float>(x);
  }
  if (mirror_) {
    observe_as(spec_, observations, observed());
    device::Stream& stream = mirror_->stream();
    stream.copy_in(given_plan_->raw(observations_), observed(), observations.size() * sizeof(float));
    stream.copy_in(given_plan_->raw(given_), u.data(), u.size() * sizeof(float));
    given_plan_->enqueue(stream);
    stream.copy_out(log_probs.data(), given_plan_->raw(given_log_prob_), log_probs.size_bytes());
    stream.synchronise();
  } else {
    observe_as(spec_, observations, given_plan_->data<float>(observations_));
    std::ranges::copy(u, given_plan_->data<float>(given_));
    given_plan_->run(team);
    std::copy_n(given_plan_->data<float>(given_log_prob_), log_probs.size(), log_probs.begin());
  }
  const float jacobian = stretch();
  for (std::size_t row = 0; row < log_probs.size(); ++row)
    log_probs[row] = outside[row] ? -INFINITY : log_probs[row] - jacobian;
}

}  // namespace hardy::algorithms
