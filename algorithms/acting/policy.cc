#include "algorithms/acting/policy.h"

#include <algorithm>
#include <cmath>

#include "engine/base/nearest.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"

namespace hardy::algorithms {

namespace {

constexpr std::pair<Head, const char*> kHeads[] = {{Head::kDeterministic, "deterministic"},
                                                   {Head::kGaussian, "gaussian"},
                                                   {Head::kTanhGaussian, "tanh_gaussian"},
                                                   {Head::kCategorical, "categorical"},
                                                   {Head::kGreedyQ, "greedy_q"},
                                                   {Head::kDuelingQ, "dueling_q"}};

}  // namespace

bool chooses(Head head) {
  return head == Head::kCategorical || head == Head::kGreedyQ || head == Head::kDuelingQ;
}

std::string name_of(Head head) {
  for (const auto& [h, name] : kHeads)
    if (h == head) return name;
  return "?";
}

Head head_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [h, known] : kHeads) {
    if (known == name) return h;
    names.emplace_back(known);
  }
  throw Error("there is no such policy head", name, suggestion(name, names));
}

std::vector<std::int64_t> hidden_layers(const std::vector<std::int64_t>& widths) {
  return widths.size() == 1 ? std::vector<std::int64_t>(2, widths[0]) : widths;
}

std::vector<std::int64_t> layer_widths(std::int64_t in, const std::vector<std::int64_t>& hidden,
                                       std::int64_t out) {
  std::vector<std::int64_t> widths{in};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(out);
  return widths;
}

nn::ArchitecturePtr PolicySpec::mlp() const {
  const int outputs = head == Head::kTanhGaussian ? 2 * action_size
                      : head == Head::kDuelingQ   ? 1 + action_choices
                      : chooses(head)             ? action_choices
                                                  : action_size;
  nn::MlpSpec spec;
  spec.widths = layer_widths(observation_size, hidden, outputs);
  return nn::mlp(spec);
}

graph::Tensor q_values(graph::Graph& g, Head head, graph::Tensor net) {
  if (head == Head::kGreedyQ) return net;
  const graph::Tensor advantage = ops::slice(g, net, 1, g.shape(net).back());
  return ops::add(g, ops::slice(g, net, 0, 1), ops::subtract(g, advantage, ops::mean(g, advantage, -1)));
}

nn::ActionSample act_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                             graph::Tensor noise) {
  const Shape& shape = g.shape(net);
  if (head == Head::kDeterministic) return {ops::tanh(g, net), {}};
  if (head == Head::kGaussian) {
    const graph::Tensor held = ops::unsqueeze(g, ops::clamp(g, log_std, -5, 2), 1);
    return noise ? nn::gaussian(g, net, held, noise) : nn::ActionSample{net, {}};
  }
  const std::int64_t actions = shape.back() / 2;
  const graph::Tensor mean = ops::slice(g, net, 0, actions);
  if (!noise) return {ops::tanh(g, mean), {}};
  return nn::tanh_gaussian(g, mean, ops::clamp(g, ops::slice(g, net, actions, 2 * actions), -20, 2), noise);
}

void Actor::build(std::int64_t agents, std::int64_t batch) {
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
    const nn::ActionSample sample = act_through(graph_, spec_.head, net, log_std, noise_);
    action_ = sample.action;
    log_prob_ = sample.log_prob;
    drawn_.resize(static_cast<std::size_t>(graph_.shape(noise_).elements()));
  }
  std::vector<graph::Tensor> outputs{action_};
  if (log_prob_) outputs.push_back(log_prob_);
  plan_ = std::make_unique<graph::Plan>(graph_, outputs,
                                        graph::PlanOptions{.device = mirror_ ? &mirror_->device() : nullptr});
  if (!mirror_) return;
  const auto elements = [&](graph::Tensor t) { return static_cast<std::size_t>(graph_.shape(t).elements()); };
  in_.resize(elements(observations_));
  if (noise_) noise_in_.resize(elements(noise_));
  out_.resize(elements(action_));
  if (log_prob_) log_prob_out_.resize(elements(log_prob_));
}

// in_, noise_in_ -> out_, log_prob_out_ on a device; the plan's own memory on the CPU.
void Actor::run(ThreadTeam& team) {
  if (!mirror_) return plan_->run(team);
  device::Stream& stream = mirror_->stream();
  const auto in = [&](graph::Tensor t, const std::vector<float>& x) {
    stream.copy_in(plan_->raw(t), x.data(), x.size() * sizeof(float));
  };
  const auto out = [&](graph::Tensor t, std::vector<float>& x) {
    stream.copy_out(x.data(), plan_->raw(t), x.size() * sizeof(float));
  };
  in(observations_, in_);
  if (noise_) in(noise_, noise_in_);
  if (!captured_) {
    plan_->enqueue(stream);  // before the capture: libraries load their kernels at first use
    captured_ = stream.capture([&] { plan_->enqueue(stream); });
  }
  stream.replay(*captured_);
  out(action_, out_);
  if (log_prob_) out(log_prob_, log_prob_out_);
  stream.synchronise();
}

