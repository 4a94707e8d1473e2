// The critic and the policy of a run of this engine, taken from its checkpoint: what a gradient attack on a
// dataset makes suffer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/acting/actions.h"
#include "engine/graph/graph.h"
#include "engine/nn/network.h"

namespace hardy::algorithms {

struct VictimNetwork {
  nn::ArchitecturePtr architecture;
  std::vector<std::vector<float>> tensors;  // of one agent, in the architecture's order
};

struct Victim {
  VictimNetwork q;       // from [s, a]; all members of the ensemble
  VictimNetwork policy;  // its mode is what acts
  bool has_log_std = false;
  int observation_size = 0, action_size = 0;
  std::vector<float> observation_mean, observation_std;  // empty: observations are used as they are
  // What the critic's actions are scaled from; empty: they are used as they are.
  std::optional<ActionBounds> bounds;
  std::filesystem::path file;
  std::string method;  // where the run's folder tells
  std::int64_t step = 0, agent = 0;

  nlohmann::json describe() const;
};

// What acts by the mode, in [-1, 1], of the policy's network's output.
graph::Tensor mode_of(graph::Graph& g, const Victim& victim, graph::Tensor net);

// path: a run's folder (its newest checkpoint) or a checkpoint. Errors: none of either, no critic in it (bc),
// an agent that it does not have, a run that normalises its observations and has not yet written its policy
// file, which says by what.
Victim read_victim(const std::filesystem::path& path, std::int64_t agent);

}  // namespace hardy::algorithms
