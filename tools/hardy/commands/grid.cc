// `hardy grid new, cell, slurm`: many runs, by whatever starts processes.
#include "algorithms/experiments/grid.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "algorithms/experiments/training_job.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/grid_text.h"
#include "tools/hardy/plugins.h"
#include "tools/hardy/signals.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;
using algorithms::CellLock;
using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;
using algorithms::GridCosts;

int new_command(const std::vector<std::string>& args) {
  std::string folder, config;
  double budget = 0;
  std::int64_t jobs = 1, threads = 1;
  run::Schema schema(
      "grid new",
      "Makes a grid of runs, or adds to one: a folder for every combination of values.\n"
      "FILE has keys of `hardy train` and `method`, or of `hardy regret` for its learners; a key may have\n"
      "several values, with blanks between. What a grid has already keeps its name, its number and its run.");
  schema.positional("DIR", &folder, "the grid's new folder, or one to add to")
      .positional("FILE", &config, "an ini file")
      .option(
          "budget", &budget,
          "hours that may be spent here: only the rows of the comparison that fit are made, whole rows (all "
          "methods) in the grid's order, each seed on all of them before the next; 0: all",
          0, 1e6)
      .option("jobs", &jobs, "of the budget: cells at once", 1, 4096)
      .option("threads", &threads, "of the budget: of each cell", 1, 1024);
  if (!parse_or_help(schema, args)) return 0;
  std::optional<GridCosts> costs;
  const auto chosen = [&](const std::vector<GridCell>& asked, const Grid* there) {
    std::map<std::string, CellState> states;
    if (there != nullptr)
      for (const GridCell& cell : there->cells()) states[cell.name] = there->state_of(cell);
    std::vector<CellState> of_asked;
    for (const GridCell& cell : asked) of_asked.push_back(states[cell.name]);
    costs.emplace(asked, of_asked, folder, static_cast<int>(threads));
    costs->measure();
    std::vector<GridCell> some;
    const std::vector<std::size_t> cells = cells_within(*costs, budget, jobs);
    for (const std::size_t i : cells) some.push_back(asked[i]);
    std::printf("cost: %s\n", cost_text(*costs, cells, jobs).c_str());
    return some;
  };
  const Grid grid = Grid::begin(folder, config, budget > 0 ? Grid::Choose(chosen) : Grid::Choose());
  if (costs) costs->keep(folder);
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
  const GridCell cell = Grid::read_cell(folder, std::stoll(which));
  const fs::path own = Grid::folder_of(folder, cell);
  CellLock lock(own);
  if (!lock.held()) {
    std::fprintf(stderr, "cell %s is at work: %s\n", which.c_str(), lock.holder().c_str());
    return kStoppedBySignal;
  }
  lock.sign();
  fs::remove(own / "failed.txt");
  std::vector<std::string> words{"--config", (own / "config.ini").string(), "--out", (own / "run").string(),
                                 "--or-resume"};
  if (!cell.regret()) {
    words.insert(words.begin(), cell.learner());
    if (algorithms::make_training_job(cell.learner())->schema().has("prepared"))
      words.insert(words.end(), {"--prepared", (fs::path(folder) / "prepared").string()});
  }
  if (threads > 0) words.insert(words.end(), {"--threads", std::to_string(threads)});
  try {
    const int code = commands().get(cell.regret() ? "regret" : "train").run(words);
    if (code != 0 && code != kStoppedBySignal)
      run::write_atomically(own / "failed.txt", "every agent was stopped; run/summary.json says why\n");
    return code;
  } catch (const Error& e) {
    run::write_atomically(own / "failed.txt", e.message() + "\n");
    throw;
  }
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
  std::string plugins;
  for (const std::string& plugin : loaded_plugins()) plugins += " --plugin '" + plugin + "'";
  std::printf("'%s'%s grid cell '%s' \"$SLURM_ARRAY_TASK_ID\" --threads %lld &\n",
              fs::read_symlink("/proc/self/exe").c_str(), plugins.c_str(), there.c_str(),
              static_cast<long long>(cpus));
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
const RegisterCommand script({"grid slurm", "a job script that does a grid", slurm_command});

}  // namespace
}  // namespace hardy::tools
