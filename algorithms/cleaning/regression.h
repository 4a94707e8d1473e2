// An ensemble of small networks y = f(x) fitted to rows of which many are wrong: all members are one batched
// program, a member an agent. The loss grows with the logarithm of an error,
//   mean over rows and outputs of log(1 + (e / c)^2),
// so that a row pulls less the further away it is (Cauchy's redescending loss; c, one an output, is where it
// turns).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/learning/learner.h"
#include "engine/graph/plan.h"
#include "engine/run/observer.h"

namespace hardy::algorithms {

struct RegressionSettings {
  std::int64_t members = 4, hidden = 128, batch = 256;
  std::int64_t steps = 10000;  // of all rounds together: the learning rate falls over them, from 1e-3 to 1e-5
};

class Regression {
 public:
  // capacity: rows that there may be to learn from. seed: member i's own is seed + i.
  Regression(std::int64_t inputs, std::int64_t outputs, std::int64_t capacity,
             const RegressionSettings& settings, std::uint64_t seed);

  std::int64_t inputs() const { return inputs_; }
  std::int64_t outputs() const { return outputs_; }
  std::int64_t members() const { return members_; }
  // What predicts: a member's tensors, in the architecture's order, as [1, ...].
  const nn::Architecture& architecture() const { return *network_.architecture; }
  std::span<float> weights(std::size_t tensor, std::int64_t member) {
    const std::size_t each = weights_[tensor].size() / static_cast<std::size_t>(members_);
    return std::span(weights_[tensor]).subspan(static_cast<std::size_t>(member) * each, each);
  }
  std::span<float> input(std::int64_t row) { return row_of(x_, inputs_, row); }  // to learn from
  std::span<float> target(std::int64_t row) { return row_of(y_, outputs_, row); }

  // On the first `rows` rows. turns: c, one an output. before: steps of other work that the watch has seen.
  // An Error where a member's loss is not finite any more.
  void train(std::int64_t rows, std::span<const float> turns, std::int64_t steps, ThreadTeam& team,
             const run::Watch& watch, std::int64_t before);
  // x [n, inputs]: the members' mean, and, unless `spread` is empty, their standard deviation, [n, outputs].
  void predict(std::span<const float> x, std::span<float> mean, std::span<float> spread, ThreadTeam& team,
               const StopToken& stop);

 private:
  static std::span<float> row_of(std::vector<float>& of, std::int64_t width, std::int64_t row) {
    return std::span(of).subspan(static_cast<std::size_t>(row * width), static_cast<std::size_t>(width));
  }
  void take_weights();  // from the learner to where predictions read them

  std::int64_t inputs_, outputs_, members_;
  std::vector<float> x_, y_, turns_;
  std::int32_t rows_ = 0;
  Learner learner_;
  Network network_;
  // Of predictions.
  graph::Graph graph_;
  graph::Tensor rows_in_, rows_out_;
  std::vector<std::vector<float>> weights_;
  std::unique_ptr<graph::Plan> plan_;
};

}  // namespace hardy::algorithms
