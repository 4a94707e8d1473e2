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

#include "datasets/store.h"

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

// Rows [first, first + rows) of the columns that a D4RL file has, as float64; empty where the file lacks one.
struct AuditPiece {
  std::int64_t first = 0, rows = 0;
  bool last = false;  // the file's last piece
  std::vector<double> observations, next_observations, actions, rewards, terminals, timeouts;
};

// What is known before the rows are read.
struct AuditedFile {
  Reader& reader;
  std::int64_t rows = 0;
  std::size_t observation_size = 0, action_size = 0;
  bool has_next = false, has_timeouts = false;
};

class Check {
 public:
  virtual ~Check() = default;
  virtual void see(const AuditPiece&) {}
  virtual std::vector<Finding> findings() = 0;  // after the last piece; `check` is filled in by the audit
};

struct RegisterCheck {
  RegisterCheck(const char* name, const char* about, std::unique_ptr<Check> (*make)(const AuditedFile&));
};
std::vector<std::pair<std::string, std::string>> audit_checks();  // name, what it looks for

struct Audit {
  std::int64_t rows = 0;
  std::vector<Finding> findings;  // the gravest first
  std::vector<std::string> checks;
  bool corrupted_on_purpose = false;
};
// Errors where the file cannot be opened at all are findings too (check "file"): path_findings. A column that
// is missing, or has another length or rank, is a finding, and the checks that need it are not run.
Audit audit(const std::string& path);

nlohmann::json to_json(const Audit& audit);

}  // namespace hardy::datasets
