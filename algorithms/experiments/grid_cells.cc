// What cells a configuration asks for, and whether they can work.
#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "algorithms/adversarial/regret_method.h"
#include "algorithms/experiments/grid.h"
#include "algorithms/experiments/job_settings.h"
#include "algorithms/experiments/regret_words.h"
#include "algorithms/experiments/training_job.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/ini.h"
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

std::string absolute(const std::string& file) { return fs::absolute(file).lexically_normal().string(); }

// "exp_weights:c_eta=2" is exp_weights.
std::string bare(const std::string& method) { return method.substr(0, method.find(':')); }

bool is_regret_method(const std::string& method) {
  static const std::set<std::string> all = [] {
    std::set<std::string> names;
    for (const RegretMethod& m : regret_methods()) names.insert(m.name);
    return names;
  }();
  return all.contains(bare(method));
}

void require_method(const std::string& text) {
  const std::string method = bare(text);
  if (is_regret_method(method)) return;
  std::vector<std::string> names;
  for (const auto& [name, summary] : training_methods()) names.push_back(name);
  if (std::ranges::find(names, method) != names.end()) return;
  for (const RegretMethod& m : regret_methods()) names.push_back(m.name);
  throw Error("there is no method '" + method + "'", "method", suggestion(method, names));
}

// What the check of one cell says of others too, and is asked once: environments may take a while to make.
using Seen = std::map<std::string, std::string>;

template <class Check>
void once(Seen& seen, const std::string& what, const Check& check) {
  auto found = seen.find(what);
  if (found == seen.end()) {
    std::string problem;
    try {
      check();
    } catch (const Error& e) {
      problem = e.message();
    }
    found = seen.emplace(what, problem).first;
  }
  if (!found->second.empty()) throw Error(found->second);
}

void check_training(const GridCell& cell, Seen& seen) {
  const auto job = configured_job(cell);
  for (const char* key : kFiles)
    if (const auto found = cell.keys.find(key); found != cell.keys.end() && !fs::exists(found->second))
      throw Error("there is no such file", found->second);
  if (const auto env = cell.keys.find("env"); env != cell.keys.end() && !env->second.empty())
    once(seen, "env " + env->second, [&] { static_cast<void>(envs::make_environment(env->second, 1)); });
  require_seeds(job->settings());
  job->check();
}

void check_regret(const GridCell& cell, Seen& seen) {
  const RegretStudySettings settings = study_settings_of(cell);
  Keys keys = cell.keys;
  keys.erase("seed");
  once(seen, "study " + hashed(keys), [&] { static_cast<void>(RegretStudy(settings)); });
}

std::string problem_of(const GridCell& cell, Seen& seen) {
  try {
    require_method(cell.method());
    cell.regret() ? check_regret(cell, seen) : check_training(cell, seen);
    return "";
  } catch (const Error& e) {
    return e.message();
  }
}

std::int64_t whole(const Keys& keys, const char* key, std::int64_t otherwise) {
  const auto found = keys.find(key);
  return found == keys.end() ? otherwise : to_integer(found->second).value_or(otherwise);
}

// A training's settings that stand behind its method's name.
Keys settings_of(const std::string& method) {
  Parameters parameters(method);
  static_cast<void>(parameters.word("label", ""));
  Keys keys;
  for (auto [key, value] : parameters.rest()) {
    std::ranges::replace(key, '_', '-');
    keys[key] = value;
  }
  return keys;
}

}  // namespace

std::string name_of_cell(const Keys& keys) { return bare(keys.at("method")) + "-" + hashed(keys); }

std::string GridCell::learner() const { return bare(method()); }

std::string GridCell::label() const {
  std::string label = Parameters(method()).word("label", method());
  if (label != method()) std::ranges::replace(label, '+', ' ');
  return label;
}

bool GridCell::regret() const { return is_regret_method(method()); }

Keys configuration_of(const GridCell& cell) {
  Keys keys = cell.keys;
  for (const char* key : kFiles)
    if (const auto found = keys.find(key); found != keys.end() && !found->second.empty())
      found->second = absolute(found->second);
  const auto env = keys.find("env");
  if (!cell.regret()) {
    for (const auto& [key, value] : settings_of(cell.method()))
      if (!keys.emplace(key, value).second)
        throw Error("stands with the method and by itself", key, "give it in one place");
    keys.erase("method");
    if (env != keys.end()) env->second = envs::absolute_name(env->second);
    return keys;
  }
  if (env != keys.end() && fs::is_regular_file(env->second)) env->second = absolute(env->second);
  if (const auto losses = keys.find("losses"); losses != keys.end())  // those of one's own have a file
    losses->second = envs::absolute_name(losses->second);
  keys["shard"] = "true";
  return keys;
}

std::unique_ptr<TrainingJob> configured_job(const GridCell& cell) {
  auto job = make_training_job(cell.learner());
  std::vector<std::string> words;  // as a command line, so that presets are followed
  for (const auto& [key, value] : configuration_of(cell)) words.push_back("--" + key + "=" + value);
  job->schema().parse(words);
  return job;
}

