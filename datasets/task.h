// What a dataset says about the task that it was recorded in.
#pragma once

#include <optional>
#include <string>

#include "datasets/reference_scores.h"
#include "datasets/store.h"

namespace hardy::datasets {

// Those that its metadata gives (Minari's ref_min_score and ref_max_score), else those of the task that its
// metadata's dataset_id names ("D4RL/pen/human-v2"), else of the one that its path names: the file's name, or
// of a Minari folder, whose id has up to three parts, the last three; else of its env_id, env_name or env.
std::optional<ReferenceScores> reference_scores(const Reader& reader);

struct TimeLimit {
  int steps = 0;            // 0: not known
  std::string source = "";  // "its metadata's max_episode_steps", "the task that its name says"
};
// Where episodes were cut: max_episode_steps of the file's env_spec (Gymnasium's, as Minari keeps it) or of
// an attribute of that name; else D4RL's for the task that the name or the metadata says.
TimeLimit time_limit_of(const Reader& reader);

}  // namespace hardy::datasets
