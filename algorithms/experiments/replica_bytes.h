// Results of replicas as bytes, for processes that each played some of a run's (engine/comm). Between builds
// of one kind alone: numbers are as memory has them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "algorithms/experiments/regret_run.h"

namespace hardy::algorithms {

// What playing leaves in a ReplicaResult; the rest of it, every process has already.
std::vector<std::byte> packed(std::span<const ReplicaResult> replicas);
// An Error where the bytes are not of so many replicas.
void unpack(std::span<const std::byte> bytes, std::span<ReplicaResult> into);

}  // namespace hardy::algorithms
