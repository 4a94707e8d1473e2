// `hardy grid new, cell, run, status, slurm`: many runs, by whatever starts processes.
#include "algorithms/experiments/grid.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/signals.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;
using algorithms::CellLock;
using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;

int new_command(const std::vector<std::string>& args) {
  std::string folder, config;
  run::Schema schema(
      "grid new",
      "Makes a grid of runs, or adds to one: a folder for every combination of values.\n"
      "FILE has keys of `hardy train` and `method`; a key may have several values, with blanks\n"
      "between. What a grid has already keeps its name, its number and its run.");
  schema.positional("DIR", &folder, "the grid's folder").positional("FILE", &config, "an ini file");
  if (!parse_or_help(schema, args)) return 0;
  const Grid grid = Grid::begin(folder, config);
  const std::vector<std::string> varied = algorithms::varied_keys(grid.cells());
  std::printf("grid: %s, %zu cells (%s)\n", folder.c_str(), grid.cells().size(),
              varied.empty() ? "one combination" : join(varied, " x ").c_str());
  return 0;
}

int cell_command(const std::vector<std::string>& args) {
  std::string folder;
  std::int64_t threads = 0;
  std::vector<std::string> number;
  std::string which;
  run::Schema schema("grid cell",
                     "Does whatever a cell still needs: begins its run, goes on with it, or finds it done.\n"
                     "May be called again and again, and twice at once; exit code 75: stopped, or somebody\n"
                     "else is at it.");
  schema.positional("DIR", &folder, "a grid's folder")
      .positional("N", &which, "the cell's number")
      .option("threads", &threads, "of the run; results do not depend on them; 0: all cores", 0, 1024);
  if (!parse_or_help(schema, args)) return 0;
  if (which.empty() || !std::ranges::all_of(which, [](unsigned char c) { return std::isdigit(c); }) ||
      which.size() > 9)
    throw Error("is no number of a cell", which, "a number from 0");
  const Grid grid = Grid::open(folder);
  const GridCell& cell = grid.cell(std::stoll(which));
  const fs::path own = grid.folder_of(cell);
  CellLock lock(own);
  if (!lock.held()) {
    std::fprintf(stderr, "cell %s is at work: %s\n", which.c_str(), lock.holder().c_str());
    return kStoppedBySignal;
  }
  lock.sign();
  fs::remove(own / "failed.txt");
  std::vector<std::string> words{cell.method(),          "--config",   (own / "config.ini").string(), "--out",
                                 (own / "run").string(), "--or-resume"};
  if (threads > 0) words.insert(words.end(), {"--threads", std::to_string(threads)});
  try {
    const int code = commands().get("train").run(words);
    if (code != 0 && code != kStoppedBySignal)
      run::write_atomically(own / "failed.txt", "every agent was stopped; run/summary.json says why\n");
    return code;
  } catch (const Error& e) {
    run::write_atomically(own / "failed.txt", e.message() + "\n");
    throw;
  }
}

// A child that does one cell, its output appended to the cell's log.txt. It ends, with a checkpoint, where
// this process does.
pid_t start(const Grid& grid, const GridCell& cell, std::int64_t threads) {
  const std::string folder = grid.folder().string(), number = std::to_string(cell.number),
                    own = std::to_string(threads), log = (grid.folder_of(cell) / "log.txt").string();
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) throw Error::failed_run("no process can be started");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kStoppedBySignal);
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0) ::_exit(1);
  const char* words[] = {"hardy",        "grid",      "cell",      folder.c_str(),
                         number.c_str(), "--threads", own.c_str(), nullptr};
  ::execv("/proc/self/exe", const_cast<char**>(words));
  ::_exit(1);
}

