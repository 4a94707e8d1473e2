// A page about a grid: what is done, one number a method with its interval, a chart an axis, every cell.
#pragma once

#include <filesystem>
#include <string>

namespace hardy::report {

// Whether a folder is what `hardy grid new` made.
bool is_grid(const std::filesystem::path& folder);

struct GridTables {
  std::string page;   // HTML
  std::string text;   // for a terminal
  std::string csv;    // a line a cell and seed
  std::string latex;  // tasks down, methods across: mean ± standard error
};
// by: the key that is compared ("method"); what else varies makes tasks, seeds are runs. An Error where
// nothing is done.
GridTables grid_tables(const std::filesystem::path& folder, const std::string& by);

}  // namespace hardy::report
