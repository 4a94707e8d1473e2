// A page about a grid: what is done, one number a method with its interval, a chart an axis, every cell.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "algorithms/experiments/regret_results.h"

namespace hardy::report {

// Whether a folder is what `hardy grid new` made.
bool is_grid(const std::filesystem::path& folder);

struct GridTables {
  std::string page;                                 // HTML
  std::string text;                                 // for a terminal
  std::string csv;                                  // a line a cell and seed, or replica
  std::string latex;                                // tasks down, methods across: mean ± standard error
  std::optional<algorithms::RegretResults> regret;  // of the regret studies among the cells
};
// by: the key that is compared ("method"); what else varies makes tasks, seeds are runs. An Error where
// nothing is done.
GridTables grid_tables(const std::filesystem::path& folder, const std::string& by);

}  // namespace hardy::report
