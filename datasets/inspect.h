// A dataset at a glance, from two passes by pieces: layout, episodes, returns, scores, the distribution of
// every dimension, continuity, and what was corrupted on purpose and where.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "datasets/store.h"

namespace hardy::datasets {

// {"path", "format", "rows", "observation_size", "action_size", "episodes", "terminated", "timed_out", "cut",
//  "return": {mean, std, min, max, histogram: {edges, counts}}, "length": likewise,
//  "score": {family, mean, std, min, max} where the path names a task that has reference scores,
//  "returns", "lengths": of the episodes in the file's order, at most 400 of them as means over neighbours,
//  "layout": {key: "float32 [N, 11]"},
//  "columns": {key: [{mean, std, min, max, not_finite, histogram}] by dimension},
//  "continuity": {"pairs", "broken", "broken_share": by hundredth of the file} where the file has
//  next_observations, "corruption": the manifest or null, "corrupted_share": {element: by hundredth of the
//  file}}
nlohmann::json inspect(Reader& reader);

// The same without what only a drawing needs: the lists along the file and all histograms but that of the
// returns. What a run keeps of its dataset.
nlohmann::json without_drawings(nlohmann::json summary);

}  // namespace hardy::datasets
