// Which rows of one or several datasets a conversion keeps: whole episodes, or what is left of them where
// rows are invalid.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "datasets/episodes.h"
#include "datasets/store.h"

namespace hardy::datasets {

struct SelectionSettings {
  // Rows that hold NaN, an infinity or a number beyond float32 in observations, next_observations, actions or
  // rewards, or a flag that is neither 0 nor 1. drop_invalid leaves such rows out and cuts their episodes
  // there; skip_bad_episodes leaves out every episode that has one, or that cannot be read.
  bool drop_invalid = false, skip_bad_episodes = false;
  std::string filter = "";  // an Expression over episode_names(); empty: all
  std::string best = "";    // "10%" or "50": of the episodes, those of the highest return; empty: all
  std::string sample = "";  // "100" or "100episodes": so many episodes; "5000rows": episodes, drawn one after
                            // the other, until they hold so many rows; empty: all
  std::uint64_t seed = 0;   // of the sample
  std::int64_t time_limit = 0;  // where a file without timeouts cuts its episodes; 0: as time_limit_of() says
  bool any() const {
    return drop_invalid || skip_bad_episodes || !filter.empty() || !best.empty() || !sample.empty();
  }
};

// What --filter may name: return, score, length, ... ; and a line about each for the help.
std::vector<std::pair<std::string, std::string>> episode_names();

// The episodes of a dataset as a selection sees them. Errors: no terminals.
std::vector<EpisodeRows> episodes_of(Reader& reader, const SelectionSettings& settings);

// Errors: what cannot be read as a share or a number, before any file is looked at.
void check(const SelectionSettings& settings);

// Rows [begin, end) of input `input`, an episode or a part of one.
struct KeptEpisode : EpisodeRows {
  std::size_t input = 0;
  std::int64_t number = 0;  // of the episode in its input
  bool cut = false;         // rows that followed in its episode were left out
};
struct Selection {
  std::vector<KeptEpisode> episodes;         // in the order of the inputs and their rows
  std::vector<std::int64_t> input_episodes;  // how many each input has
  // One record for each thing that was asked for: "what", "episodes" and "rows" that went in and came out,
  // and its particulars; "text" says it in a line.
  std::vector<nlohmann::json> steps;
};
// Walks the inputs, by pieces. Errors: no terminals, nothing left, more asked for than there is, a score of a
// task that is not known.
Selection select(const std::vector<std::unique_ptr<Reader>>& inputs, const SelectionSettings& settings);

}  // namespace hardy::datasets
