// Batches drawn from transitions in memory, uniformly with replacement.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/transitions.h"

namespace hardy::datasets {

struct TransitionBatch {  // row-major, `size` rows of each
  std::int64_t size = 0;
  std::vector<float> observations, actions, rewards, next_observations, terminals;
};

// TransitionBatch number `step` of the stream that `seed` names: the same rows on every machine, for batches
// drawn in any order. `batch` is filled anew, without allocation once it has had that size.
void sample_batch(const Transitions& transitions, std::int64_t size, std::uint64_t seed, std::uint64_t step,
                  TransitionBatch& batch);

}  // namespace hardy::datasets
