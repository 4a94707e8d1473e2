#include "tools/report/grid_page.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "algorithms/experiments/aggregate.h"
#include "algorithms/experiments/grid.h"
#include "engine/base/error.h"
#include "engine/run/run_directory.h"
#include "tools/report/chart.h"
#include "tools/report/grid_regret.h"
#include "tools/report/runs.h"
#include "tools/report/study_page.h"

namespace hardy::report {
namespace {

namespace fs = std::filesystem;
using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;
using algorithms::Interval;
using algorithms::ScoresByTask;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kBootstrap = 1;  // its seed: the same grid gives the same page

// The scores of a grid, by what is compared and what it is compared on.
struct Scores {
  std::string by;
  std::vector<std::string> groups, tasks;  // in the order in which they come up
  std::vector<std::string> axes;           // keys that vary beside `by` and seeds
  std::vector<std::map<std::string, std::string>> keys_of_task;
  std::vector<ScoresByTask> of;               // [group][task][runs], of the last evaluation
  std::vector<ScoresByTask> last_five, best;  // the mean of the last five, and the best
  std::map<std::string, int> counts;
  std::vector<CellState> states;
  std::size_t cells = 0;
  bool regret = false;  // among the cells
  std::string csv;
};

std::size_t place_in(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

// Of one agent's evaluations; not a number where there was none.
struct Evaluated {
  std::int64_t seed = 0;
  double last = kNone, last_five = kNone, best = kNone;
};
std::vector<Evaluated> evaluated(const fs::path& run) {
  std::vector<Evaluated> agents;
  if (const auto summary = run::read_summary(run))
    for (const run::Fields& agent : summary->list("agents"))
      agents.push_back({agent.integer("seed", 0),
                        agent.has("last") ? agent.at("last").number("score/mean", kNone) : kNone});
  if (std::ranges::none_of(agents, [](const Evaluated& e) { return std::isfinite(e.last); })) return agents;
  std::vector<const std::vector<double>*> scores;
  const Run whole = read_runs({run.string()}).front();
  for (const run::MetricsRecord& record : whole.eval)
    if (const auto found = record.values.find("score/mean"); found != record.values.end())
      scores.push_back(&found->second);
  for (std::size_t a = 0; a < agents.size(); ++a) {
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = scores.size(); i-- > 0;) {
      if (a >= scores[i]->size() || !std::isfinite((*scores[i])[a])) continue;
      const double score = (*scores[i])[a];
      if (count < 5) sum += score, ++count;
      agents[a].best = std::isfinite(agents[a].best) ? std::max(agents[a].best, score) : score;
    }
    if (count > 0) agents[a].last_five = sum / static_cast<double>(count);
  }
  return agents;
}

Scores scores_of(const Grid& grid, const std::string& by) {
  Scores s;
  s.by = by;
  s.cells = grid.cells().size();
  const std::vector<std::string> varied = algorithms::varied_keys(grid.cells());
  if (std::ranges::none_of(grid.cells(), [&](const GridCell& c) { return c.keys.contains(by); }))
    throw Error("is no key of this grid", "--by " + by, "one of those that vary");
  for (const std::string& key : varied)
    if (key != by && key != "seed") s.axes.push_back(key);
  s.csv = "cell,state";
  for (const std::string& key : varied)
    if (key != "seed") s.csv += "," + csv_field(key);  // each run says its own
  s.regret = std::ranges::any_of(grid.cells(), &GridCell::regret);
  s.csv += s.regret ? ",seed,score,last_five,best,K,regret\n" : ",seed,score,last_five,best\n";
  for (const GridCell& cell : grid.cells()) {
    const CellState state = grid.state_of(cell);
    s.states.push_back(state);
    ++s.counts[name_of(state.kind)];
    std::string line = std::to_string(cell.number) + "," + name_of(state.kind);
    for (const std::string& key : varied)
      if (key != "seed") line += "," + csv_field(value_of(cell, key));
    const bool done = state.kind == CellState::Kind::kDone;
    if (!done) s.csv += line + (s.regret ? ",,,,,,\n" : ",,,,\n");
    if (cell.regret()) {
      if (done)
        for (const Replica& r : replicas_of(grid, cell))
          s.csv +=
              line + "," + std::to_string(r.seed) + ",,,," + exact(r.episodes) + "," + exact(r.regret) + "\n";
      continue;
    }
    std::string task;
    std::map<std::string, std::string> keys;
    for (const std::string& key : s.axes) {
      keys[key] = value_of(cell, key);
      if (keys[key].empty()) continue;
      task += (task.empty() ? "" : ", ") + key + " " + keys[key];
    }
    const std::size_t g = place_in(s.groups, by == "method" ? cell.label() : value_of(cell, by)),
                      t = place_in(s.tasks, task.empty() ? "all" : task);
    for (auto* figures : {&s.of, &s.last_five, &s.best}) {
      figures->resize(s.groups.size());
      for (ScoresByTask& tasks : *figures) tasks.resize(s.tasks.size());
    }
    s.keys_of_task.resize(s.tasks.size());
    s.keys_of_task[t] = keys;
    if (!done) continue;
    for (const Evaluated& e : evaluated(grid.folder_of(cell) / "run")) {
      s.csv += line + "," + std::to_string(e.seed) + "," + exact(e.last) + "," + exact(e.last_five) + "," +
               exact(e.best) + (s.regret ? ",,\n" : "\n");
      for (const auto& [figures, score] :
           {std::pair{&s.of, e.last}, {&s.last_five, e.last_five}, {&s.best, e.best}})
        if (std::isfinite(score)) (*figures)[g][t].push_back(score);
    }
  }
  return s;
}

std::string interval_text(const Interval& x, int digits) {
  if (std::isnan(x.value)) return "\u2013";
  return number(x.value, digits) + " [" + number(x.low, digits) + ", " + number(x.high, digits) + "]";
}

std::string mean_text(const std::vector<double>& runs, const char* plus_minus) {
  if (runs.empty()) return "\u2013";
  const Spread s = spread(runs);
  if (s.n < 2) return number(s.mean);
  return number(s.mean) + plus_minus + number(s.std / std::sqrt(static_cast<double>(s.n)));
}

std::size_t runs_in(const ScoresByTask& tasks) {
  std::size_t count = 0;
  for (const auto& runs : tasks) count += runs.size();
  return count;
}

std::string done_text(const Scores& s) {
  std::string text;
  for (const char* name : {"done", "running", "stopped", "failed", "waiting"})
    if (const auto found = s.counts.find(name); found != s.counts.end())
      text += (text.empty() ? "" : ", ") + std::to_string(found->second) + " " + name;
  return std::to_string(s.cells) + " cells: " + text;
}

Html overview(const Scores& s) {
  Html rows;
  for (std::size_t g = 0; g < s.groups.size(); ++g)
    rows +=
        Html("<tr>") + cell(Html("<strong>") + s.groups[g] + "</strong>") +
        cell(std::to_string(runs_in(s.of[g])), true) +
        cell(interval_text(algorithms::interquartile_mean_of(s.of[g], kBootstrap), 1), true) +
        cell(g == 0 ? std::string("\u2013")
                    : interval_text(algorithms::probability_of_improvement(s.of[g], s.of[0], kBootstrap), 2),
             true) +
        "</tr>";
  return table(heading(s.by) + heading("runs", true) + heading("interquartile mean", true) +
                   heading("better than " + s.groups[0], true),
               rows) +
         "<p class=\"note\">Scores of the last evaluation. The interquartile mean is that of the middle half "
         "of all runs; "
         "brackets are 95 % of a bootstrap over seeds within each task. The last column is the probability "
         "that a run is "
         "better than one of the first line on the same task.</p>";
}

Html profile(const Scores& s) {
  double low = 0, high = 0;
  bool any = false;
  for (const ScoresByTask& tasks : s.of)
    for (const auto& runs : tasks)
      for (const double score : runs) {
        low = any ? std::min(low, score) : score;
        high = any ? std::max(high, score) : score;
        any = true;
      }
  std::vector<double> thresholds;
  constexpr int kPoints = 60;
  for (int i = 0; i <= kPoints; ++i) thresholds.push_back(low + (high - low) * i / kPoints);
  std::vector<Series> series;
  for (std::size_t g = 0; g < s.groups.size(); ++g)
    series.push_back({s.groups[g],
                      static_cast<int>(g),
                      thresholds,
                      algorithms::performance_profile(s.of[g], thresholds),
                      {},
                      {}});
  return Html("<h3>Performance profiles</h3>") + legend(series) + "<figure>" +
         chart_for_both({"Performance profiles", "score", "share of runs above it"}, series, 300) +
         "</figure>";
}

bool numeric(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

// The interquartile mean over a key that has numbers, over all else.
Html axis_charts(const Scores& s) {
  Html html;
  for (const std::string& key : s.axes) {
    std::vector<Series> series;
    bool numbers = true;
    for (std::size_t g = 0; g < s.groups.size(); ++g) {
      std::map<double, ScoresByTask> at;
      for (std::size_t t = 0; t < s.tasks.size(); ++t) {
        double x = 0;
        numbers = numbers && numeric(s.keys_of_task[t].at(key), x);
        at[x].push_back(s.of[g][t]);
      }
      Series line{s.groups[g], static_cast<int>(g), {}, {}, {}, {}};
      for (const auto& [x, scores] : at) {
        const Interval i = algorithms::interquartile_mean_of(scores, kBootstrap, 500);
        line.x.push_back(x), line.y.push_back(i.value), line.low.push_back(i.low),
            line.high.push_back(i.high);
      }
      series.push_back(line);
    }
    if (!numbers) continue;
    html += Html("<h3>By ") + key + "</h3><figure>" +
            chart_for_both({"Score by " + key, key, "interquartile mean"}, series, 300, true) + "</figure>";
  }
  return html;
}

Html task_table(const Scores& s, const std::string& title, const std::vector<ScoresByTask>& figures) {
  Html head = heading("task"), rows;
  for (const std::string& group : s.groups) head += heading(group, true);
  for (std::size_t t = 0; t < s.tasks.size(); ++t) {
    rows += Html("<tr>") + cell(s.tasks[t]);
    for (std::size_t g = 0; g < s.groups.size(); ++g) rows += cell(mean_text(figures[g][t], " ± "), true);
    rows += "</tr>";
  }
  return Html("<h3>") + title + "</h3>" + table(head, rows);
}

Html task_tables(const Scores& s) {
  return task_table(s, "Last evaluation", s.of) +
         task_table(s, "Mean of the last five evaluations", s.last_five) +
         task_table(s, "Best evaluation", s.best) +
         "<p class=\"note\">Mean ± standard error over seeds. The best of many noisy evaluations "
         "flatters.</p>";
}

// For a terminal: a task's groups, a line each.
std::string task_lines(const Scores& s) {
  std::size_t width = 0;
  for (const std::string& group : s.groups) width = std::max(width, group.size());
  std::string text;
  for (std::size_t t = 0; t < s.tasks.size(); ++t) {
    text += s.tasks[t] + "\n";
    for (std::size_t g = 0; g < s.groups.size(); ++g)
      if (!s.of[g][t].empty())
        text += "  " + s.groups[g] + std::string(width - s.groups[g].size(), ' ') + "  last " +
                mean_text(s.of[g][t], " ± ") + "  last five " + mean_text(s.last_five[g][t], " ± ") +
                "  best " + mean_text(s.best[g][t], " ± ") + "\n";
  }
  return text;
}

std::string latex(const Scores& s) {
  std::string text = "\\begin{tabular}{l" + std::string(s.groups.size(), 'r') + "}\n\\hline\n";
  for (const std::string& group : s.groups) text += " & " + latex_text(group);
  text += " \\\\\n\\hline\n";
  for (std::size_t t = 0; t < s.tasks.size(); ++t) {
    text += latex_text(s.tasks[t]);
    for (std::size_t g = 0; g < s.groups.size(); ++g)
      text += s.of[g][t].empty() ? " & --" : " & $" + mean_text(s.of[g][t], " \\pm ") + "$";
    text += " \\\\\n";
  }
  return text + "\\hline\n\\end{tabular}\n";
}

}  // namespace

bool is_grid(const fs::path& folder) {
  return fs::exists(folder / "cells.jsonl") && fs::is_directory(folder / "cells");
}

GridTables grid_tables(const fs::path& folder, const std::string& by) {
  const Grid grid = Grid::open(folder);
  const Scores s = scores_of(grid, by);
  GridTables out;
  out.regret = regret_of_grid(grid, s.states, by);
  const bool scores = std::ranges::any_of(s.of, [](const ScoresByTask& tasks) { return runs_in(tasks) > 0; });
  if (!scores && !out.regret)
    throw Error("has no cell that is done and was evaluated", folder.string(),
                "see: hardy grid status " + folder.string());
  out.csv = s.csv;
  out.text = done_text(s) + "\n";
  Html sections;
  if (scores) {
    out.latex = latex(s);
    for (std::size_t g = 0; g < s.groups.size(); ++g)
      out.text += s.groups[g] + "  " +
                  interval_text(algorithms::interquartile_mean_of(s.of[g], kBootstrap), 1) + "\n";
    out.text += task_lines(s);
    sections += Html("<section><h2>Results</h2>") + overview(s) + profile(s) + axis_charts(s) +
                "</section><section><h2>Tasks</h2>" + task_tables(s) + "</section>";
  }
  if (out.regret) {
    out.latex += regret_latex(*out.regret);
    sections += regret_sections(run::Fields(json_of(*out.regret), folder.string()));
  }
  out.page = whole_page("Hardy", "Grid " + folder.filename().string(),
                        Html("<p class=\"lead\">") + done_text(s) + ".</p>", sections)
                 .str();
  return out;
}

}  // namespace hardy::report
