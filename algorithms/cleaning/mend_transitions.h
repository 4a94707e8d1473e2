// Cleaning of what is learned from, in memory: cleaning.h on transitions instead of on a file.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "algorithms/cleaning/cleaning.h"
#include "datasets/transitions.h"

namespace hardy::algorithms {

// Judges the transitions, which are in the order of their episodes, replaces what is surely wrong by what the
// models agree on, and fills `trust`: 1 where an element was replaced, else the probability that it is right.
// Returns for each column its rows replaced and doubtful, and the sum of its probabilities ("wrong"). Errors
// as of Cleaning::judge, which name `path`.
nlohmann::json mend(datasets::Transitions& transitions, const std::string& path,
                    const CleaningSettings& settings, const run::Watch& watch = {});

// Fills `trust` of transitions that are the file's rows, all of them, from what `hardy data repair --models`
// left in it (datasets/corruption/judgement.h). Errors: a file that holds no scores; another number of rows.
nlohmann::json trust_of_scores(datasets::Transitions& transitions, const datasets::Arrays& arrays,
                               const std::string& path);

}  // namespace hardy::algorithms
