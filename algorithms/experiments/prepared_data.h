// Data as runs learn from them, read, checked, cut into transitions and corrupted: made once and kept in a
// folder under the SHA-256 of their full description (which files, as they are now; which view, which
// corruption; which version of hardy), so that a grid's cells need not each make them again.
//
//   HASH.data  an archive (engine/run/archive.h)     HASH.lock  held by who makes it; others wait
//   log.txt    a line for each that was made: what, when, by whom
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/action_space.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"

namespace hardy::algorithms {

struct PreparedData {
  datasets::Transitions transitions;
  nlohmann::json summary;          // what run.json says of the dataset
  std::vector<std::string> made;   // columns that the file lacks and the method does without
  std::vector<std::string> notes;  // of the file
  datasets::ActionSpace space;
};

// A place for one description. Whoever makes data holds a lock of the kernel's until they are kept, and
// others wait for it; it ends with the process. Files appear whole, by a rename. Where the folder cannot be
// written, nothing is kept, and trouble() says so.
class PreparedPlace {
 public:
  // folder "": nothing is kept, nothing found. One that holds other things (a dataset, a run) is refused.
  PreparedPlace(const std::filesystem::path& folder, const nlohmann::json& description);
  ~PreparedPlace();
  PreparedPlace(const PreparedPlace&) = delete;
  PreparedPlace& operator=(const PreparedPlace&) = delete;

  std::optional<PreparedData> found() const;  // a damaged file is none
  void keep(const PreparedData& data);
  const std::string& trouble() const { return trouble_; }

 private:
  std::filesystem::path folder_;
  std::string name_, about_, trouble_;
  int lock_ = -1;
};

// The files of a dataset as they are now: names, sizes, times of their last change.
nlohmann::json files_of_dataset(const std::string& name);

}  // namespace hardy::algorithms
