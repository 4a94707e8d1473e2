// What the cells of a grid will take here, in steps and seconds, and which of them a budget of hours pays
// for.
//
// A step of a cell is as long as that of cells like it: those with the same keys but for seeds, numbers of
// steps and what is done to the data. Its rate is that of the cells like it that are done or have been at
// work; before there are any, that of a short timed beginning here, which DIR/rates.json keeps for each
// machine and number of threads; else that of cells of the same method.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/experiments/grid.h"

namespace hardy::algorithms {

struct Rate {
  double start = 0;   // seconds before the first step: data are read, networks made
  double a_step = 0;  // seconds
};
// Plays the first steps of a cell, for about a tenth of a second after the first that learns, and writes
// nothing. A token policy's evaluations are in the rate; episodes that a thread of its own plays meanwhile
// are not. Errors are the cell's own.
Rate rate_here(const GridCell& cell, int threads);
double steps_of(const GridCell& cell);  // that its configuration asks for

class GridCosts {
 public:
  // states: of the cells, in their order. folder: the grid's, for rates.json; it may not be there.
  GridCosts(std::vector<GridCell> cells, std::vector<CellState> states, const std::filesystem::path& folder,
            int threads);
  // Tries a cell of every kind whose rate is not known, for about `most` seconds in all.
  void measure(double most = 20);
  // Leaves what was measured in the folder, beside what others left.
  void keep(const std::filesystem::path& folder) const;

  double steps_left(std::size_t cell) const;  // 0 of a cell that is done or has failed
  std::optional<double> seconds_left(std::size_t cell) const;
  const std::vector<GridCell>& cells() const { return cells_; }

 private:
  bool left(std::size_t cell) const;
  std::optional<Rate> rate_of(std::size_t cell) const;

  std::vector<GridCell> cells_;
  std::vector<CellState> states_;
  std::vector<std::string> kinds_;  // of each cell
  std::vector<double> steps_;       // that each asks for
  std::map<std::string, Rate> seen_, tried_, of_method_;
  std::string here_;  // machine and threads
  int threads_;
};

// Cells within a budget. A row is what one comparison needs: all values of `by` on one combination of all
// other keys. Rows go by their seed first (every comparison with one seed, before any has two), then as the
// grid has them; from the first row that does not fit on none is taken, so that no cell stands without its
// rivals.
struct Affordable {
  std::vector<std::size_t> cells;  // in the grid's order; those that have nothing left are among them
  std::size_t rows = 0, of = 0;
  double seconds = 0, next = 0;  // of these; of the first row that is left out
};
Affordable within(const GridCosts& costs, double seconds, const std::string& by = "method");

}  // namespace hardy::algorithms
