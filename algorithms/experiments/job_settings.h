// What the jobs of methods share, whatever they draw from: options of descents, and what is refused of them.
#pragma once

#include <string>

#include "algorithms/experiments/training.h"
#include "algorithms/learning/builder.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

// Where a run goes on, from whatever folder, it finds the file that its environment is made of.
void keep_absolute(run::Schema& schema, std::string& environment);

// What the descents of any method may be told.
void descent_options(run::Schema& schema, DescentDefaults& descent);

// An Error where the last agent's seed is no integer that files have.
void require_seeds(const TrainingSettings& settings);

// An Error where these processes cannot have equal shares of a batch.
void require_shares(const comm::Ranks& ranks, const DescentDefaults& descent,
                    const TrainingSettings& settings);

}  // namespace hardy::algorithms
