// Evaluations that a stop came before, in a checkpoint: their policies, to be played when the run goes on.
#pragma once

#include <vector>

#include "algorithms/acting/evaluation_queue.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {

// Nothing is added where there are none.
void save_evaluations(const std::vector<EvaluationQueue::Job>& jobs, run::ArchiveWriter& file);
// spec: of the policies, whose tensors the checkpoint has.
std::vector<EvaluationQueue::Job> saved_evaluations(const run::Archive& file, const PolicySpec& spec);

}  // namespace hardy::algorithms
