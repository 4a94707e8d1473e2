// A dataset at a glance: rows, episodes, returns, scores, what was corrupted.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/hdf5_file.h"
#include "datasets/reference_scores.h"

namespace hardy::datasets {

// Returns and lengths of the file's episodes: cut at terminals, timeouts, and the end of the file.
struct Episodes {
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
  std::int64_t terminated = 0, timed_out = 0;
};
Episodes episodes_of(const Arrays& arrays);

// {"path", "sha256", "rows", "episodes", "observation_size", "action_size", "return": {mean, std, min, max,
//  histogram: {edges, counts}}, "score": {mean, ...}, "corruption": manifest or null, "columns": {...}}
nlohmann::json summarise(const Arrays& arrays, const std::string& path);

}  // namespace hardy::datasets
