// A run's checkpoints: step_000000012000.ckpt, each written whole or not at all, the last N kept. The
// newest that can be read is the one to go on from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/archive.h"

namespace hardy::run {

class Checkpoints {
 public:
  explicit Checkpoints(std::filesystem::path folder, int keep_last = 3);

  std::filesystem::path path_of(std::int64_t step) const;
  std::vector<std::int64_t> steps() const;  // of the files there, ascending

  // Writes one and then drops what is older than the last N, and whatever claims a later step (the
  // damaged file that a resumed run has passed over). If the write fails all others are still there. A folder
  // that is not there is made.
  void save(std::int64_t step, const ArchiveWriter& checkpoint) const;

  struct Loaded {
    Archive archive;
    std::int64_t step;
    std::vector<std::string> warnings;  // one line for each newer file that could not be used
  };
  // Nothing where there is no checkpoint at all; Error where there are some and none can be used.
  std::optional<Loaded> load_newest(const std::string& kind, int newest_format) const;

 private:
  std::filesystem::path folder_;
  int keep_last_;
};

}  // namespace hardy::run
