// `hardy grid run`: a grid's cells on this machine, each a process of its own.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/error.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/grid_text.h"
#include "tools/hardy/plugins.h"
#include "tools/hardy/signals.h"

namespace hardy::tools {
namespace {

using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;

// A child that does one cell, its output appended to the cell's log.txt. It ends, with a checkpoint, where
// this process does.
pid_t start(const Grid& grid, const GridCell& cell, std::int64_t threads) {
  const std::string log = (grid.folder_of(cell) / "log.txt").string();
  std::vector<std::string> words{"hardy"};
  for (const std::string& plugin : loaded_plugins()) words.insert(words.end(), {"--plugin", plugin});
  words.insert(words.end(), {"grid", "cell", grid.folder().string(), std::to_string(cell.number), "--threads",
                             std::to_string(threads)});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) throw Error::failed_run("no process can be started");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kStoppedBySignal);
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0) ::_exit(1);
  ::execv("/proc/self/exe", pointers.data());
  ::_exit(1);
}

// What is to be run, its cost said first.
std::vector<const GridCell*> chosen_cells(const Grid& grid, double budget, std::int64_t jobs,
                                          std::int64_t threads, bool retry) {
  std::vector<CellState> states = states_of(grid);
  for (CellState& state : states)
    if (retry && state.kind == CellState::Kind::kFailed) state.kind = CellState::Kind::kStopped;
  algorithms::GridCosts costs(grid.cells(), states, grid.folder(), static_cast<int>(threads));
  costs.measure();
  costs.keep(grid.folder());
  const std::vector<std::size_t> cells = cells_within(costs, budget, jobs);
  std::printf("cost: %s\n", cost_text(costs, cells, jobs).c_str());
  std::fflush(stdout);
  std::vector<const GridCell*> chosen;
  for (const std::size_t i : cells) chosen.push_back(&grid.cells()[i]);
  return chosen;
}

int run_command(const std::vector<std::string>& args) {
  std::string folder;
  std::int64_t jobs = 1, threads = 1;
  double budget = 0;
  bool retry = false;
  run::Schema schema(
      "grid run",
      "Works through a grid's cells on this machine. Several machines may do so on one folder;\n"
      "what one of them leaves unfinished when it dies another takes over.");
  schema.positional("DIR", &folder, "a grid's folder")
      .option("jobs", &jobs, "cells at once", 1, 4096)
      .option("threads", &threads, "of each cell", 1, 1024)
      .option(
          "budget", &budget,
          "hours that may be spent here: only the rows of the comparison that fit are run, whole rows (all "
          "methods) in the grid's order, each seed on all of them before the next; 0: all",
          0, 1e6)
      .option("retry-failed", &retry, "cells that failed are tried again");
  if (!parse_or_help(schema, args)) return 0;
  const Grid grid = Grid::open(folder);
  const std::vector<const GridCell*> chosen = chosen_cells(grid, budget, jobs, threads, retry);
  std::map<pid_t, const GridCell*> at_work;
  std::set<std::int64_t> tried;  // here, to their end or their failure
  const auto reap = [&](bool wait) {
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, wait ? 0 : WNOHANG);
    if (child <= 0) return false;
    const auto found = at_work.find(child);
    if (found == at_work.end()) return true;
    const GridCell& cell = *found->second;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != kStoppedBySignal) tried.insert(cell.number);
    if (code != 0 && code != kStoppedBySignal) {
      const CellState state = grid.state_of(cell);
      std::fprintf(stderr, "cell %lld failed: %s\n", static_cast<long long>(cell.number),
                   state.about.empty() ? "see its log.txt" : state.about.c_str());
    }
    at_work.erase(found);
    return true;
  };
  for (;;) {
    bool elsewhere = false;
    for (const GridCell* each : chosen) {
      const GridCell& cell = *each;
      if (std::ranges::any_of(at_work, [&](const auto& w) { return w.second == &cell; })) continue;
      if (tried.contains(cell.number)) continue;
      const CellState state = grid.state_of(cell);
      if (state.kind == CellState::Kind::kDone || (state.kind == CellState::Kind::kFailed && !retry)) {
        tried.insert(cell.number);
        continue;
      }
      if (state.kind == CellState::Kind::kRunning) {
        elsewhere = true;
        continue;
      }
      while (static_cast<std::int64_t>(at_work.size()) >= jobs) reap(true);
      at_work[start(grid, cell, threads)] = &cell;
    }
    while (!at_work.empty()) reap(true);
    if (tried.size() == chosen.size()) break;
    if (elsewhere) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  const auto is_done = [&](const GridCell& cell) {
    return grid.state_of(cell).kind == CellState::Kind::kDone;
  };
  const auto done = std::ranges::count_if(grid.cells(), is_done);
  std::printf("grid: %s, %td of %zu cells done\n", folder.c_str(), done, grid.cells().size());
  return std::ranges::all_of(chosen, [&](const GridCell* cell) { return is_done(*cell); }) ? 0 : 1;
}

const RegisterCommand all({"grid run", "work through a grid's cells here", run_command});

}  // namespace
}  // namespace hardy::tools
