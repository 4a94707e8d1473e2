// What a control policy draws and how likely that is, in rollouts and in training by the same ops, so that
// the first ratio of the two is exactly 1.
//
// A head of numbers draws u by a Gaussian law: the action in [-1, 1] before it is held to the bounds
// (kGaussian), or before it is squashed (kTanhGaussian). Likelihoods are those of u: what holding, squashing
// and stretching add depends on no parameter, so that ratios and gradients are those of the action's own
// density. A likelihood is that of the whole action: the product over its dimensions.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/acting/policy.h"
#include "datasets/transitions.h"

namespace hardy::algorithms {

struct ControlLaw {
  graph::Tensor log_prob, entropy;  // [A, B]
};
// Of what was drawn: u [A, B, act], or choices i32 [A, B]. net: the network's output for each row; log_std
// [A, act] of a kGaussian head.
ControlLaw law_of(graph::Graph& g, const PolicySpec& spec, graph::Tensor net, graph::Tensor log_std,
                  graph::Tensor drawn);

// The u of an action that is given within the bounds: of a kTanhGaussian head artanh of at most 1 - 1e-6.
void drawn_of(const PolicySpec& spec, std::span<float> actions);

// Acts by the network "policy" of a store, [agents, rows], where it lies.
class ControlSampler final : public Policy {
 public:
  ControlSampler(const PolicySpec& spec, std::int64_t rows, nn::ParameterStore& store);
  // log_probs: of u, or of the choice. Numbers take standard normals, draw k of a row for dimension k;
  // choices take draw 0. Without draws: the mode.
  void act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
           std::span<float> log_probs, ThreadTeam& team) override;

  // Of the last act(): what the network saw [A, B, obs], u [A, B, act], entropies [A, B].
  std::span<const float> seen() const { return values(observations_); }
  std::span<const float> drawn() const { return values(drawn_); }
  std::span<const float> entropies() const { return values(entropy_); }

 private:
  std::span<const float> values(graph::Tensor t) const {
    return {plan_->data<float>(t), static_cast<std::size_t>(graph_.shape(t).elements())};
  }

  PolicySpec spec_;
  ActionBounds bounds_;
  graph::Graph graph_;
  graph::Tensor observations_, noise_, drawn_, log_prob_, entropy_;  // log_prob_: of every choice [A, B, n]
  std::unique_ptr<graph::Plan> plan_;
};

}  // namespace hardy::algorithms
