// Rows of one or several datasets, one after the other, as one dataset.
#pragma once

#include <memory>
#include <vector>

#include "datasets/conversion/selection.h"
#include "datasets/store.h"

namespace hardy::datasets {

struct JoinSettings {
  bool careful = false;  // rows that were not selected are not read either, not even beside those that were
  bool mixed_floats = false;  // float32 and float64 of different inputs become float64
  bool unmoved = false;       // the episodes are all rows of the one input: what counts episodes stays true
};

// The episodes of a selection, in its order, with every column that all inputs have in one shape and type;
// side columns that do not fit are left out with a note. Flags of different types become truth values. Where
// an episode's next row is not the one that followed it in its file, and no flag ends it there, its last row
// becomes a timeout. Columns that have no row for each step (metadata) are the first input's. What a
// corruption recorded about itself is left out, for its row numbers are no longer true. careful: rows that
// were not selected are not read either, not even beside those that were. Errors: a main column
// (observations, actions, rewards, terminals, timeouts, next_observations) that one input has and another has
// not or has otherwise; inputs that say different tasks.
std::unique_ptr<Reader> joined(std::vector<std::unique_ptr<Reader>> inputs,
                               const std::vector<KeptEpisode>& episodes, const JoinSettings& settings = {});

}  // namespace hardy::datasets
