#include "tools/report/page.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tools/report/chart.h"
#include "tools/report/post_training_sections.h"
#include "tools/report/run_curves.h"
#include "tools/report/watching.h"

namespace hardy::report {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Html lead(const std::vector<Run>& runs) {
  std::set<std::string> methods, data;
  std::size_t agents = 0;
  for (const Run& r : runs) {
    methods.insert(r.method);
    agents += r.agents;
    if (r.data)
      data.insert(r.data->path + " (" + number(r.data->rows, 0) +
                  " rows; corrupted: " + r.data->corruption_text() + ")");
  }
  return Html("<p class=\"lead\">") + joined(methods) + "; " + std::to_string(agents) + " agents in all" +
         (data.empty() ? "" : ", on " + joined(data, "; ")) + ".</p>";
}

Html mark_note(const std::vector<Run>& runs, const std::vector<bool>& best) {
  if (std::ranges::any_of(best, [](bool b) { return b; }))
    return "Marked: the best score of a task, where its mean less its deviation is above every other run's "
           "mean "
           "and deviation.";
  bool rivals = false, alone = false;  // two scores of one task; one of a single agent among them
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const std::size_t n = last_evaluation(runs[i], "score/mean").n,
                        m = last_evaluation(runs[j], "score/mean").n;
      if (runs[i].task != runs[j].task || n == 0 || m == 0) continue;
      rivals = true;
      alone = alone || n == 1 || m == 1;
    }
  if (!rivals) return {};
  return alone ? Html("No run is marked as the best: a single agent has no interval to tell by.")
               : Html("No run is marked as the best: intervals overlap.");
}

Html results_section(const std::vector<Run>& runs) {
  const std::vector<bool> best = clearly_best(runs);
  Html rows;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Run& r = runs[i];
    if (r.prompts) continue;
    const Spread length = last_evaluation(r, "length/mean");
    rows += (best[i] ? Html("<tr class=\"best\">") : Html("<tr>")) +
            cell(Html("<strong>") + r.label + "</strong>") +
            cell(r.task.empty() ? std::string("\u2013") : r.task) + cell(r.method) +
            cell(plus_minus(last_evaluation(r, "score/mean"), 1), true) +
            cell(plus_minus(last_evaluation(r, "return/mean"), 0), true) +
            cell(r.data ? r.data->corruption_text() : std::string("none")) +
            cell(std::to_string(r.agents), true) + cell(number(r.steps, 0), true) +
            cell(number(length.n ? length.mean : kNone, 0), true) +
            cell(number(r.steps / r.seconds * static_cast<double>(r.agents), 0), true) + cell(status_of(r)) +
            "</tr>";
  }
  if (rows.empty()) return {};
  const Html head = heading("run") + heading("task") + heading("method") + heading("score", true) +
                    heading("return", true) + heading("corrupted") + heading("agents", true) +
                    heading("steps", true) + heading("length", true) + heading("agent-steps/s", true) +
                    heading("status");
  return Html("<section><h2>Results</h2>") + table(head, rows) +
         "<p class=\"note\">Last evaluation of each run, in the clean environment of its task: mean ± sample "
         "standard deviation over agents. The score is 100 (R − R<sub>random</sub>) / (R<sub>expert</sub> − "
         "R<sub>random</sub>). " +
         mark_note(runs, best) + "</p></section>";
}

// What the files hold whose runs are drawn: the mean over their episodes.
std::vector<Level> dataset_levels(const Task& task, double RunData::*value) {
  std::vector<Level> levels;
  std::set<std::string> seen;
  for (const Task::Member& m : task.members) {
    if (!m.run->data || !std::isfinite((*m.run->data).*value)) continue;
    const RunData& d = *m.run->data;
    const std::string label =
        "the dataset's episodes" + std::string(d.rewards_corrupted() ? ", by corrupted rewards" : "");
    const double y = d.*value;
    const bool drawn = std::ranges::any_of(levels, [&](const Level& l) {
      return l.label == label && std::abs(l.y - y) <= 1e-6 * (1 + std::abs(y));
    });
    if (!drawn) levels.push_back({label, y});
  }
  if (levels.size() > 1)
    for (Level& l : levels) l.label += " (" + number(l.y) + ")";
  return levels;
}

// The returns at scores 0 and 100, from any two evaluations that differ; "" where there are none.
Html scale_note(const Task& task) {
  double score = kNone, ret = kNone;
  for (const Task::Member& m : task.members)
    for (const run::MetricsRecord& r : m.run->eval) {
      const auto scores = r.values.find("score/mean"), returns = r.values.find("return/mean");
      if (scores == r.values.end() || returns == r.values.end()) continue;
      for (std::size_t i = 0; i < std::min(scores->second.size(), returns->second.size()); ++i) {
        const double s = scores->second[i], t = returns->second[i];
        if (!std::isfinite(s) || !std::isfinite(t)) continue;
        if (std::isfinite(score) && std::abs(s - score) > 0.01) {
          const double slope = (t - ret) / (s - score);
          return Html(" A score of 0 is a return of ") + number(ret - slope * score) +
                 ", one of 100 a return of " + number(ret + slope * (100 - score)) + ".";
        }
        score = s;
        ret = t;
      }
    }
  return {};
}

