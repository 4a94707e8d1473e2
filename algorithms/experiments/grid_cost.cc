#include "algorithms/experiments/grid_cost.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <set>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

// Keys that change how many steps there are, or numbers in them, and not how long one takes.
const std::set<std::string> kFree{"seed",         "steps",          "episodes",     "corrupt",
                                  "corrupt-rate", "corrupt-scale",  "corrupt-seed", "corrupt-generator",
                                  "data-seed",    "schedule-steps", "eval-seed",    "title"};

std::string kind_of(const GridCell& cell) {
  std::string text;
  for (const auto& [key, value] : cell.keys)
    if (!kFree.contains(key)) text += key + "=" + value + "\n";
  return run::sha256(std::as_bytes(std::span(text))).substr(0, 16);
}

std::string machine(int threads) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

double since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

std::int64_t evaluations_of(const TrainingSettings& s) {
  const std::int64_t every = s.eval_every > 0 ? s.eval_every : std::max<std::int64_t>(1, s.steps / 10);
  return 1 + (s.steps + every - 1) / every;  // and one of what it begins with
}

Rate training_rate(const GridCell& cell, int threads) {
  constexpr double kLongEnough = 0.1, kPatience = 3;  // seconds: of learning steps, and until there is one
  const auto began = std::chrono::steady_clock::now();
  const auto job = configured_job(cell);
  nlohmann::json about;
  const auto trainee = job->prepare(about);
  ThreadTeam team(threads);
  Rate rate;
  rate.start = since(began);
  const std::int64_t last = job->settings().steps;
  const auto first = std::chrono::steady_clock::now();
  const auto more = [&] { return trainee->steps_done() < last; };
  do trainee->step(team);
  while (more() && trainee->learner().steps_done() == 0 && since(first) < kPatience);
  const double before_learning = since(first) / static_cast<double>(trainee->steps_done());
  const std::int64_t from = trainee->steps_done();
  const auto timed = std::chrono::steady_clock::now();
  while (more() && since(timed) < kLongEnough) trainee->step(team);
  const std::int64_t steps = trainee->steps_done() - from;
  rate.a_step = steps > 0 ? since(timed) / static_cast<double>(steps) : before_learning;
  if (trainee->evaluates()) {
    const auto evaluated = std::chrono::steady_clock::now();
    static_cast<void>(trainee->evaluate(team, {}));
    rate.a_step +=
        since(evaluated) * static_cast<double>(evaluations_of(job->settings())) / static_cast<double>(last);
  }
  return rate;
}

}  // namespace

Rate rate_here(const GridCell& cell, int threads) {
  if (!cell.regret()) return training_rate(cell, threads);
  const auto began = std::chrono::steady_clock::now();
  RegretStudySettings settings = study_settings_of(cell);
  settings.threads = threads;
  const RegretStudy study(settings);
  const double start = since(began);
  return {start, study.seconds() / study.episodes_in_all()};
}

double steps_of(const GridCell& cell) {
  if (!cell.regret()) return static_cast<double>(configured_job(cell)->settings().steps);
  double all = 0;
  const RegretStudySettings s = study_settings_of(cell);
  for (const std::int64_t k : s.episodes) all += static_cast<double>(k);
  return all * static_cast<double>(s.replicas);
}

GridCosts::GridCosts(std::vector<GridCell> cells, std::vector<CellState> states, const fs::path& folder,
                     int threads)
    : cells_(std::move(cells)), states_(std::move(states)), here_(machine(threads)), threads_(threads) {
  std::map<std::string, std::pair<double, double>> kinds, methods;  // sums of seconds a step, and counts
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    kinds_.push_back(kind_of(cells_[i]));
    steps_.push_back(states_[i].of > 0 ? states_[i].of : left(i) ? steps_of(cells_[i]) : 0);
    if (states_[i].seconds_a_step <= 0) continue;
    for (auto* sum : {&kinds[kinds_[i]], &methods[cells_[i].method()]}) {
      sum->first += states_[i].seconds_a_step;
      sum->second += 1;
    }
  }
  const auto means = [](const auto& sums) {
    std::map<std::string, Rate> all;
    for (const auto& [name, sum] : sums) all[name] = {0, sum.first / sum.second};
    return all;
  };
  seen_ = means(kinds);
  of_method_ = means(methods);
  std::ifstream in(folder / "rates.json");
  const nlohmann::json file = nlohmann::json::parse(in, nullptr, false);
  if (!file.is_object() || !file.contains(here_) || !file.at(here_).is_object()) return;
  for (const auto& [kind, rate] : file.at(here_).items())  // what is no rate is measured again
    if (rate.is_array() && rate.size() == 2 && rate[0].is_number() && rate[1].is_number())
      tried_[kind] = {rate[0], rate[1]};
}