Actor::Actor(const PolicySpec& spec, std::int64_t batch, const std::vector<std::vector<float>>& parameters)
    : spec_(spec), bounds_(spec.bounds()), own_(parameters) {
  build(1, batch);
  if (own_.size() != parameters_.size())
    throw Error("the policy has another number of tensors than its kind needs", "policy");
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (static_cast<std::int64_t>(own_[i].size()) != graph_.shape(parameters_[i]).elements())
      throw Error("a tensor has another size than its kind needs", graph_.describe(parameters_[i]));
    plan_->bind(parameters_[i], own_[i].data());
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
    plan_->bind(
        t, mirror ? mirror->place_of(value, static_cast<std::size_t>(graph_.shape(t).elements())) : value);
  }
}

void Actor::observe(std::span<const double> observations) {
  float* in = mirror_ ? in_.data() : plan_->data<float>(observations_);
  const auto obs = static_cast<std::size_t>(spec_.observation_size);
  const bool normalised = !spec_.observation_mean.empty();
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const auto x = static_cast<float>(observations[i]);
    in[i] = normalised ? (x - spec_.observation_mean[i % obs]) / spec_.observation_std[i % obs] : x;
  }
}

// The mode is the first of the largest scores; a draw falls to a choice by the inverse of the distribution
// function.
void Actor::choose(std::span<const Random> draws, std::span<std::int32_t> choices,
                   std::span<float> log_probs) const {
  const float* scores = mirror_ ? out_.data() : plan_->data<float>(action_);
  const auto n = static_cast<std::size_t>(spec_.action_choices);
  for (std::size_t row = 0; row < choices.size(); ++row, scores += n) {
    std::size_t choice = static_cast<std::size_t>(std::max_element(scores, scores + n) - scores);
    const bool categorical = spec_.head == Head::kCategorical;
    if (categorical && !draws.empty()) {
      double left = draws[row].uniform64(0);
      for (std::size_t k = 0; k < n; ++k) {  // beyond the last by rounding: the mode
        left -= std::exp(static_cast<double>(scores[k]));
        if (left >= 0) continue;
        choice = k;
        break;
      }
    }
    choices[row] = static_cast<std::int32_t>(choice);
    if (!log_probs.empty()) log_probs[row] = categorical ? scores[choice] : 0.0f;
  }
}

void Actor::act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
                std::span<float> log_probs, ThreadTeam& team) {
  if (chooses(spec_.head)) {
    observe(observations);
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
  observe(observations);
  float* z = mirror_ ? noise_in_.data() : plan_->data<float>(noise_);
  if (noise.empty())
    std::fill(z, z + actions.size(), 0.0f);
  else
    std::copy(noise.begin(), noise.end(), z);
  run(team);
  const float* out = mirror_ ? out_.data() : plan_->data<float>(action_);
  const bool gaussian = spec_.head == Head::kGaussian;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const float low = spec_.action_low[i % act], high = spec_.action_high[i % act];
    // Squashed heads give (-1, 1), stretched to the bounds; a plain Gaussian is stretched and held within
    // them.
    if (!gaussian)
      actions[i] = low + (out[i] + 1) * 0.5f * (high - low);
    else
      actions[i] = std::clamp(spec_.scaled ? bounds_.stretched(out[i], i % act) : out[i], low, high);
  }
  if (!log_probs.empty() && !log_prob_) std::ranges::fill(log_probs, 0.0f);
  if (!log_probs.empty() && log_prob_) {
    const float* log_prob = mirror_ ? log_prob_out_.data() : plan_->data<float>(log_prob_);
    const auto stretch = static_cast<float>(gaussian && !spec_.scaled ? 0 : bounds_.log_volume());
    for (std::size_t i = 0; i < log_probs.size(); ++i) log_probs[i] = log_prob[i] - stretch;
  }
}

std::vector<std::vector<float>> policy_parameters(const nn::ParameterStore& store, std::int64_t agent) {
  std::vector<std::vector<float>> tensors;
  for (int i = 0; i < store.size(); ++i)
    if (store.name(i).starts_with("policy/")) {
      const std::span<const float> x = store.agent(i, agent);
      tensors.emplace_back(x.begin(), x.end());
    }
  return tensors;
}

}  // namespace hardy::algorithms
