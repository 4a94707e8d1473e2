// Policy expansion (PEX; Zhang, Xu, Yu 2023, arXiv 2302.00935): the policy that the dataset taught is frozen
// beside the one that goes on learning; both propose an action, and one of them is taken with probabilities
// softmax(min_k Q_k(s, a) / temperature).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/acting/policy.h"
#include "algorithms/learning/learner.h"

namespace hardy::algorithms {

class Expansion {
 public:
  // offline: the store whose policy is frozen, an agent's each; it outlives this and does not change.
  // learner: whose network "q" judges, finished, on the CPU; it outlives this. Only policies of numbers.
  Expansion(const PolicySpec& spec, const nn::ParameterStore& offline, Learner& learner, double temperature);

  // actions: the learning policy's proposals at the observations [agents, obs], raw; where the frozen one's
  // is taken, that stands there afterwards. draws: an agent's, numbers from `first` on are this function's.
  void choose(std::span<const double> observations, std::span<const Random> draws, std::uint64_t first,
              ActionMemory& actions, ThreadTeam& team);
  // Whether the frozen policy's action was taken in the last choice, by agent.
  std::span<const std::uint8_t> took_offline() const { return took_offline_; }

 private:
  PolicySpec spec_;
  double temperature_;
  Actor offline_;
  graph::Graph graph_;
  graph::Tensor observations_, actions_, value_;  // [A, 2, obs], [A, 2, act], [A, 2]: the learning one first
  std::unique_ptr<graph::Plan> plan_;
  std::vector<float> seen_, noise_, proposals_;
  std::vector<std::uint8_t> took_offline_;
};

}  // namespace hardy::algorithms
