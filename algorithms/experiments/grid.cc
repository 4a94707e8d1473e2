#include "algorithms/experiments/grid.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/file_lock.h"
#include "engine/run/ini.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "engine/run/temporary.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using Keys = std::map<std::string, std::string>;

void write_cells(const fs::path& folder, const std::vector<GridCell>& cells, std::size_t first) {
  std::string table;
  for (const GridCell& cell : cells)
    table += run::json_text({{"number", cell.number}, {"name", cell.name}, {"keys", cell.keys}}, -1) + "\n";
  for (std::size_t i = first; i < cells.size(); ++i) {
    const fs::path own = folder / "cells" / cells[i].name;
    fs::create_directories(own);
    std::string config = "# cell " + std::to_string(cells[i].number) + ": hardy " +
                         (cells[i].regret() ? "regret" : "train " + cells[i].learner()) + "\n";
    for (const auto& [key, value] : configuration_of(cells[i]))
      config += key + " = " + run::ini_value(value) + "\n";
    run::write_atomically(own / "config.ini", config);
  }
  run::write_atomically(folder / "cells.jsonl", table);  // last: what it names is there
}

// The last whole line of a file that may be long and is being written.
std::string last_line(const fs::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const auto size = static_cast<std::int64_t>(in.tellg());
  std::string tail(static_cast<std::size_t>(std::min<std::int64_t>(size, 1 << 16)), '\0');
  in.seekg(size - static_cast<std::int64_t>(tail.size()));
  in.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  const std::size_t end = tail.find_last_of('\n');
  if (end == std::string::npos || end == 0) return "";
  const std::size_t before = tail.find_last_of('\n', end - 1);
  return tail.substr(before == std::string::npos ? 0 : before + 1,
                     end - (before == std::string::npos ? 0 : before + 1));
}

