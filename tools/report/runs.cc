#include "tools/report/runs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/run/fields.h"
#include "engine/run/run_directory.h"
#include "tools/report/chart.h"

namespace hardy::report {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double number_in(const run::Fields& f, const std::string& object, const std::string& key) {
  return f.has(object) ? f.at(object).number(key, kNone) : kNone;
}

RunData data_of(const run::Fields& d) {
  RunData data;
  data.path = d.text("path", "dataset");
  data.view = d.text("view", "?");
  data.sha256 = d.text("sha256", "?");
  data.rows = d.number("rows", kNone);
  data.transitions = d.number("transitions", kNone);
  data.episodes = d.number("episodes", kNone);
  data.return_mean = number_in(d, "return", "mean");
  data.return_std = number_in(d, "return", "std");
  data.score_mean = number_in(d, "score", "mean");
  data.score_best = number_in(d, "score", "max");
  data.clean_score_mean = number_in(d, "clean_score", "mean");
  data.clean_score_best = number_in(d, "clean_score", "max");
  if (d.has("return") && d.at("return").has("histogram")) {
    data.return_edges = d.at("return").at("histogram").numbers("edges");
    data.return_counts = d.at("return").at("histogram").numbers("counts");
  }
  data.corrupted = d.has("corruption");
  if (!data.corrupted) return data;
  const run::Fields c = d.at("corruption");
  data.in_memory = c.flag("in_memory", false);
  data.generator = c.shown("generator");
  data.seed = c.shown("seed");
  for (const run::Fields& e : c.list("elements"))
    data.elements.push_back({e.text("element", "?"), e.number("rate", kNone), e.number("scale", kNone),
                             e.number("rows_changed", kNone)});
  return data;
}

void read_about(const run::Fields& about, Run& r) {
  r.method = about.text("method");
  r.task = about.text("env", "");
  r.command = about.text("command", "");
  r.notes = about.text("notes", "");
  r.version = about.text("version", "");
  r.source = about.text("source", "");
  r.created = about.text("created", "");
  r.agents = static_cast<std::size_t>(std::max<std::int64_t>(0, about.integer("agents", 1)));
  if (about.has("settings")) {
    const run::Fields settings = about.at("settings");
    for (const auto& [key, value] : settings.object().items()) r.settings[key] = settings.shown(key);
  }
  if (about.has("prompts")) {
    const run::Fields p = about.at("prompts");
    const auto setting = [&](const char* key) {
      return r.settings.contains(key) ? r.settings.at(key) : std::string();
    };
    r.task = setting("task").empty() ? setting("prompts") : setting("task");
    r.prompts = RunPrompts{setting("prompts").empty() ? setting("task") : setting("prompts"),
                           p.texts("bands"),
                           p.texts("test_bands"),
                           p.number("count", kNone),
                           p.number("demonstrations_rejected", kNone),
                           p.number("test", kNone)};
  }
  r.interacts = !about.has("dataset") && !r.prompts;
  if (about.has("dataset")) r.data = data_of(about.at("dataset"));
}

void read_ended(const run::Fields& summary, Run& r) {
  r.ended = true;
  r.finished = summary.flag("finished", false);
  r.steps = summary.number("steps", kNone);
  r.seconds = summary.number("seconds", kNone);
  for (const run::Fields& agent : summary.list("agents"))
    r.agents_stopped += agent.text("status", "ok") != "ok";
}

std::string padded(std::string text, std::size_t width, bool right) {
  // A letter of several bytes takes one column.
  const auto letters = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  if (letters < width) text.insert(right ? 0 : text.size(), width - letters, ' ');
  return text;
}

std::string interval_text(const Spread& s, int digits) {
  if (s.n == 0) return "\u2013";
  return number(s.mean, digits) + (s.n > 1 ? " ± " + number(s.std, digits) : "");
}

}  // namespace

bool RunData::rewards_corrupted() const {
  return !in_memory && std::ranges::any_of(elements, [](const Element& e) { return e.name == "rewards"; });
}

std::string RunData::corruption_text() const {
  if (!corrupted) return "none";
  std::string text;
  for (const Element& e : elements)
    text += (text.empty() ? "" : ", ") + e.name + " " + number(100 * e.rate, 0) + " % (scale " +
            number(e.scale, 1) + ")";
  return text;
}

std::vector<Run> read_runs(const std::vector<std::string>& paths) {
  std::vector<Run> runs;
  std::map<std::string, int> names;
  for (const std::string& p : paths) {
    Run r;
    r.path = p;
    r.steps = r.seconds = kNone;
    read_about(run::read_run(p), r);
    for (run::MetricsRecord& m : run::read_metrics(r.path / "metrics.jsonl"))
      (m.kind == "eval" ? r.eval : r.train).push_back(std::move(m));
    if (!r.train.empty()) {
      r.steps = static_cast<double>(r.train.back().step);
      r.seconds = r.train.back().seconds;
    }
    if (const auto summary = run::read_summary(p)) read_ended(*summary, r);
    std::string name =
        r.path.filename().empty() ? r.path.parent_path().filename().string() : r.path.filename().string();
    if (const int seen = names[name]++) name += " (" + std::to_string(seen + 1) + ")";
    r.label = name;
    runs.push_back(std::move(r));
  }
  return runs;
}

Spread spread(const std::vector<double>& values) {
  Spread s;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    s.min = s.n ? std::min(s.min, v) : v;
    s.max = s.n ? std::max(s.max, v) : v;
    s.mean += v;
    ++s.n;
  }
  if (s.n == 0) return s;
  s.mean /= static_cast<double>(s.n);
  for (const double v : values)
    if (std::isfinite(v)) s.std += (v - s.mean) * (v - s.mean);
  s.std = s.n > 1 ? std::sqrt(s.std / static_cast<double>(s.n - 1)) : 0;
  return s;
}

Spread last_evaluation(const Run& run, const std::string& key) {
  if (run.eval.empty()) return {};
  const auto found = run.eval.back().values.find(key);
  return found == run.eval.back().values.end() ? Spread{} : spread(found->second);
}

std::vector<bool> clearly_best(const std::vector<Run>& runs) {
  std::vector<Spread> scores;
  for (const Run& r : runs) scores.push_back(last_evaluation(r, "score/mean"));
  const auto above_all = [&](std::size_t i) {
    bool others = false;
    for (std::size_t j = 0; j < runs.size(); ++j) {
      if (j == i || runs[j].task != runs[i].task || scores[j].n == 0) continue;
      others = true;
      if (scores[j].n < 2 || scores[i].mean - scores[i].std <= scores[j].mean + scores[j].std) return false;
    }
    return others && scores[i].n > 1;
  };
  std::vector<bool> best;
  for (std::size_t i = 0; i < runs.size(); ++i) best.push_back(above_all(i));
  return best;
}

std::string results_text(const std::vector<Run>& runs) {
  std::vector<std::vector<std::string>> rows{{"run", "task", "method", "score", "return"}};
  for (const Run& r : runs)
    rows.push_back({r.label, r.task.empty() ? "\u2013" : r.task, r.method,
                    interval_text(last_evaluation(r, "score/mean"), 1),
                    r.prompts ? "\u2013" : interval_text(last_evaluation(r, "return/mean"), 0)});
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], static_cast<std::size_t>(std::ranges::count_if(
                                          row[i], [](char c) { return (c & 0xc0) != 0x80; })));
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i ? "  " : "") + padded(row[i], widths[i], i >= 3);
    text += "\n";
  }
  return text;
}

}  // namespace hardy::report
