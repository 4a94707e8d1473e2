// A dataset at a glance: rows, episodes, returns, scores, what was corrupted.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "datasets/hdf5_file.h"

namespace hardy::datasets {

// Returns and lengths of the file's episodes: cut at terminals, timeouts, and the end of the file.
struct Episodes {
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
  std::int64_t terminated = 0, timed_out = 0;
};
Episodes episodes_of(const Arrays& arrays);

// What a normalised score is measured between, for the D4RL task families; the first family whose name
// occurs in `name` (a file or an environment), or none.
struct ReferenceScores {
  std::string family;
  double min, max;
};
std::optional<ReferenceScores> reference_scores(const std::string& name);

// {"path", "sha256", "rows", "episodes", "observation_size", "action_size", "return": {mean, std, min, max,
//  histogram: {edges, counts}}, "score": {mean, ...}, "corruption": manifest or null, "columns": {...}}
nlohmann::json summarise(const Arrays& arrays, const std::string& path);

}  // namespace hardy::datasets
