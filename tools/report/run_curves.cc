#include "tools/report/run_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace hardy::report {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Losses of one name are comparable only where they are the same function: a squared error is none of
// Huber's.
std::string kind_of_loss(const Run& run) {
  const auto head = run.settings.find("head");
  return run.method + (head == run.settings.end() ? "" : ", " + head->second + " head") +
         (run.notes.empty() ? "" : ", " + run.notes);
}

}  // namespace

std::vector<Task> tasks_of(const std::vector<Run>& runs) {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto task = std::ranges::find(tasks, runs[i].task, &Task::name);
    if (task == tasks.end()) task = tasks.insert(tasks.end(), Task{runs[i].task, {}});
    task->members.push_back({&runs[i], static_cast<int>(i)});
  }
  return tasks;
}

Html plus_minus(const Spread& s, int digits) {
  if (s.n == 0) return Html("\u2013");
  if (s.n == 1) return number(s.mean, digits);
  return Html(number(s.mean, digits)) + " <span class=\"pm\">± " + number(s.std, digits) + "</span>";
}

std::string status_of(const Run& run) {
  if (!run.ended) return "running or interrupted";
  if (run.agents_stopped)
    return std::to_string(run.agents_stopped) + " of " + std::to_string(run.agents) + " agents stopped";
  return run.finished ? "finished" : "stopped early";
}

std::string steps_label(const Task& task) {
  std::size_t interacting = 0, prompted = 0;
  for (const Task::Member& m : task.members) prompted += m.run->prompts.has_value();
  if (prompted == task.members.size()) return "optimiser steps";
  for (const Task::Member& m : task.members) interacting += m.run->interacts;
  return interacting == 0                     ? "gradient steps"
         : interacting == task.members.size() ? "environment steps"
                                              : "steps: the environment's where a run interacts";
}

Series curve(const Task::Member& m, const std::vector<run::MetricsRecord>& records, const std::string& key) {
  Series s{m.run->label, m.colour, {}, {}, {}, {}};
  for (const run::MetricsRecord& r : records) {
    const auto found = r.values.find(key);
    if (found == r.values.end()) continue;
    const Spread v = spread(found->second);
    s.x.push_back(static_cast<double>(r.step));
    s.y.push_back(v.n ? v.mean : kNone);
    s.low.push_back(v.n ? v.min : kNone);
    s.high.push_back(v.n ? v.max : kNone);
  }
  return s;
}

// One a run that has a finite value of it.
std::vector<Series> evaluation_curves(const Task& task, const std::string& key) {
  std::vector<Series> series;
  for (const Task::Member& m : task.members) {
    Series s = curve(m, m.run->eval, key);
    if (std::ranges::any_of(s.y, [](double y) { return std::isfinite(y); })) series.push_back(std::move(s));
  }
  return series;
}

Html training_charts(const Task& task) {
  std::set<std::string> keys;
  for (const Task::Member& m : task.members)
    for (const auto& record : m.run->train)
      for (const auto& [key, values] : record.values) keys.insert(key);
  Html html;
  for (const std::string& key : keys) {
    const bool loss = key.starts_with("loss/");
    std::map<std::string, std::vector<Series>> charts;  // by what may share an axis
    for (const Task::Member& m : task.members)
      if (Series s = curve(m, m.run->train, key); !s.x.empty())
        charts[loss ? kind_of_loss(*m.run) : ""].push_back(std::move(s));
    for (const auto& [kind, series] : charts)
      html += Html("<figure>") + line_chart({key, steps_label(task), key}, series, 420, 250, false) +
              (loss ? Html("<figcaption>") + kind + "</figcaption>" : Html()) + "</figure>";
  }
  std::vector<Series> labels;
  for (const Task::Member& m : task.members) labels.push_back({m.run->label, m.colour, {}, {}, {}, {}});
  return legend(labels) + "<div class=\"multiples\">" + html + "</div>";
}

}  // namespace hardy::report
