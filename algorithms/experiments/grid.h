// A grid of runs: every combination of the values that a configuration gives to its keys, a folder a cell. A
// cell is a run of `hardy train`, or of `hardy regret` where its method is a regret learner. Its name follows
// from its own keys, so that adding values to a grid keeps what is done:
//
//   DIR/grid.ini    what was asked for
//   DIR/cells.jsonl a line a cell: number, name, keys
//   DIR/cells/NAME/ config.ini, run/ (as the command makes it), lock, log.txt, failed.txt
//   DIR/rates.json  how long a step took where it was tried (grid_cost.h)
//   DIR/prepared/   data that several cells learn from (prepared_data.h)
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/experiments/regret_study.h"
#include "algorithms/experiments/training_job.h"

namespace hardy::algorithms {

struct GridCell {
  std::int64_t number = 0;                  // its line in cells.jsonl, from 0
  std::string name;                         // name_of_cell(keys)
  std::map<std::string, std::string> keys;  // as the grid gives them, "method" among them

  const std::string& method() const { return keys.at("method"); }  // with settings of its own, as it is given
  std::string learner() const;  // the method without them: of "riql:alpha=0.5,label=mine", riql
  std::string label() const;    // and what the results call it: mine ('+' for a blank), or all of method()
  bool regret() const;          // else a training
};

// Every combination of an ini file's values, which blanks separate; where the file has sections ([hopper]),
// each of them by itself with what stands above them, whose keys it may give anew. An Error where it names no
// method.
std::vector<GridCell> cells_of(const std::filesystem::path& ini);
// A cell by its method and those of its keys that vary: "riql, corrupt = dynamics".
std::string described(const GridCell& cell, const std::vector<std::string>& varied,
                      const std::string& between = ", ", const std::string& is = " = ");
// The keys that have more than one value in a grid.
std::vector<std::string> varied_keys(const std::vector<GridCell>& cells);
// Errors of all cells that cannot work, in one: unknown methods, keys and values, files that are not there.
void check(const std::vector<GridCell>& cells);
// An Error where two of them differ in `seed` alone and would have a seed both.
void require_seeds_apart(const std::vector<GridCell>& cells);
// Of a cell: its method's name, and ten digits of the SHA-256 of its keys.
std::string name_of_cell(const std::map<std::string, std::string>& keys);
// A cell's keys for its command, wherever it is started: files by their absolute paths.
std::map<std::string, std::string> configuration_of(const GridCell& cell);
// The training that a cell asks for. Errors as of `hardy train`.
std::unique_ptr<TrainingJob> configured_job(const GridCell& cell);
// The study that a regret cell asks for. Errors as of `hardy regret`.
RegretStudySettings study_settings_of(const GridCell& cell);

// What holds the present state of a cell; nothing but its folder is asked.
struct CellState {
  enum class Kind { kWaiting, kRunning, kStopped, kFailed, kDone };
  Kind kind = Kind::kWaiting;
  std::string about;          // who runs it; why it failed
  double steps = 0, of = 0;   // done, and asked for; of a regret study its episodes, of all replicas
  double seconds_a_step = 0;  // 0: not known yet
};
std::string name_of(CellState::Kind kind);

class Grid {
 public:
  // Those of the asked cells that are to be made; null: the folder is new.
  using Choose = std::function<std::vector<GridCell>(const std::vector<GridCell>& asked, const Grid* there)>;
  // Makes the folder, or adds to the one that is there what the ini file has and it lacks.
  static Grid begin(const std::filesystem::path& folder, const std::filesystem::path& ini,
                    const Choose& choose = {});
  static Grid open(const std::filesystem::path& folder);
  // One cell alone, for which the others' lines are not looked into.
  static GridCell read_cell(const std::filesystem::path& folder, std::int64_t number);

  const std::vector<GridCell>& cells() const { return cells_; }
  const std::filesystem::path& folder() const { return folder_; }
  static std::filesystem::path folder_of(const std::filesystem::path& grid, const GridCell& cell) {
    return grid / "cells" / cell.name;
  }
  std::filesystem::path folder_of(const GridCell& cell) const { return folder_of(folder_, cell); }
  CellState state_of(const GridCell& cell) const;

 private:
  explicit Grid(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
  std::vector<GridCell> cells_;
};

// A cell in one process's hands, as long as it lives; the kernel gives it back where the process or its
// machine dies.
class CellLock {
 public:
  explicit CellLock(const std::filesystem::path& cell);
  ~CellLock();
  CellLock(const CellLock&) = delete;
  CellLock& operator=(const CellLock&) = delete;
  bool held() const { return fd_ >= 0; }
  void sign();                                           // writes who holds it, for others
  const std::string& holder() const { return holder_; }  // of another's

 private:
  int fd_ = -1;
  std::string holder_;
};

}  // namespace hardy::algorithms
