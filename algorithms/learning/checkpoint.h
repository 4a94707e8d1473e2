// A learner's whole state in an archive: parameters, targets, the optimiser's moments, counters.
#pragma once

#include <optional>
#include <string>

#include "algorithms/acting/actions.h"
#include "algorithms/learning/learner.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {

inline constexpr int kCheckpointFormat = 1;

void save_learner(const Learner& learner, run::ArchiveWriter& file);
// The bounds that actions were scaled from, and what a checkpoint says of them: nothing where it was written
// before actions were scaled.
void save_bounds(const ActionBounds& bounds, run::ArchiveWriter& file);
std::optional<ActionBounds> saved_bounds(const run::Archive& file, const std::string& path);
// Refuses to go on with a learner that saw its actions otherwise than these bounds make them.
void require_bounds(const ActionBounds& bounds, const run::Archive& file, const std::string& path);
void restore_learner(Learner& learner, const run::Archive& file, const std::string& path);

}  // namespace hardy::algorithms