Html evaluations(const Task& task) {
  if (std::ranges::all_of(task.members, [](const Task::Member& m) { return m.run->prompts.has_value(); }))
    return prompts_evaluations(task);
  const std::vector<Series> scores = evaluation_curves(task, "score/mean"),
                            returns = evaluation_curves(task, "return/mean");
  if (scores.empty() && returns.empty()) {
    if (task.name.empty())
      return "<p class=\"note\">Nothing was evaluated: no environment was named (--env).</p>";
    const bool all_ended =
        std::ranges::all_of(task.members, [](const Task::Member& m) { return m.run->ended; });
    return all_ended ? Html("<p class=\"note\">The runs ended without an evaluation.</p>")
                     : Html("<p class=\"note\">No evaluations yet.</p>");
  }
  // A score is a return on another scale: one of them is drawn.
  ChartText text = scores.empty()
                       ? ChartText{"Episode return over training", steps_label(task), "episode return"}
                       : ChartText{"Normalised score over training", steps_label(task), "score"};
  text.levels = dataset_levels(task, scores.empty() ? &RunData::return_mean : &RunData::score_mean);
  return Html("<figure>") + chart_for_both(text, scores.empty() ? returns : scores, 340, true) +
         "<figcaption>Line: mean over agents. Band: from the lowest to the highest agent." +
         (text.levels.empty() ? Html() : Html(" Dashed: the mean over the episodes of the dataset.")) +
         (scores.empty() ? Html() : scale_note(task)) + "</figcaption></figure>";
}

Html task_sections(const std::vector<Task>& tasks) {
  Html html;
  for (const Task& task : tasks) {
    const std::string name =
        tasks.size() == 1 ? "" : ": " + (task.name.empty() ? "not evaluated" : task.name);
    html += Html("<section><h2>Evaluation") + name + "</h2>" + evaluations(task) +
            "</section><section><h2>Training" + name + "</h2>" + training_charts(task) + "</section>";
  }
  return html;
}

Html corruption_list(const RunData& d) {
  Html html = Html("<p>Corrupted on purpose, generator ") + d.generator + ", seed " + d.seed + ":</p><ul>";
  for (const RunData::Element& e : d.elements)
    html += Html("<li>") + e.name + ": " + number(e.rows_changed, 0) + " rows (" +
            number(100 * e.rows_changed / d.rows) + " %), scale " + number(e.scale) + "</li>";
  html += "</ul>";
  if (d.rewards_corrupted())
    html +=
        "<p class=\"note\">Return and score are those of the corrupted rewards, not what the behaviour "
        "earned.</p>";
  return html;
}

Html data_section(const std::vector<Run>& runs) {
  Html html;
  std::set<std::string> seen;
  for (const Run& r : runs) {
    if (!r.data || !seen.insert(r.data->sha256 + r.data->corruption_text()).second) continue;
    const RunData& d = *r.data;
    html += Html("<h3>") + d.path + "</h3><dl>";
    const auto item = [&](const std::string& name, const Html& content) {
      html += Html("<div><dt>") + name + "</dt><dd>" + content + "</dd></div>";
    };
    item("rows", number(d.rows, 0));
    item("transitions", number(d.transitions, 0) + " (" + d.view + ")");
    item("episodes", number(d.episodes, 0));
    const std::string of = d.rewards_corrupted() ? " (corrupted rewards)" : "";
    item("return" + of, number(d.return_mean) + " ± " + number(d.return_std));
    item("score" + of, number(d.score_mean) + ", best " + number(d.score_best));
    if (std::isfinite(d.clean_score_mean))
      item("score (clean rewards)", number(d.clean_score_mean) + ", best " + number(d.clean_score_best));
    item("SHA-256", Html("<code>") + d.sha256.substr(0, 12) + "…</code>");
    html += "</dl>";
    html += d.corrupted ? corruption_list(d) : Html("<p>No corruption on record.</p>");
    if (d.return_edges.size() > 1)
      html += Html("<figure>") +
              histogram({"Returns of the dataset's episodes", "episode return", "episodes"}, d.return_edges,
                        d.return_counts) +
              "</figure>";
  }
  html += prompts_data(runs);
  return Html("<section><h2>Data</h2>") +
         (html.empty() ? Html("<p class=\"note\">These runs gathered their own data.</p>") : html) +
         "</section>";
}

Html configuration(const std::vector<Run>& runs) {
  std::set<std::string> keys;
  for (const Run& r : runs)
    for (const auto& [key, value] : r.settings) keys.insert(key);
  Html head = heading("key"), body;
  for (const Run& r : runs) head += heading(r.label);
  for (const std::string& key : keys) {
    std::set<std::string> different;
    Html row = cell(Html("<code>") + key + "</code>");
    for (const Run& r : runs) {
      const auto found = r.settings.find(key);
      const std::string text = found == r.settings.end() ? "" : found->second;
      different.insert(text);
      row += cell(text);
    }
    body += (different.size() > 1 ? Html("<tr class=\"differs\">") : Html("<tr>")) + row + "</tr>";
  }
  Html html =
      Html("<section><h2>Configuration</h2><details><summary>All settings (differences marked)</summary>") +
      table(head, body) + "</details><h3>Commands</h3>";
  for (const Run& r : runs) html += Html("<pre>") + r.command + "</pre>";
  for (const Run& r : runs)
    if (!r.notes.empty()) html += Html("<p class=\"note\">") + r.label + ": " + r.notes + "</p>";
  return html + "<p class=\"note\">hardy " + runs[0].version + ", source " + runs[0].source + ", began " +
         runs[0].created + "</p></section>";
}

}  // namespace

std::string page(const std::vector<Run>& runs) {
  const std::vector<Task> tasks = tasks_of(runs);
  std::vector<std::string> names;
  for (const Task& task : tasks)
    if (!task.name.empty()) names.push_back(task.name);
  const std::string title = names.empty() ? "Hardy report"
                                          : joined(names) + ": " + std::to_string(runs.size()) +
                                                (runs.size() == 1 ? " run" : " runs");
  return whole_page("Hardy", title, lead(runs),
                    results_section(runs) + prompts_results(runs) + task_sections(tasks) +
                        watching_section(runs) + data_section(runs) + configuration(runs))
      .str();
}

}  // namespace hardy::report
