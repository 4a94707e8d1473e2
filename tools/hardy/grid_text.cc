#include "tools/hardy/grid_text.h"

#include <cmath>
#include <cstdio>
#include <numeric>

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::tools {

std::string hours_text(double hours) {
  char text[48];
  if (hours * 3600 < 90)
    std::snprintf(text, sizeof text, "%.0f s", std::ceil(hours * 3600));
  else
    std::snprintf(text, sizeof text, hours < 1 ? "%.0f minutes" : "%.1f hours",
                  hours < 1 ? 60 * hours : hours);
  return text;
}

std::string counts_text(const std::map<std::string, int>& counts) {
  std::string text;
  for (const char* name : {"done", "running", "stopped", "failed", "waiting"}) {
    const auto found = counts.find(name);
    text +=
        (text.empty() ? "" : ", ") + std::to_string(found == counts.end() ? 0 : found->second) + " " + name;
  }
  return text;
}

std::vector<algorithms::CellState> states_of(const algorithms::Grid& grid) {
  std::vector<algorithms::CellState> states;
  for (const algorithms::GridCell& cell : grid.cells()) states.push_back(grid.state_of(cell));
  return states;
}

std::string cost_text(const algorithms::GridCosts& costs, const std::vector<std::size_t>& cells,
                      std::int64_t jobs) {
  double steps = 0, seconds = 0;
  std::int64_t left = 0, unknown = 0;
  for (const std::size_t i : cells) {
    if (costs.steps_left(i) <= 0) continue;
    ++left;
    steps += costs.steps_left(i);
    const std::optional<double> time = costs.seconds_left(i);
    seconds += time.value_or(0);
    unknown += !time;
  }
  if (left == 0) return "nothing is left";
  std::string text = std::to_string(left) + (left == 1 ? " cell is left, " : " cells are left, ") +
                     grouped_text(std::llround(steps)) + " steps: ";
  if (unknown == left) return text + "how long they take is not known";
  text += (unknown > 0 ? "more than " : "about ") + hours_text(seconds / 3600) + " of one at a time";
  if (jobs > 1)
    text += ", " + hours_text(seconds / 3600 / static_cast<double>(std::min(jobs, left))) + " with --jobs " +
            std::to_string(jobs);
  return text;
}

std::vector<std::size_t> cells_within(const algorithms::GridCosts& costs, double hours, std::int64_t jobs) {
  std::vector<std::size_t> all(costs.cells().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (hours <= 0) return all;
  for (const std::size_t i : all)
    if (!costs.seconds_left(i))
      throw Error("how long cell " + std::to_string(i) + " takes could not be measured",
                  "--budget " + to_text(hours), "run without a budget; the cell's log.txt will say why");
  const double each = static_cast<double>(jobs);
  const algorithms::Affordable chosen = algorithms::within(costs, hours * 3600 * each);
  if (chosen.cells.empty())
    throw Error("does not pay for the first row of the comparison, which takes about " +
                    hours_text(chosen.next / 3600 / each),
                "--budget " + to_text(hours), "more hours, fewer steps or fewer methods");
  std::printf(
      "budget: about %s of %s: %zu of %zu rows of the comparison (all methods on one combination and "
      "seed), %zu of %zu cells\n",
      hours_text(chosen.seconds / 3600 / each).c_str(), hours_text(hours).c_str(), chosen.rows, chosen.of,
      chosen.cells.size(), all.size());
  return chosen.cells;
}

}  // namespace hardy::tools
