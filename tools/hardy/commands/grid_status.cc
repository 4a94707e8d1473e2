// `hardy grid status`: what is done of a grid, what is not, and how long that will take.
#include <cstdio>
#include <map>
#include <optional>

#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/grid_text.h"

namespace hardy::tools {
namespace {

using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;

int status_command(const std::vector<std::string>& args) {
  std::string folder;
  bool as_json = false, all = false;
  run::Schema schema(
      "grid status",
      "What is done of a grid, what is running and where, what failed and why, and what is left.");
  schema.positional("DIR", &folder, "a grid's folder")
      .option("all", &all, "a line a cell, not only for those that run, stopped or failed")
      .option("json", &as_json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const Grid grid = Grid::open(folder);
  const std::vector<std::string> varied = algorithms::varied_keys(grid.cells());
  const std::vector<CellState> states = states_of(grid);
  const algorithms::GridCosts costs(grid.cells(), states, folder, 1);
  std::map<std::string, int> counts;
  nlohmann::json list = nlohmann::json::array();
  double seconds = 0;
  bool known = true;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const GridCell& cell = grid.cells()[i];
    const CellState& s = states[i];
    ++counts[name_of(s.kind)];
    const std::optional<double> left = costs.seconds_left(i);
    seconds += left.value_or(0);
    known = known && left;
    list.push_back({{"number", cell.number},
                    {"name", cell.name},
                    {"state", name_of(s.kind)},
                    {"about", s.about},
                    {"steps", s.steps},
                    {"of", s.of > 0 ? s.of : costs.steps_left(i)},
                    {"hours_left", nullptr},
                    {"keys", cell.keys}});
    if (left) list.back()["hours_left"] = *left / 3600;
    const bool shown = all || s.kind == CellState::Kind::kRunning || s.kind == CellState::Kind::kStopped ||
                       s.kind == CellState::Kind::kFailed;
    if (!as_json && shown)
      std::printf("%5lld  %-8s %s%s%s\n", static_cast<long long>(cell.number), name_of(s.kind).c_str(),
                  algorithms::described(cell, varied, "  ", "=").c_str(), s.about.empty() ? "" : "   ",
                  s.about.c_str());
  }
  if (as_json) {
    nlohmann::json result{{"cells", list}, {"counts", counts}, {"hours_left_on_one", nullptr}};
    if (known) result["hours_left_on_one"] = seconds / 3600;
    std::printf("%s\n", run::json_text(result).c_str());
    return 0;
  }
  std::printf("%zu cells: %s", states.size(), counts_text(counts).c_str());
  if (seconds > 0)
    std::printf("; %s%s of one job at a time are left, at the rate so far", known ? "" : "at least ",
                hours_text(seconds / 3600).c_str());
  std::printf("\n");
  return 0;
}

const RegisterCommand look({"grid status", "what is done of a grid, running, failed, left", status_command});

}  // namespace
}  // namespace hardy::tools
