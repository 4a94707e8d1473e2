// What commands about grids print for people.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "algorithms/experiments/grid_cost.h"

namespace hardy::tools {

std::string hours_text(double hours);  // "12 minutes", "3.5 hours"
// "3 done, 1 running, 0 stopped, 0 failed, 14 waiting"
std::string counts_text(const std::map<std::string, int>& counts);
std::vector<algorithms::CellState> states_of(const algorithms::Grid& grid);

// What is left of some cells: "14 cells are left, 280,000 steps: 12 minutes of one at a time, 6 minutes with
// --jobs 2".
std::string cost_text(const algorithms::GridCosts& costs, const std::vector<std::size_t>& cells,
                      std::int64_t jobs);
// Those that a budget of hours pays for where so many are at work at once; all for hours <= 0. Says what it
// chose. An Error where it pays for nothing.
std::vector<std::size_t> cells_within(const algorithms::GridCosts& costs, double hours, std::int64_t jobs);

}  // namespace hardy::tools
