#include "algorithms/experiments/replica_bytes.h"

#include <algorithm>

#include "engine/comm/agree.h"
#include "engine/comm/bytes.h"

namespace hardy::algorithms {

// All that playing writes.
template <class Part>
void each_part(comm::Of<RegretFigure> auto& f, const Part& part) {
  part(f.name);
  part(f.value);
}
template <class Part>
void each_part(comm::Of<ReplicaResult> auto& r, const Part& part) {
  part(r.learner_loss);
  part(r.best_loss);
  part(r.curve);
  part(r.start_costs);
  part(r.first);
  part(r.least_eta_q);
  part(r.largest_eta_bonus);
  part(r.figures);
}
template <class Part>
void each_part(comm::Of<SampledReplica> auto& r, const Part& part) {
  part(r.seed);
  part(r.learner_loss);
  part(r.standard_error);
  part(r.uniform_loss);
  part(r.uniform_standard_error);
  part(r.states);
  part(r.bonus_paths);
  part(r.calls);
  part(r.curve_episodes);
  part(r.curve);
}

void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<ReplicaResult> replicas, std::span<std::int64_t> counts) {
  if (ranks.size() == 1) return;
  comm::agree(ranks, failed);
  comm::exchange(ranks, replicas, bounds);
  const auto all = comm::gather_all(ranks, std::as_bytes(counts));
  std::vector<std::int64_t> theirs(counts.size());
  std::ranges::fill(counts, 0);
  for (const std::vector<std::byte>& bytes : all) {
    std::memcpy(theirs.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += theirs[i];
  }
}

void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<SampledReplica> replicas) {
  if (ranks.size() == 1) return;
  comm::agree(ranks, failed);
  comm::exchange(ranks, replicas, bounds);
}

}  // namespace hardy::algorithms
