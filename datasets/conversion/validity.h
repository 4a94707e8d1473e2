// Rows that nothing can be learnt from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "datasets/episodes.h"
#include "datasets/store.h"

namespace hardy::datasets {

struct Validity {
  std::vector<std::int64_t> rows;                 // that are invalid, ascending
  std::map<std::string, std::int64_t> by_column;  // how many of them each column made so
  std::vector<std::size_t> unreadable;            // episodes that cannot be read, ascending
};

// Invalid is a row with NaN, an infinity or a number beyond float32 in observations, next_observations,
// actions or rewards, or with a flag that is neither 0 nor 1. With `salvage` an episode whose rows of any
// column cannot be read is listed; without, that is an Error.
Validity look_for_invalid_rows(Reader& reader, const std::vector<EpisodeRows>& episodes, bool salvage);

}  // namespace hardy::datasets