std::string contents(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string written_in(const fs::path& lock) {
  std::string holder = contents(lock);
  if (holder.ends_with('\n')) holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

// Who works at a cell; "" for nobody. Nothing is written.
std::string holder_of(const fs::path& cell) {
  const fs::path file = cell / "lock";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  ::close(fd);
  return held ? written_in(file) : "";
}

// A line of the table, the number-th. Errors name the line.
GridCell cell_of_line(const std::string& line, std::int64_t number, const fs::path& table) {
  const std::string where = table.string() + ", line " + std::to_string(number + 1);
  try {
    const nlohmann::json j = nlohmann::json::parse(line);
    GridCell cell{j.at("number"), j.at("name"), j.at("keys").get<Keys>()};
    if (cell.number != number || !cell.keys.contains("method") || cell.name != name_of_cell(cell.keys))
      throw Error("is not as `hardy grid new` wrote it", where, "put the file back");
    return cell;
  } catch (const nlohmann::json::exception&) {
    throw Error("is no cell of a grid", where, "put the file back");
  }
}

std::ifstream open_table(const fs::path& folder) {
  std::ifstream in(folder / "cells.jsonl");
  if (!in) throw Error("is no grid: it has no cells.jsonl", folder.string(), "`hardy grid new` makes one");
  return in;
}

}  // namespace

std::string name_of(CellState::Kind kind) {
  static constexpr const char* kNames[] = {"waiting", "running", "stopped", "failed", "done"};
  return kNames[static_cast<int>(kind)];
}

Grid Grid::begin(const fs::path& folder, const fs::path& ini, const Choose& choose) {
  std::vector<GridCell> asked = cells_of(ini);
  check(asked);
  const std::string text = contents(ini);
  if (!fs::exists(folder / "cells.jsonl")) {
    require_seeds_apart(asked);
    if (choose) asked = choose(asked, nullptr);
    const run::Output out(
        folder, {.kind = run::OutputRules::Kind::kFolder, .inputs = {ini}, .hint = "name another folder"});
    run::AtomicFolder fresh(out.path());
    Grid grid(out.path());
    for (const GridCell& cell : asked) {
      grid.cells_.push_back(cell);
      grid.cells_.back().number = static_cast<std::int64_t>(grid.cells_.size()) - 1;
    }
    write_cells(fresh.temporary(), grid.cells_, 0);
    run::write_atomically(fresh.temporary() / "grid.ini", text);
    fresh.commit();
    return grid;
  }
  Grid grid = open(folder);
  std::vector<GridCell> together = grid.cells_;
  together.insert(together.end(), asked.begin(), asked.end());
  require_seeds_apart(together);
  if (choose) asked = choose(asked, &grid);
  std::set<std::string> names;
  for (const GridCell& cell : grid.cells_) names.insert(cell.name);
  const std::size_t before = grid.cells_.size();
  for (const GridCell& cell : asked) {
    if (names.contains(cell.name)) continue;
    grid.cells_.push_back(cell);
    grid.cells_.back().number = static_cast<std::int64_t>(grid.cells_.size()) - 1;
  }
  if (grid.cells_.size() == before) return grid;
  write_cells(folder, grid.cells_, before);
  run::write_atomically(folder / "grid.ini", text);
  return grid;
}

Grid Grid::open(const fs::path& folder) {
  std::ifstream in = open_table(folder);
  Grid grid(folder);
  for (std::string line; std::getline(in, line);)
    grid.cells_.push_back(
        cell_of_line(line, static_cast<std::int64_t>(grid.cells_.size()), folder / "cells.jsonl"));
  return grid;
}

GridCell Grid::read_cell(const fs::path& folder, std::int64_t number) {
  std::ifstream in = open_table(folder);
  std::int64_t there = 0;
  for (std::string line; std::getline(in, line); ++there)
    if (there == number) return cell_of_line(line, number, folder / "cells.jsonl");
  throw Error("there is no such cell", "cell " + std::to_string(number),
              folder.string() + " has 0 to " + std::to_string(there - 1));
}

CellState Grid::state_of(const GridCell& cell) const {
  CellState state;
  const fs::path own = folder_of(cell), run = own / "run";
  bool finished = false;
  if (fs::exists(run / "run.json")) {
    state.kind = CellState::Kind::kStopped;
    state.of = run::read_run(run).number("steps", 0);
    if (const auto summary = run::read_summary(run)) {
      finished = summary->flag("finished", false);
      state.steps = summary->number("steps", 0);
      state.seconds_a_step = summary->number("seconds", 0) / std::max(1.0, state.steps);
    }
    const nlohmann::json line = nlohmann::json::parse(last_line(run / "metrics.jsonl"), nullptr, false);
    if (!finished && line.is_object() && line.value("step", 0.0) > 0) {
      state.steps = line.value("step", 0.0);
      state.seconds_a_step = line.value("seconds", 0.0) / state.steps;
    }
  }
  if (const std::string holder = holder_of(own); !holder.empty()) {
    state.kind = CellState::Kind::kRunning;
    state.about = holder;
  } else if (finished && state.steps >= state.of) {
    state.kind = CellState::Kind::kDone;
  } else if (fs::exists(own / "failed.txt")) {
    state.kind = CellState::Kind::kFailed;
    state.about = contents(own / "failed.txt");
    if (state.about.ends_with('\n')) state.about.pop_back();
  }
  return state;
}

CellLock::CellLock(const fs::path& cell) {
  const fs::path file = cell / "lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) throw Error("the cell's lock cannot be opened", file.string());
  // Somebody who looks at the cell's state shares it for a moment.
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (run::lock_file(fd) == run::FileLock::kTaken) {
      fd_ = fd;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  holder_ = written_in(file);
  ::close(fd);
}
void CellLock::sign() {
  const std::string text = run::this_process() + "\n";
  if (::ftruncate(fd_, 0) != 0) return;
  if (::pwrite(fd_, text.data(), text.size(), 0) < 0) return;  // the lock holds without it
}
CellLock::~CellLock() {
  if (fd_ < 0) return;
  static_cast<void>(::ftruncate(fd_, 0));
  ::close(fd_);
}

}  // namespace hardy::algorithms