int run_command(const std::vector<std::string>& args) {
  std::string folder;
  std::int64_t jobs = 1, threads = 1;
  bool retry = false;
  run::Schema schema(
      "grid run",
      "Works through a grid's cells on this machine. Several machines may do so on one folder;\n"
      "what one of them leaves unfinished when it dies another takes over.");
  schema.positional("DIR", &folder, "a grid's folder")
      .option("jobs", &jobs, "cells at once", 1, 4096)
      .option("threads", &threads, "of each cell", 1, 1024)
      .option("retry-failed", &retry, "cells that failed are tried again");
  if (!parse_or_help(schema, args)) return 0;
  const Grid grid = Grid::open(folder);
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
    for (const GridCell& cell : grid.cells()) {
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
    if (tried.size() == grid.cells().size()) break;
    if (elsewhere) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  const auto done = static_cast<std::size_t>(std::ranges::count_if(grid.cells(), [&](const GridCell& cell) {
    return grid.state_of(cell).kind == CellState::Kind::kDone;
  }));
  std::printf("grid: %s, %zu of %zu cells done\n", folder.c_str(), done, grid.cells().size());
  return done == grid.cells().size() ? 0 : 1;
}

std::string hours_text(double hours) {
  char text[48];
  std::snprintf(text, sizeof text, hours < 1 ? "%.0f minutes" : "%.1f hours", hours < 1 ? 60 * hours : hours);
  return text;
}

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
  std::vector<CellState> states;
  std::map<std::string, std::pair<double, int>> rates;  // seconds a step, by method
  for (const GridCell& cell : grid.cells()) {
    states.push_back(grid.state_of(cell));
    if (states.back().seconds_a_step > 0) {
      auto& [sum, count] = rates[cell.method()];
      sum += states.back().seconds_a_step, ++count;
    }
  }
  std::map<std::string, int> counts;
  nlohmann::json list = nlohmann::json::array();
  double seconds = 0;
  bool known = true;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const GridCell& cell = grid.cells()[i];
    const CellState& s = states[i];
    ++counts[name_of(s.kind)];
    const bool left = s.kind != CellState::Kind::kDone && s.kind != CellState::Kind::kFailed;
    if (left) {
      const auto rate = rates.find(cell.method());
      const auto steps = cell.keys.find("steps");
      const double of = s.of > 0                   ? s.of
                        : steps != cell.keys.end() ? std::strtod(steps->second.c_str(), nullptr)
                                                   : 0;
      if (rate == rates.end() || of <= 0)
        known = false;
      else
        seconds += std::max(0.0, of - s.steps) * rate->second.first / rate->second.second;
    }
    list.push_back({{"number", cell.number},
                    {"name", cell.name},
                    {"state", name_of(s.kind)},
                    {"about", s.about},
                    {"steps", s.steps},
                    {"of", s.of},
                    {"keys", cell.keys}});
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
  std::string text;
  for (const char* name : {"done", "running", "stopped", "failed", "waiting"})
    text += std::string(text.empty() ? "" : ", ") + std::to_string(counts[name]) + " " + name;
  std::printf("%zu cells: %s", states.size(), text.c_str());
  if (seconds > 0)
    std::printf("; %s%s of one job at a time are left, at the rate so far", known ? "" : "at least ",
                hours_text(seconds / 3600).c_str());
  std::printf("\n");
  return 0;
}

int slurm_command(const std::vector<std::string>& args) {
  std::string folder, time = "24:00:00", partition;
  std::int64_t cpus = 1, memory = 4, warning = 120, at_once = 0;
  run::Schema schema(
      "grid slurm",
      "Prints a job script for Slurm: one array, a task a cell. A task that is stopped before its\n"
      "time is over writes its checkpoint and is queued again.");
  schema.positional("DIR", &folder, "a grid's folder, as the nodes see it")
      .option("time", &time, "limit of a task, as sbatch takes it")
      .option("partition", &partition, "to submit to")
      .option("cpus", &cpus, "of a task, and threads of its run", 1, 1024)
      .option("memory", &memory, "of a task, in GB", 1, 100000)
      .option("warning", &warning, "seconds before the limit at which it is stopped", 10, 86400)
      .option("at-once", &at_once, "tasks at the same time, at most; 0: as many as there is room for", 0,
              100000);
  if (!parse_or_help(schema, args)) return 0;
  const Grid grid = Grid::open(folder);
  const std::string there = fs::absolute(folder).lexically_normal().string();
  std::printf("#!/bin/bash\n# %zu cells of %s; submit with: sbatch FILE\n", grid.cells().size(),
              there.c_str());
  std::printf("#SBATCH --job-name=hardy-grid\n#SBATCH --array=0-%zu%s\n", grid.cells().size() - 1,
              at_once > 0 ? ("%" + std::to_string(at_once)).c_str() : "");
  std::printf("#SBATCH --time=%s\n#SBATCH --cpus-per-task=%lld\n#SBATCH --mem=%lldG\n", time.c_str(),
              static_cast<long long>(cpus), static_cast<long long>(memory));
  if (!partition.empty()) std::printf("#SBATCH --partition=%s\n", partition.c_str());
  std::printf(
      "#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --signal=B:TERM@%lld\n#SBATCH "
      "--output=%s/slurm-%%a.log\n\n",
      static_cast<long long>(warning), there.c_str());
  std::printf("'%s' grid cell '%s' \"$SLURM_ARRAY_TASK_ID\" --threads %lld &\n",
              fs::read_symlink("/proc/self/exe").c_str(), there.c_str(), static_cast<long long>(cpus));
  std::printf(
      "child=$!\ntrap 'kill -TERM $child' TERM\nwait $child\ncode=$?\nwhile kill -0 $child 2>/dev/null; do "
      "wait $child; code=$?; done\n"
      "# 75: stopped with a checkpoint, not done\n"
      "[ $code = 75 ] && exec scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\nexit "
      "$code\n");
  return 0;
}

const RegisterCommand make({"grid new", "a folder for every combination of methods and settings",
                            new_command});
const RegisterCommand one({"grid cell", "do what a cell of a grid still needs", cell_command});
const RegisterCommand all({"grid run", "work through a grid's cells here", run_command});
const RegisterCommand look({"grid status", "what is done of a grid, running, failed, left", status_command});
const RegisterCommand script({"grid slurm", "a job script that does a grid", slurm_command});

}  // namespace
}  // namespace hardy::tools
