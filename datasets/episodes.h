// Where a dataset's episodes begin and end, how they ended, and what they returned.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "datasets/store.h"
#include "datasets/walk.h"

namespace hardy::datasets {

class Patch;

struct EpisodeRows {
  std::int64_t begin = 0, end = 0;  // rows [begin, end)
  bool terminated = false;          // the last row is terminal: nothing follows it
  bool timed_out = false;           // the last row is at a time limit, and not terminal
  std::int64_t size() const { return end - begin; }
};

// Cuts a file into episodes from its flags, which come by pieces in order: at terminals, at timeouts, and at
// the end of the file (a last one that neither flag ends was cut).
class EpisodeCutter {
 public:
  // max_episode_steps: where a file without timeouts cuts; 0: nowhere.
  EpisodeCutter(std::int64_t rows, std::int64_t max_episode_steps) : rows_(rows), most_(max_episode_steps) {}
  // Whether the next row is its episode's last; timeout: null in a file without timeouts.
  bool ends(bool terminal, const bool* timeout);
  const std::vector<EpisodeRows>& episodes() const { return episodes_; }

 private:
  std::int64_t rows_, most_;
  EpisodeRows now_;
  std::vector<EpisodeRows> episodes_;
};

// Errors: no terminals, flags of another shape.
std::vector<EpisodeRows> find_episodes(Reader& reader, std::int64_t max_episode_steps = 0);

// Whether a flag of any numeric type is set in rows [first, first + rows): whatever is not zero, as NumPy's
// bool.
std::vector<std::uint8_t> read_flags(Reader& reader, const Column& column, std::int64_t first,
                                     std::int64_t rows);

struct Episodes {
  std::vector<EpisodeRows> rows;
  std::vector<double> returns;             // undiscounted sums of the rewards; empty where there are none
  std::vector<double> discounted_returns;  // sum of gamma^t r_t, t from the episode's first row
  // Of a file whose rewards were corrupted on purpose: what they would be by the record. Else empty.
  std::vector<double> clean_returns;
};
// Adds them up as a walk over the file's rewards and flags goes on. Memory: 48 bytes an episode.
class EpisodeReturns {
 public:
  // manifest: of corruption_manifest; may be null.
  EpisodeReturns(Reader& reader, const nlohmann::json& manifest, const WalkedColumns& columns,
                 std::int64_t max_episode_steps, double gamma = 1);
  ~EpisodeReturns();
  std::vector<bool> see(const RowPiece& piece);  // which of its rows are their episodes' last
  Episodes result();

 private:
  // What the record of a corruption says the rewards of a piece were; empty where rewards were not corrupted.
  std::vector<double> clean(const RowPiece& piece);

  const Column* rewards_;
  EpisodeCutter cutter_;
  std::vector<Patch> patches_;
  Episodes all_;
  double gamma_, weight_ = 1, total_ = 0, discounted_ = 0, clean_total_ = 0;
};
// Of a file that check_d4rl accepts.
Episodes episodes_of(Reader& reader, std::int64_t max_episode_steps = 0, double gamma = 1);

}  // namespace hardy::datasets
