// A decision transformer acting: it sees the last K steps of its episode, the returns to go that are left of
// its target, and its own actions.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/acting/policy.h"
#include "engine/nn/decision_transformer.h"

namespace hardy::algorithms {

class SequenceActor final : public Policy {
 public:
  // One agent in `batch` episodes side by side. parameters: a value for each tensor of the network.
  SequenceActor(const PolicySpec& spec, std::int64_t batch,
                const std::vector<std::vector<float>>& parameters);

  void start(std::int64_t row) override;
  void rewarded(std::span<const double> rewards) override;
  // Nothing is left to chance: draws make no difference, log_probs are 0. Every row has begun an episode.
  void act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
           std::span<float> log_probs, ThreadTeam& team) override;

 private:
  struct Row {               // an episode
    std::int64_t steps = 0;  // in the window
    std::int32_t time = 0;   // of the next step
    double to_go = 0;        // scaled
  };
  // What the row's step has in a table of `width` numbers a step.
  template <class T>
  T* at(T* table, std::int64_t row, std::int64_t step, std::int64_t width) const {
    return table + (row * spec_.sequence.context + step) * width;
  }
  void make_room(std::int64_t row);

  PolicySpec spec_;
  std::int64_t batch_;
  graph::Graph graph_;
  graph::Tensor action_;  // [1, B T, act]
  std::unique_ptr<graph::Plan> plan_;
  std::vector<std::vector<float>> own_;
  std::vector<float> returns_, observations_, actions_;  // the rows' windows, which the plan reads
  std::vector<std::int32_t> times_, token_starts_, token_ends_;
  std::vector<Row> rows_;
};

}  // namespace hardy::algorithms
