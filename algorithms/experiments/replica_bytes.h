// What replicas that several processes played come to, for all of them (engine/comm).
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "algorithms/experiments/regret_run.h"
#include "algorithms/experiments/sampled_study.h"

namespace hardy::algorithms {

// What each rank's replicas came to, to all: rank r has played [bounds[r], bounds[r + 1]) of them, and what
// is known of a replica before it is played, every rank has already. counts, as many on each rank, become
// sums over the ranks. Where one failed (null: it did not), all end (comm::agree).
void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<ReplicaResult> replicas, std::span<std::int64_t> counts);
void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<SampledReplica> replicas);

}  // namespace hardy::algorithms