void GridCosts::measure(double most) {
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cells_.size() && since(began) < most; ++i) {
    if (!left(i) || seen_.contains(kinds_[i]) || tried_.contains(kinds_[i])) continue;
    try {
      tried_[kinds_[i]] = rate_here(cells_[i], threads_);
    } catch (const Error&) {  // what stops it will be said of the cell
    }
  }
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (const auto rate = tried_.find(kinds_[i]); rate != tried_.end())
      of_method_.emplace(cells_[i].method(), rate->second);
}

void GridCosts::keep(const fs::path& folder) const {
  if (tried_.empty()) return;
  std::ifstream in(folder / "rates.json");
  nlohmann::json file = nlohmann::json::parse(in, nullptr, false);
  if (!file.is_object()) file = nlohmann::json::object();
  for (const auto& [kind, rate] : tried_) file[here_][kind] = {rate.start, rate.a_step};
  run::write_atomically(folder / "rates.json", run::json_text(file) + "\n");
}

bool GridCosts::left(std::size_t cell) const {
  return states_[cell].kind != CellState::Kind::kDone && states_[cell].kind != CellState::Kind::kFailed;
}

std::optional<Rate> GridCosts::rate_of(std::size_t cell) const {
  for (const auto& [rates, name] :
       {std::pair{&seen_, &kinds_[cell]}, {&tried_, &kinds_[cell]}, {&of_method_, &cells_[cell].method()}})
    if (const auto found = rates->find(*name); found != rates->end()) return found->second;
  return std::nullopt;
}

double GridCosts::steps_left(std::size_t cell) const {
  return left(cell) ? std::max(0.0, steps_[cell] - states_[cell].steps) : 0;
}

std::optional<double> GridCosts::seconds_left(std::size_t cell) const {
  if (!left(cell)) return 0;
  const std::optional<Rate> rate = rate_of(cell);
  if (!rate) return std::nullopt;
  return rate->start + steps_left(cell) * rate->a_step;
}

Affordable within(const GridCosts& costs, double seconds, const std::string& by) {
  struct Row {
    std::vector<std::size_t> cells;
    std::size_t seed = 0;  // its place among the seeds
    double seconds = 0;
  };
  std::vector<Row> rows;
  std::map<std::string, std::size_t> row_of;
  std::vector<std::string> seeds;
  for (std::size_t i = 0; i < costs.cells().size(); ++i) {
    const GridCell& cell = costs.cells()[i];
    std::string name, seed;
    for (const auto& [key, value] : cell.keys) {
      if (key != by) name += key + "=" + value + "\n";
      if (key == "seed") seed = value;
    }
    const auto [found, fresh] = row_of.emplace(name, rows.size());
    if (fresh) {
      const auto at = std::ranges::find(seeds, seed);
      rows.push_back({{}, static_cast<std::size_t>(at - seeds.begin()), 0});
      if (at == seeds.end()) seeds.push_back(seed);
    }
    Row& row = rows[found->second];
    row.cells.push_back(i);
    row.seconds += costs.seconds_left(i).value_or(0);
  }
  std::ranges::stable_sort(rows, {}, &Row::seed);
  Affordable chosen;
  chosen.of = rows.size();
  for (const Row& row : rows) {
    if (chosen.seconds + row.seconds > seconds) {
      chosen.next = row.seconds;
      break;
    }
    chosen.seconds += row.seconds;
    ++chosen.rows;
    chosen.cells.insert(chosen.cells.end(), row.cells.begin(), row.cells.end());
  }
  std::ranges::sort(chosen.cells);
  return chosen;
}

}  // namespace hardy::algorithms
