// Policies as networks with a head: how they act, in training, evaluation, data collection and from a
// file. The same graph serves all of them.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/acting/bounds.h"
#include "engine/base/threads.h"
#include "engine/device/mirror.h"
#include "engine/graph/plan.h"
#include "engine/nn/heads.h"
#include "engine/nn/mlp.h"
#include "engine/nn/parameters.h"

namespace hardy::algorithms {

enum class Head {
  kDeterministic,  // tanh(net)
  kGaussian,       // net is the mean, one state-independent log_std vector in [-5, 2]
  kTanhGaussian    // net gives mean and log_std, log_std held to [-20, 2]
};
std::string name_of(Head head);
Head head_named(const std::string& name);

struct PolicySpec {
  Head head = Head::kDeterministic;
  int observation_size = 0, action_size = 0;
  std::vector<std::int64_t> hidden = {256, 256};         // a width for each hidden layer
  std::vector<float> observation_mean, observation_std;  // empty: observations are used as they are
  std::vector<float> action_low, action_high;
  // Whether a Gaussian head's outputs lie about [-1, 1] and are stretched to the bounds, as those of the
  // other heads are. false: a policy file of format 1, whose outputs are the actions themselves.
  bool scaled = true;

  nn::ArchitecturePtr mlp() const;  // from observations to the head's inputs
  ActionBounds bounds() const { return {action_low, action_high, ""}; }
};

// Layers as --hidden names them: a width each, or one width for two layers.
std::vector<std::int64_t> hidden_layers(const std::vector<std::int64_t>& widths);
// in, the hidden layers, out: nn::MlpSpec::widths.
std::vector<std::int64_t> layer_widths(std::int64_t in, const std::vector<std::int64_t>& hidden,
                                       std::int64_t out);

// The head applied to the network's output `net` [A, B, ...]; log_std [A, act] for kGaussian.
// noise [A, B, act], or none for the mode.
nn::ActionSample act_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                             graph::Tensor noise);

// A policy ready to act on batches of one size, with memory of its own or a learner's.
class Actor {
 public:
  // One agent, its parameters copied from `parameters`: w0, b0, ..., then log_std where there is one.
  Actor(const PolicySpec& spec, std::int64_t batch, const std::vector<std::vector<float>>& parameters);
  // All agents of a store, reading its parameters named policy/... where they are.
  // With a mirror it acts on the mirror's device, in the order of the training's stream.
  Actor(const PolicySpec& spec, std::int64_t batch, const nn::ParameterStore& store,
        device::Mirror* mirror = nullptr);

  const PolicySpec& spec() const { return spec_; }
  // observations [A, B, obs] raw; noise [A, B, act] standard normal, or empty to act by the mode.
  // actions [A, B, act] within the bounds; log_probs [A, B] if not empty: log densities of the actions, with
  // the Jacobian of the stretch to the bounds (a Gaussian head's before they are held within them).
  void act(std::span<const double> observations, std::span<const float> noise, std::span<float> actions,
           std::span<float> log_probs, ThreadTeam& team);

 private:
  void build(std::int64_t agents, std::int64_t batch);
  void run(ThreadTeam& team);

  PolicySpec spec_;
  ActionBounds bounds_;
  graph::Graph graph_;
  std::vector<graph::Tensor> parameters_;
  graph::Tensor observations_, noise_, action_, log_prob_;
  std::unique_ptr<graph::Plan> plan_;
  std::vector<std::vector<float>> own_;
  device::Mirror* mirror_ = nullptr;
  std::unique_ptr<device::Captured> captured_;
  // On a device: its inputs and outputs here.
  std::vector<float> in_, noise_in_, out_, log_prob_out_;
};

std::vector<std::vector<float>> policy_parameters(const nn::ParameterStore& store, std::int64_t agent);

}  // namespace hardy::algorithms
