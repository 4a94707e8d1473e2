// A learner's whole state in an archive: parameters, targets, the optimiser's moments, counters.
#pragma once

#include "algorithms/learner.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {

inline constexpr int kCheckpointFormat = 1;

void save_learner(const Learner& learner, run::ArchiveWriter& file);
void restore_learner(Learner& learner, const run::Archive& file, const std::string& path);

}  // namespace hardy::algorithms
