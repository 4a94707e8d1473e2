// Adam, AdamW and SGD over many tensors at once, gradient clipping and Polyak averaging included: one
// pass over memory a step, no allocation after construction, the same bits for any thread count, and for an
// agent whatever other agents share the tensors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/nn/descent_formula.h"

namespace hardy {
class ThreadTeam;
}

namespace hardy::nn {

// One tensor [agents][elements_per_agent] and what belongs to it.
struct Segment {
  float* value = nullptr;
  const float* gradient = nullptr;
  float* first_moment = nullptr;   // Adam's m; SGD's momentum (null where that is 0)
  float* second_moment = nullptr;  // Adam's v; null for SGD
  float* target = nullptr;         // its Polyak average, or null
  std::int64_t agents = 1, elements_per_agent = 0;
  int group = 0;
};

class Optimiser {
 public:
  // All segments are of the same agents; an Error names one that does not fit.
  Optimiser(std::vector<Segment> segments, std::vector<GroupSettings> groups);

  // Step t counts from 1 (Kingma, Ba 2015: m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + epsilon).
  // learning_rates: one a group. Agents with active[agent] == 0 are left as they are.
  void step(std::int64_t t, std::span<const double> learning_rates, std::span<const std::uint8_t> active,
            ThreadTeam& team);

  // By group and agent, [groups, agents]: whether a gradient of the group's tensors is not finite, of agents
  // with active[agent] != 0. A step down it would spoil the agent's parameters, its loss finite or not.
  std::span<const std::uint8_t> broken_gradients(std::span<const std::uint8_t> active, ThreadTeam& team);

  // The Polyak averages alone, for methods that move their targets more rarely than their values.
  void average(ThreadTeam& team, std::span<const std::uint8_t> active) const;

  std::int64_t agents() const { return agents_; }

 private:
  struct Piece {  // a run of one agent's elements of one segment
    std::size_t segment;
    std::int64_t agent, begin, end;
  };
  void check(std::span<const std::uint8_t> active) const;
  void find_clips(std::span<const std::uint8_t> active, ThreadTeam& team);
  void update(const Piece& piece) const;
  std::size_t cell(int group, std::int64_t agent) const {
    return static_cast<std::size_t>(group) * static_cast<std::size_t>(agents_) +
           static_cast<std::size_t>(agent);
  }

  std::vector<Segment> segments_;
  std::vector<GroupSettings> groups_;
  std::vector<Piece> pieces_;
  std::vector<DescentRates> rates_;       // by group, of this step
  std::vector<double> squares_;           // by piece: its sum of squared gradients
  std::vector<double> norms_;             // by group and agent: of the squares, in the pieces' order
  std::vector<float> clips_;              // by group and agent: what gradients are multiplied by
  std::vector<std::uint8_t> not_finite_;  // by piece: a gradient of it is not finite
  std::vector<std::uint8_t> broken_;      // by group and agent: of their pieces
  std::int64_t agents_ = 0;
  bool any_clips_ = false, any_targets_ = false;
};

}  // namespace hardy::nn