RegretStudySettings study_settings_of(const GridCell& cell) {
  RegretOptions options;
  run::Schema schema("regret");
  options.options(schema);
  schema.apply(configuration_of(cell), "", run::Schema::Source::kConfig);
  if (options.evaluation == "sampled")
    throw Error("a sampled run has no folder, and no regret", "evaluation = " + options.evaluation,
                "evaluation = exact, or simulator");
  return study_settings(options);
}

std::string described(const GridCell& cell, const std::vector<std::string>& varied,
                      const std::string& between, const std::string& is) {
  std::string text = cell.label();
  for (const std::string& key : varied)
    if (const auto found = cell.keys.find(key); found != cell.keys.end() && key != "method")
      text += between + key + is + found->second;
  return text;
}

namespace {

// Keys with their values, in the file's order.
using Lines = std::vector<std::pair<std::string, std::vector<std::string>>>;

Lines::iterator find(Lines& lines, const std::string& key) {
  return std::ranges::find_if(lines, [&](const auto& line) { return line.first == key; });
}

// What stands above a file's sections, and each section's own.
struct Asked {
  Lines shared;
  std::vector<std::pair<std::string, Lines>> sections;
};

Asked read_grid(const fs::path& ini) {
  Asked asked;
  for (auto [key, value] : run::read_ini_file(ini)) {
    Lines* lines = &asked.shared;
    std::string where = ini.string() + ", " + key;
    if (const std::size_t dot = key.find('.'); dot != std::string::npos) {
      const std::string section = key.substr(0, dot);
      if (asked.sections.empty() || asked.sections.back().first != section)
        asked.sections.emplace_back(section, Lines{});
      lines = &asked.sections.back().second;
      key.erase(0, dot + 1);
      where = ini.string() + ", [" + section + "] " + key;
    }
    std::ranges::replace(key, '_', '-');
    std::vector<std::string> values = words_of(value);
    if (values.empty()) throw Error("has no value", where, "leave the key out");
    static const std::set<std::string> own{"out",    "or-resume", "prepared", "shard",
                                           "config", "help",      "explain"};
    if (own.contains(key)) throw Error("is the grid's own", where, "leave it out");
    if (find(*lines, key) != lines->end())
      throw Error("stands there twice", where, "give all its values in one line");
    if (std::set<std::string>(values.begin(), values.end()).size() != values.size())
      throw Error("has a value twice", where, "each once");
    lines->emplace_back(key, values);
  }
  return asked;
}

// Every combination of the lines' values.
void add_combinations(const Lines& lines, const fs::path& ini, std::vector<GridCell>& cells) {
  if (std::ranges::none_of(lines, [](const auto& line) { return line.first == "method"; }))
    throw Error("names no method", ini.string(), "e.g. method = bc iql riql");
  std::vector<GridCell> made(1);
  for (const auto& [key, values] : lines) {
    std::vector<GridCell> more;
    for (const GridCell& cell : made)
      for (const std::string& value : values) {
        more.push_back(cell);
        more.back().keys[key] = value;
      }
    constexpr std::size_t kMost = 100000;
    if (cells.size() + more.size() > kMost)
      throw Error("has more than " + std::to_string(kMost) + " cells", ini.string(),
                  "make several grids of it");
    made = std::move(more);
  }
  std::set<std::string> names;
  for (const GridCell& cell : cells) names.insert(cell.name);
  for (GridCell& cell : made) {
    cell.name = name_of_cell(cell.keys);
    if (names.insert(cell.name).second) cells.push_back(std::move(cell));  // sections may ask for the same
  }
}

}  // namespace

std::vector<GridCell> cells_of(const fs::path& ini) {
  const Asked asked = read_grid(ini);
  std::vector<GridCell> cells;
  if (asked.sections.empty()) add_combinations(asked.shared, ini, cells);
  for (const auto& [section, own] : asked.sections) {
    Lines lines = asked.shared;
    for (const auto& line : own) {
      const auto above = find(lines, line.first);
      if (above == lines.end())
        lines.push_back(line);
      else
        above->second = line.second;
    }
    add_combinations(lines, ini, cells);
  }
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
  Seen seen;
  for (const GridCell& cell : cells)
    if (const std::string problem = problem_of(cell, seen); !problem.empty())
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

// Two cells that differ in `seed` alone are further runs of the same; a seed that both have would count
// twice.
void require_seeds_apart(const std::vector<GridCell>& cells) {
  std::map<std::string, std::map<std::int64_t, const GridCell*>> alike;  // by all else, by first seed
  for (const GridCell& cell : cells) {
    Keys keys = cell.keys;
    keys.erase("seed");
    alike[hashed(keys)].emplace(whole(cell.keys, "seed", 0), &cell);
  }
  for (const auto& [name, by_seed] : alike) {
    std::int64_t before = 0, end = 0;
    for (const auto& [seed, cell] : by_seed) {
      const char* key = cell->regret() ? "replicas" : "seeds";
      const std::int64_t count = whole(cell->keys, key, 1);
      if (seed != by_seed.begin()->first && seed < end)
        throw Error("two cells would have the same seeds: " + std::to_string(count) + " from " +
                        std::to_string(before) + " and from " + std::to_string(seed),
                    "seed", std::string("at least ") + key + " = " + std::to_string(count) + " apart");
      before = seed, end = seed + count;
    }
  }
}

}  // namespace hardy::algorithms
