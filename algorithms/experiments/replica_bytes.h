// Results of replicas as bytes, for processes that each played some of a run's (engine/comm). Between builds
// of one kind alone: numbers are as memory has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "algorithms/experiments/regret_run.h"
#include "algorithms/experiments/sampled_study.h"

namespace hardy::algorithms {

// What playing leaves in a ReplicaResult; the rest of it, every process has already.
std::vector<std::byte> packed(std::span<const ReplicaResult> replicas);
std::vector<std::byte> packed(std::span<const SampledReplica> replicas);
// An Error where the bytes are not of so many replicas.
void unpack(std::span<const std::byte> bytes, std::span<ReplicaResult> into);
void unpack(std::span<const std::byte> bytes, std::span<SampledReplica> into);

// Where the ranks' parts of n things begin, one behind the other and as equal as can be, and n.
std::vector<std::size_t> bounds_among(const comm::Ranks& ranks, std::size_t n);
// What each rank's replicas came to, to all: rank r has played [bounds[r], bounds[r + 1]) of them. counts,
// as many on each rank, become sums over the ranks. Where one failed (null: it did not), all end (agree()).
void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<ReplicaResult> replicas, std::span<std::int64_t> counts);
void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<SampledReplica> replicas);

}  // namespace hardy::algorithms
