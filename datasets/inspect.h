// A dataset at a glance, from one pass: layout, episodes, returns, scores, the distribution of every
// dimension, continuity, and what was corrupted on purpose and where.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "datasets/store.h"

namespace hardy::datasets {

// {"path", "format", "rows", "observation_size", "action_size", "episodes", "terminated", "timed_out", "cut",
//  "return": {mean, std, min, max, quantiles: {"0.05", "0.25", "0.5", "0.75", "0.95"}, histogram: {edges,
//  counts}}, null where there are no rewards, "length": likewise,
//  "score": {family, mean, std, min, max} where the name says a task that has reference scores,
//  "returns", "lengths": every episode's, in the file's order, where there are at most 10,000,
//  "along_file": {"episodes_each", "returns", "lengths"}: for drawing, means over so many neighbours, at most
//  400, "time_limit": {steps, source} where a file without timeouts was cut by one, "rewards_corrupted": true
//  where the rewards that all this is about were corrupted on purpose; "clean_return", "clean_score": then,
//  what they would be by the record, "layout": {key: "float32 [N, 11]"}, "columns": {key: [{mean, std, min,
//  max, not_finite, histogram}] by dimension}, "continuity": {"pairs", "broken", "broken_share": by hundredth
//  of the file} where the file has next_observations, "corruption": the manifest or null, "corrupted_share":
//  {element: by hundredth of the file}}
// time_limit: where a file without timeouts cuts its episodes; 0: as time_limit_of says, else nowhere.
nlohmann::json inspect(Reader& reader, std::int64_t time_limit = 0);

// The same without what only a drawing needs: the lists along the file and all histograms but that of the
// returns. What a run keeps of its dataset.
nlohmann::json without_drawings(nlohmann::json summary);

}  // namespace hardy::datasets
