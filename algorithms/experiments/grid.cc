#include "algorithms/experiments/grid.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "algorithms/experiments/training_job.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/ini.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "engine/run/temporary.h"
#include "envs/environment.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using Keys = std::map<std::string, std::string>;

constexpr const char* kFiles[] = {"dataset", "prompts", "test-prompts", "base"};  // keys that name one

std::string hashed(const Keys& keys) {
  std::string text;
  for (const auto& [key, value] : keys) text += key + "=" + value + "\n";
  return run::sha256(std::as_bytes(std::span(text))).substr(0, 10);
}

std::vector<std::string> words_of(const std::string& value) {
  std::istringstream stream(value);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// Files are named from wherever a cell is run.
Keys with_absolute_paths(Keys keys) {
  for (const char* key : kFiles)
    if (const auto found = keys.find(key); found != keys.end() && !found->second.empty())
      found->second = fs::absolute(found->second).lexically_normal().string();
  if (const auto env = keys.find("env"); env != keys.end()) env->second = envs::absolute_name(env->second);
  return keys;
}

std::string problem_of(const GridCell& cell) {
  try {
    const auto job = make_training_job(cell.method());
    Keys keys = cell.keys;
    keys.erase("method");
    job->schema().apply(keys, "", run::Schema::Source::kConfig);
    for (const char* key : kFiles)
      if (const auto found = keys.find(key); found != keys.end() && !fs::exists(found->second))
        throw Error("there is no such file", found->second);
    if (const auto env = keys.find("env"); env != keys.end() && !env->second.empty())
      static_cast<void>(envs::make_environment(env->second, 1));
    return "";
  } catch (const Error& e) {
    return e.message();
  }
}

void write_cells(const fs::path& folder, const std::vector<GridCell>& cells, std::size_t first) {
  std::string table;
  for (const GridCell& cell : cells)
    table += run::json_text({{"number", cell.number}, {"name", cell.name}, {"keys", cell.keys}}, -1) + "\n";
  for (std::size_t i = first; i < cells.size(); ++i) {
    const fs::path own = folder / "cells" / cells[i].name;
    fs::create_directories(own);
    std::string config =
        "# cell " + std::to_string(cells[i].number) + ": hardy train " + cells[i].method() + "\n";
    for (const auto& [key, value] : with_absolute_paths(cells[i].keys))
      if (key != "method") config += key + " = " + run::ini_value(value) + "\n";
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

}  // namespace

std::string described(const GridCell& cell, const std::vector<std::string>& varied,
                      const std::string& between, const std::string& is) {
  std::string text = cell.method();
  for (const std::string& key : varied)
    if (const auto found = cell.keys.find(key); found != cell.keys.end() && key != "method")
      text += between + key + is + found->second;
  return text;
}

std::string name_of(CellState::Kind kind) {
  static constexpr const char* kNames[] = {"waiting", "running", "stopped", "failed", "done"};
  return kNames[static_cast<int>(kind)];
}

std::vector<GridCell> cells_of(const fs::path& ini) {
  std::vector<std::pair<std::string, std::vector<std::string>>> keys;
  for (auto [key, value] : run::read_ini_file(ini)) {
    std::ranges::replace(key, '_', '-');
    std::vector<std::string> values = words_of(value);
    if (values.empty()) throw Error("has no value", ini.string() + ", " + key, "leave the key out");
    if (key == "out" || key == "or-resume")
      throw Error("is the grid's own", ini.string() + ", " + key, "leave it out");
    if (std::ranges::any_of(keys, [&](const auto& k) { return k.first == key; }))
      throw Error("stands there twice", ini.string() + ", " + key, "give all its values in one line");
    if (std::set<std::string>(values.begin(), values.end()).size() != values.size())
      throw Error("has a value twice", ini.string() + ", " + key, "each once");
    keys.emplace_back(key, values);
  }
  if (std::ranges::none_of(keys, [](const auto& k) { return k.first == "method"; }))
    throw Error("names no method", ini.string(), "e.g. method = bc iql riql");
  std::vector<GridCell> cells(1);
  for (const auto& [key, values] : keys) {
    std::vector<GridCell> more;
    for (const GridCell& cell : cells)
      for (const std::string& value : values) {
        more.push_back(cell);
        more.back().keys[key] = value;
      }
    constexpr std::size_t kMost = 100000;
    if (more.size() > kMost)
      throw Error("has more than " + std::to_string(kMost) + " cells", ini.string(),
                  "make several grids of it");
    cells = std::move(more);
  }
  for (GridCell& cell : cells) cell.name = cell.method() + "-" + hashed(cell.keys);
  return cells;
}

std::vector<std::string> varied_keys(const std::vector<GridCell>& cells) {
  std::map<std::string, std::set<std::string>> values;
  for (const GridCell& cell : cells)
    for (const auto& [key, value] : cell.keys) values[key].insert(value);
  std::vector<std::string> varied;
  for (const auto& [key, seen] : values) {
    const bool everywhere =
        std::ranges::all_of(cells, [&, k = key](const GridCell& c) { return c.keys.contains(k); });
    if (seen.size() > 1 || !everywhere) varied.push_back(key);
  }
  return varied;
}

void check(const std::vector<GridCell>& cells) {
  const std::vector<std::string> varied = varied_keys(cells);
  std::map<std::string, std::vector<std::string>> problems;  // many cells fail alike
  for (const GridCell& cell : cells)
    if (const std::string problem = problem_of(cell); !problem.empty())
      problems[problem].push_back(described(cell, varied));
  if (problems.empty()) return;
  std::string text;
  std::size_t count = 0;
  for (const auto& [problem, which] : problems) {
    count += which.size();
    constexpr std::size_t kShown = 3;
    const std::vector<std::string> shown(
        which.begin(), which.begin() + static_cast<std::ptrdiff_t>(std::min(which.size(), kShown)));
    text += (text.empty() ? "" : "; ") + problem + " (" + join(shown, " | ") +
            (which.size() > kShown ? " | and " + std::to_string(which.size() - kShown) + " more" : "") + ")";
  }
  throw Error(std::to_string(count) + " of " + std::to_string(cells.size()) + " cells cannot work: " + text);
}

Grid Grid::begin(const fs::path& folder, const fs::path& ini) {
  const std::vector<GridCell> asked = cells_of(ini);
  check(asked);
  const std::string text = contents(ini);
  if (!fs::exists(folder / "cells.jsonl")) {
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
  const fs::path table = folder / "cells.jsonl";
  std::ifstream in(table);
  if (!in) throw Error("is no grid: it has no cells.jsonl", folder.string(), "`hardy grid new` makes one");
  Grid grid(folder);
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    const std::string where = table.string() + ", line " + std::to_string(number + 1);
    try {
      const nlohmann::json j = nlohmann::json::parse(line);
      GridCell cell{j.at("number"), j.at("name"), j.at("keys").get<Keys>()};
      if (cell.number != number || !cell.keys.contains("method") ||
          cell.name != cell.method() + "-" + hashed(cell.keys))
        throw Error("is not as `hardy grid new` wrote it", where, "put the file back");
      grid.cells_.push_back(std::move(cell));
    } catch (const nlohmann::json::exception&) {
      throw Error("is no cell of a grid", where, "put the file back");
    }
  }
  return grid;
}

const GridCell& Grid::cell(std::int64_t number) const {
  if (number < 0 || number >= static_cast<std::int64_t>(cells_.size()))
    throw Error("there is no such cell", "cell " + std::to_string(number),
                folder_.string() + " has 0 to " + std::to_string(cells_.size() - 1));
  return cells_[static_cast<std::size_t>(number)];
}

CellState Grid::state_of(const GridCell& cell) const {
  CellState state;
  const fs::path own = folder_of(cell), run = own / "run";
  bool finished = false;
  if (fs::exists(run / "run.json")) {
    state.kind = CellState::Kind::kStopped;
    state.of = static_cast<double>(run::read_run(run).integer("steps", 0));
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
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
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
