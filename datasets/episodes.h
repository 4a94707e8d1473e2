// Where a dataset's episodes begin and end.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

struct EpisodeRows {
  std::int64_t begin = 0, end = 0;  // rows [begin, end)
  bool terminated = false;          // the last row is terminal: nothing follows it
  bool timed_out = false;           // the last row is at a time limit, and not terminal
  std::int64_t size() const { return end - begin; }
};

// Episodes end at terminals, at timeouts, and at the end of the file (a last one that neither flag ends
// was cut). Errors: no terminals, flags of another shape. max_episode_steps: where a file without timeouts
// cuts; 0: nowhere.
std::vector<EpisodeRows> find_episodes(Reader& reader, std::int64_t max_episode_steps = 0);

// Whether a flag of any numeric type is set in rows [first, first + rows): whatever is not zero, as NumPy's
// bool.
std::vector<std::uint8_t> read_flags(Reader& reader, const Column& column, std::int64_t first,
                                     std::int64_t rows);

}  // namespace hardy::datasets
