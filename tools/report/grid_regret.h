// The regret studies among a grid's cells, put together: methods (or another key's values) as lines, K from
// several cells as one curve, seeds as further replicas.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/experiments/grid.h"
#include "algorithms/experiments/regret_results.h"

namespace hardy::report {

std::string value_of(const algorithms::GridCell& cell, const std::string& key);  // "" where it has none
std::string csv_field(const std::string& text);
std::string exact(double value);  // all digits; "" of what is no number
std::string latex_text(const std::string& text);

// Of the cells that are done. Nothing where none is.
std::optional<algorithms::RegretResults> regret_of_grid(const algorithms::Grid& grid,
                                                        const std::vector<algorithms::CellState>& states,
                                                        const std::string& by);
// Every replica of a done cell.
struct Replica {
  std::int64_t seed = 0;  // as the cell counts them, before its K's own are added
  double episodes = 0, regret = 0;
};
std::vector<Replica> replicas_of(const algorithms::Grid& grid, const algorithms::GridCell& cell);
// A table for each study: lines down, K across: mean ± standard error, and the exponent.
std::string regret_latex(const algorithms::RegretResults& results);

}  // namespace hardy::report
