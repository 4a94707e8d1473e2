// An audit: what is wrong with a dataset, each problem with a count, its first rows and its severity.
//
// A check is a class in a file of its own that registers itself; it sees the dataset piece by piece, in row
// order, so that a file larger than memory can be audited.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/robust.h"
#include "datasets/store.h"
#include "datasets/walk.h"

namespace hardy::datasets {

enum class Severity {
  kError,    // training on it fails or is wrong
  kWarning,  // some loaders or methods go wrong on it
  kNote      // worth knowing
};
const char* name_of(Severity severity);

struct Finding {
  std::string check;  // the name of the check that found it
  Severity severity = Severity::kNote;
  std::string column;  // "" where it concerns the file
  std::string text;    // "next_observations differ from the following row's observations"
  std::string advice;  // what would be right
  std::int64_t count = 0;
  std::vector<std::int64_t> first_rows = {};  // up to kFirstRows
};
inline constexpr std::size_t kFirstRows = 5;

// One problem as it is counted.
struct Tally {
  std::int64_t count = 0;
  std::vector<std::int64_t> first_rows;
  void add(std::int64_t row) {
    ++count;
    if (first_rows.size() < kFirstRows) first_rows.push_back(row);
  }
};

// Of rows that lie far out by a threshold that rare motion of clean data passes too: a warning where they are
// more than one row in a thousand, or one of them is four times as far out as the threshold.
Severity severity_of_far_rows(std::int64_t count, std::int64_t rows, double most, double threshold);
// What is said of them as a note.
inline constexpr const char* kRare =
    "so few may be rare motion: look at these rows before anything is clipped or dropped";

// What is known before the rows are read.
struct AuditedFile {
  Reader& reader;
  std::int64_t rows = 0;
  std::size_t observation_size = 0, action_size = 0;
  bool has_next = false, has_timeouts = false;
  // From a sample of the rows; empty where the file lacks the column. next_observations are held against
  // observations', whose copies they are.
  Usual observations, actions, rewards;
};

class Check {
 public:
  virtual ~Check() = default;
  virtual void see(const RowPiece&) {}
  virtual std::vector<Finding> findings() = 0;  // after the last piece; `check` is filled in by the audit
};

struct RegisterCheck {
  RegisterCheck(const char* name, const char* about, std::unique_ptr<Check> (*make)(const AuditedFile&));
};
std::vector<std::pair<std::string, std::string>> audit_checks();  // name, what it looks for
// What no check can see, in a line.
inline constexpr const char* kUnseen =
    "no audit sees what fits its neighbours: negated or rescaled rewards, delayed actions, small noise in "
    "both "
    "copies of a state";

struct Audit {
  std::int64_t rows = 0;
  std::vector<Finding> findings;  // the gravest first
  std::vector<std::string> checks;
  std::vector<std::string> notes;  // the reader's: what is left out, or shown otherwise than it is stored
  bool corrupted_on_purpose = false;
};
// Errors where the file cannot be opened at all are findings too (check "file"): path_findings. A column that
// is missing, or has another length or rank, is a finding, and the checks that need it are not run.
Audit audit(const std::string& path);
// Of what can be read: arrays in memory (datasets/memory.h).
Audit audit(Reader& reader);

nlohmann::json to_json(const Audit& audit);

}  // namespace hardy::datasets
