#include "algorithms/cleaning/regression.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/base/error.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/gather.h"
#include "engine/ops/reduce.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kRows = 1024;  // of a pass over predictions

std::vector<std::uint64_t> seeds_from(std::uint64_t seed, std::int64_t members) {
  std::vector<std::uint64_t> seeds(static_cast<std::size_t>(members));
  std::iota(seeds.begin(), seeds.end(), seed);
  return seeds;
}

}  // namespace

Regression::Regression(std::int64_t inputs, std::int64_t outputs, std::int64_t capacity,
                       const RegressionSettings& settings, std::uint64_t seed)
    : inputs_(inputs),
      outputs_(outputs),
      members_(settings.members),
      x_(static_cast<std::size_t>(capacity * inputs)),
      y_(static_cast<std::size_t>(capacity * outputs)),
      turns_(static_cast<std::size_t>(outputs), 1.0f),
      learner_(seeds_from(seed, settings.members)),
      network_(learner_.network(
          "f", nn::MlpSpec{.widths = {inputs, settings.hidden, settings.hidden, outputs}, .starts = {}})) {
  Update& u = learner_.update("fit");
  Graph& g = u.graph();
  const Tensor index =
      u.indices(settings.batch, u.table("rows", DType::kI32, {1}, &rows_, true), RandomStream::kBatch);
  const auto drawn = [&](const char* name, std::vector<float>& table, std::int64_t width) {
    return ops::gather_rows(g, u.table(name, DType::kF32, {capacity, width}, table.data(), true), index);
  };
  const Tensor x = drawn("x", x_, inputs), y = drawn("y", y_, outputs);
  const Tensor turns = u.table("turns", DType::kF32, {1, 1, outputs}, turns_.data(), true);
  const Tensor e = ops::divide(g, ops::subtract(g, y, u.apply(network_, x)), turns);
  u.minimise("fit", ops::mean_per_agent(g, ops::log(g, ops::affine(g, ops::square(g, e), 1, 1))), {network_},
             {.learning_rate = nn::Schedule::cosine(1e-3, 1e-5, settings.steps)});
  learner_.finish();

  const auto specs = network_.architecture->tensors("f", members_);
  std::vector<graph::Tensor> parameters;
  for (const nn::TensorSpec& spec : specs) {
    parameters.push_back(graph_.parameter(spec.name, DType::kF32, spec.shape));
    weights_.emplace_back(static_cast<std::size_t>(spec.shape.elements()));
  }
  rows_in_ = graph_.shared_input("x", DType::kF32, {1, kRows, inputs});
  rows_out_ = network_.architecture->apply(graph_, parameters,
                                           ops::stretch(graph_, rows_in_, {members_, kRows, inputs}), "f");
  plan_ = std::make_unique<graph::Plan>(graph_, std::initializer_list<graph::Tensor>{rows_out_},
                                        graph::PlanOptions{.agents = members_});
  for (std::size_t i = 0; i < parameters.size(); ++i) plan_->bind(parameters[i], weights_[i].data());
}

void Regression::train(std::int64_t rows, std::span<const float> turns, std::int64_t steps, ThreadTeam& team,
                       const run::Watch& watch, std::int64_t before) {
  rows_ = static_cast<std::int32_t>(rows);
  std::ranges::copy(turns, turns_.begin());
  for (std::int64_t i = 0; i < steps; ++i) {
    throw_if_stopped(watch.stop);
    learner_.step(team);
    if (watch.observer->wants_progress(before + i + 1)) watch.observer->progress(before + i + 1, {});
  }
  for (std::int64_t member = 0; member < members_; ++member)
    if (!learner_.active(member))
      throw Error::failed_run("a model of the data diverged: " + learner_.stop_reason(member),
                              "member " + std::to_string(member));
  take_weights();
}

void Regression::take_weights() {
  const nn::ParameterStore& store = learner_.parameters();
  for (std::size_t i = 0; i < weights_.size(); ++i)
    std::copy_n(store.value(network_.tensors[i]), weights_[i].size(), weights_[i].data());
}

void Regression::predict(std::span<const float> x, std::span<float> mean, std::span<float> spread,
                         ThreadTeam& team, const StopToken& stop) {
  const auto n = static_cast<std::int64_t>(x.size()) / inputs_;
  const auto each = static_cast<std::size_t>(kRows * outputs_);
  for (std::int64_t begin = 0; begin < n; begin += kRows) {
    throw_if_stopped(stop);
    const std::int64_t count = std::min(kRows, n - begin);
    std::copy_n(x.data() + begin * inputs_, count * inputs_, plan_->data<float>(rows_in_));
    plan_->run(team);
    const float* y = plan_->data<float>(rows_out_);
    const auto at = static_cast<std::size_t>(begin * outputs_);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count * outputs_); ++i) {
      float sum = 0, squares = 0;
      for (std::int64_t m = 0; m < members_; ++m) sum += y[static_cast<std::size_t>(m) * each + i];
      const float middle = sum / static_cast<float>(members_);
      mean[at + i] = middle;
      if (spread.empty()) continue;
      for (std::int64_t m = 0; m < members_; ++m) {
        const float away = y[static_cast<std::size_t>(m) * each + i] - middle;
        squares += away * away;
      }
      spread[at + i] = std::sqrt(squares / static_cast<float>(members_));
    }
  }
}

}  // namespace hardy::algorithms
