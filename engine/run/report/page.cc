#include "engine/run/report/page.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "engine/run/report/chart.h"
#include "engine/run/report/style.h"

namespace hardy::run::report {
namespace {

using nlohmann::json;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string cell(const std::string& text, bool numeric = false) {
  return std::string(numeric ? "<td class=\"n\">" : "<td>") + text + "</td>";
}

double value_of(const json& object, const std::string& key) {
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : kNone;
}

// The last evaluation's values, one an agent.
std::vector<double> last(const Run& run, const std::string& key) {
  if (run.eval.empty()) return {};
  const auto found = run.eval.back().values.find(key);
  return found == run.eval.back().values.end() ? std::vector<double>{} : found->second;
}

std::string plus_minus(const Spread& s, int digits) {
  if (s.n == 0) return "\u2013";
  if (s.n == 1) return number(s.mean, digits);
  return number(s.mean, digits) + " <span class=\"pm\">± " + number(s.std, digits) + "</span>";
}

std::string corruption_text(const json& dataset) {
  const json c = dataset.is_object() ? dataset.value("corruption", json()) : json();
  if (!c.is_object()) return "none";
  std::string text;
  for (const auto& e : c.value("elements", json::array()))
    text += (text.empty() ? "" : ", ") + e.value("element", std::string("?")) + " " +
            number(100 * value_of(e, "rate"), 0) + " % (scale " + number(value_of(e, "scale"), 1) + ")";
  return text;
}

std::string status_of(const Run& run) {
  if (!run.summary.is_object()) return "running or interrupted";
  int stopped = 0;
  for (const auto& a : run.summary.value("agents", json::array()))
    stopped += a.value("status", std::string("ok")) != "ok";
  if (stopped) return std::to_string(stopped) + " of " + std::to_string(run.agents()) + " agents stopped";
  return run.summary.value("finished", false) ? "finished" : "stopped early";
}

std::string lead(const std::vector<Run>& runs) {
  std::set<std::string> methods, data;
  std::size_t agents = 0;
  for (const Run& r : runs) {
    methods.insert(r.text("method"));
    agents += r.agents();
    if (const json d = r.about.value("dataset", json()); d.is_object())
      data.insert(d.value("path", std::string("?")) + " (" + number(value_of(d, "rows"), 0) +
                  " rows; corrupted: " + corruption_text(d) + ")");
  }
  std::string names, sources;
  for (const std::string& m : methods) names += (names.empty() ? "" : ", ") + m;
  for (const std::string& d : data) sources += (sources.empty() ? "" : "; ") + d;
  return "<p class=\"lead\">" + std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs") + " of " +
         escaped(names) + ", " + std::to_string(agents) + " agents in all" +
         (sources.empty() ? "" : ", on " + escaped(sources)) + ".</p>";
}

std::string results_table(const std::vector<Run>& runs) {
  double best = -std::numeric_limits<double>::infinity();
  for (const Run& r : runs)
    if (const Spread s = spread(last(r, "score/mean")); s.n) best = std::max(best, s.mean);
  std::string rows;
  for (const Run& r : runs) {
    const Spread score = spread(last(r, "score/mean"));
    const double steps = r.summary.is_object() ? value_of(r.summary, "steps")
                         : r.train.empty()     ? kNone
                                               : static_cast<double>(r.train.back().step);
    const double seconds = r.summary.is_object() ? value_of(r.summary, "seconds")
                           : r.train.empty()     ? kNone
                                                 : r.train.back().seconds;
    const bool top = score.n && score.mean == best && runs.size() > 1;
    rows += std::string(top ? "<tr class=\"best\">" : "<tr>") +
            cell("<strong>" + escaped(r.label) + "</strong>") + cell(escaped(r.text("method"))) +
            cell(plus_minus(score, 1), true) + cell(plus_minus(spread(last(r, "return/mean")), 0), true) +
            cell(escaped(corruption_text(r.about.value("dataset", json())))) +
            cell(std::to_string(r.agents()), true) + cell(number(steps, 0), true) +
            cell(number(spread(last(r, "length/mean")).n ? spread(last(r, "length/mean")).mean : kNone, 0),
                 true) +
            cell(number(steps / seconds * static_cast<double>(r.agents()), 0), true) +
            cell(escaped(status_of(r))) + "</tr>";
  }
  return "<div class=\"scroll\"><table><thead><tr><th>run</th><th>method</th><th "
         "class=\"n\">score</th><th class=\"n\">return</th><th>corrupted</th><th class=\"n\">agents</th>"
         "<th class=\"n\">steps</th><th class=\"n\">length</th><th "
         "class=\"n\">agent-steps/s</th><th>status</th></tr></thead><tbody>" +
         rows +
         "</tbody></table></div>"
         "<p class=\"note\">Last evaluation of each run, in the clean environment: mean ± sample standard "
         "deviation over agents. "
         "The score is 100 (R − R<sub>random</sub>) / (R<sub>expert</sub> − R<sub>random</sub>).</p>";
}

Series curve(const Run& run, const std::vector<MetricsRecord>& records, const std::string& key, int colour) {
  Series s{run.label, colour, {}, {}, {}, {}};
  for (const MetricsRecord& r : records) {
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

std::string legend(const std::vector<Run>& runs) {
  std::string html;
  for (std::size_t i = 0; i < runs.size(); ++i)
    html += "<span><i style=\"background:var(--s" + std::to_string(i % 8 + 1) + ")\"></i>" +
            escaped(runs[i].label) + "</span>";
  return "<p class=\"legend\">" + html + "</p>";
}

// Drawn twice, for a screen and for a telephone, which has no room for labels at the lines' ends.
std::string evaluation_chart(const std::vector<Run>& runs, const std::string& key, const std::string& title,
                             const std::string& unit) {
  std::vector<Series> series;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (Series s = curve(runs[i], runs[i].eval, key, static_cast<int>(i)); !s.x.empty())
      series.push_back(std::move(s));
  if (series.empty()) return "<p class=\"note\">No evaluations yet.</p>";
  const ChartText text{title, "gradient steps", unit};
  return "<figure><div class=\"wide\">" + line_chart(text, series) + "</div><div class=\"narrow\">" +
         line_chart(text, series, 380, 300, false) + legend(runs) +
         "</div><figcaption>Line: mean over agents. Band: from the lowest to the highest "
         "agent.</figcaption></figure>";
}

std::string training_charts(const std::vector<Run>& runs) {
  std::set<std::string> keys;
  for (const Run& r : runs)
    for (const auto& m : r.train)
      for (const auto& [key, values] : m.values) keys.insert(key);
  std::string html;
  for (const std::string& key : keys) {
    std::vector<Series> series;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (Series s = curve(runs[i], runs[i].train, key, static_cast<int>(i)); !s.x.empty())
        series.push_back(std::move(s));
    html += "<figure>" + line_chart({key, "steps", key}, series, 420, 250, false) + "</figure>";
  }
  return legend(runs) + "<div class=\"multiples\">" + html + "</div>";
}

std::string data_section(const std::vector<Run>& runs) {
  std::string html;
  std::set<std::string> seen;
  for (const Run& r : runs) {
    const json d = r.about.value("dataset", json());
    if (!d.is_object() || !seen.insert(d.value("sha256", std::string()) + corruption_text(d)).second)
      continue;
    html += "<h3>" + escaped(d.value("path", std::string("dataset"))) + "</h3><dl>";
    const auto item = [&](const std::string& name, const std::string& text) {
      html += "<div><dt>" + name + "</dt><dd>" + text + "</dd></div>";
    };
    item("rows", number(value_of(d, "rows"), 0));
    item("transitions",
         number(value_of(d, "transitions"), 0) + " (" + escaped(d.value("view", std::string("?"))) + ")");
    item("episodes", number(value_of(d, "episodes"), 0));
    const json ret = d.value("return", json()), score = d.value("score", json());
    item("return", number(value_of(ret, "mean")) + " ± " + number(value_of(ret, "std")));
    item("score", number(value_of(score, "mean")) + ", best " + number(value_of(score, "max")));
    item("SHA-256", "<code>" + escaped(d.value("sha256", std::string("?")).substr(0, 12)) + "…</code>");
    html += "</dl>";
    if (const json c = d.value("corruption", json()); c.is_object()) {
      html += "<p>Corrupted on purpose, generator " + escaped(c.value("generator", std::string("?"))) +
              ", seed " + c.value("seed", json()).dump() + ":</p><ul>";
      for (const auto& e : c.value("elements", json::array()))
        html += "<li>" + escaped(e.value("element", std::string("?"))) + ": " +
                number(value_of(e, "rows_changed"), 0) + " rows (" +
                number(100 * value_of(e, "rows_changed") / value_of(d, "rows")) + " %), scale " +
                number(value_of(e, "scale")) + "</li>";
      html += "</ul>";
    } else {
      html += "<p>No corruption on record.</p>";
    }
    if (ret.is_object() && ret.contains("histogram"))
      html += "<figure>" +
              histogram({"Returns of the dataset's episodes", "episode return", "episodes"},
                        ret["histogram"].value("edges", std::vector<double>{}),
                        ret["histogram"].value("counts", std::vector<double>{})) +
              "</figure>";
  }
  return html.empty() ? "<p class=\"note\">These runs gathered their own data.</p>" : html;
}

std::string configuration(const std::vector<Run>& runs) {
  std::set<std::string> keys;
  std::vector<json> settings;
  for (const Run& r : runs) settings.push_back(r.about.value("settings", json::object()));
  for (const json& s : settings)
    for (const auto& [key, value] : s.items()) keys.insert(key);
  std::string head, body;
  for (const Run& r : runs) head += "<th>" + escaped(r.label) + "</th>";
  for (const std::string& key : keys) {
    std::set<std::string> different;
    std::string row;
    for (const json& all : settings) {
      const json v = all.value(key, json());
      const std::string text = v.is_string() ? v.get<std::string>() : v.is_null() ? "" : v.dump();
      different.insert(text);
      row += cell(escaped(text));
    }
    body += std::string(different.size() > 1 ? "<tr class=\"differs\">" : "<tr>") +
            cell("<code>" + escaped(key) + "</code>") + row + "</tr>";
  }
  std::string html =
      "<details><summary>All settings (differences marked)</summary><div "
      "class=\"scroll\"><table><thead><tr><th>key</th>" +
      head + "</tr></thead><tbody>" + body + "</tbody></table></div></details><h3>Commands</h3>";
  for (const Run& r : runs) html += "<pre>" + escaped(r.text("command")) + "</pre>";
  for (const Run& r : runs)
    if (const std::string notes = r.text("notes"); !notes.empty())
      html += "<p class=\"note\">" + escaped(r.label) + ": " + escaped(notes) + "</p>";
  html += "<p class=\"note\">hardy " + escaped(runs[0].text("version")) + ", source " +
          escaped(runs[0].text("source")) + ", began " + escaped(runs[0].text("created")) + "</p>";
  return html;
}

}  // namespace

std::string page(const std::vector<Run>& runs) {
  std::string title = "Hardy report";
  if (!runs[0].text("env").empty())
    title = runs[0].text("env") + ": " + std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs");
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">"
         "<title>" +
         escaped(title) + "</title><style>" + std::string(kStyle) +
         "</style></head><body><main><header><p class=\"brand\">Hardy</p><h1>" + escaped(title) + "</h1>" +
         lead(runs) + "</header><section><h2>Results</h2>" + results_table(runs) +
         "</section><section><h2>Score</h2>" +
         evaluation_chart(runs, "score/mean", "Normalised score over training", "score") +
         "</section><section><h2>Return</h2>" +
         evaluation_chart(runs, "return/mean", "Episode return over training", "episode return") +
         "</section><section><h2>Data</h2>" + data_section(runs) + "</section><section><h2>Training</h2>" +
         training_charts(runs) + "</section><section><h2>Configuration</h2>" + configuration(runs) +
         "</section></main></body></html>\n";
}

}  // namespace hardy::run::report
