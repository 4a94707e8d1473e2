#include "tools/hardy/study_page.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/run/report/style.h"
#include "engine/run/run_directory.h"

namespace hardy::tools {

using nlohmann::json;
using run::report::escaped;

double value_of(const json& j) {
  return j.is_number() ? j.get<double>() : std::numeric_limits<double>::quiet_NaN();
}
std::vector<double> values_of(const json& list) {
  std::vector<double> v;
  for (const json& item : list) v.push_back(value_of(item));
  return v;
}
std::string table_cell(const std::string& text, bool numeric) {
  return (numeric ? "<td class=\"n\">" : "<td>") + text + "</td>";
}
std::string table_heading(const std::string& text, bool numeric) {
  return (numeric ? "<th class=\"n\">" : "<th>") + text + "</th>";
}
std::string table(const std::string& head, const std::string& body) {
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead><tbody>" + body +
         "</tbody></table></div>";
}
std::string general(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return std::isfinite(v) ? text : "\u2013";
}
std::string legend(const std::vector<run::report::Series>& series) {
  std::string html;
  for (const run::report::Series& s : series)
    if (!s.dashed)
      html += "<span><i style=\"background:var(--s" + std::to_string(s.colour % 8 + 1) + ")\"></i>" +
              escaped(s.label) + "</span>";
  return "<p class=\"legend\">" + html + "</p>";
}

std::string chart_for_both(const run::report::ChartText& text, const std::vector<run::report::Series>& series,
                           int height) {
  return "<div class=\"wide\">" + run::report::line_chart(text, series, 760, height, false) +
         "</div><div class=\"narrow\">" + run::report::line_chart(text, series, 380, 300, false) + "</div>";
}

bool is_study(const std::filesystem::path& folder) { return run::read_run(folder).contains("kind"); }

std::string study_page(const std::filesystem::path& folder) {
  const json about = run::read_run(folder), results = run::read_json(folder / "results.json");
  const std::string kind = about.value("kind", std::string());
  std::string title, sections;
  try {
    title = results.at("title").get<std::string>();
    sections = kind == "estimators" ? estimator_sections(results) : regret_sections(results);
  } catch (const json::exception& e) {
    throw Error(std::string("it is no result of a study (") + e.what() + ")",
                (folder / "results.json").string());
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\"><title>" +
         escaped(title) + "</title><style>" + std::string(run::report::kStyle) +
         "</style></head><body><main><header><p class=\"brand\">Hardy</p><h1>" + escaped(title) +
         "</h1></header>" + sections + "<section><h2>Configuration</h2><pre>" +
         escaped(about.value("command", std::string())) +
         "</pre><details><summary>All settings</summary><pre>" +
         escaped(about.value("resolved", std::string())) + "</pre></details><p class=\"note\">hardy " +
         escaped(about.value("version", std::string())) + ", source " +
         escaped(about.value("source", std::string())) + "</p></section></main></body></html>\n";
}

}  // namespace hardy::tools
