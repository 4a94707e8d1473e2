#include "engine/run/report/dataset_page.h"

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/run/report/chart.h"
#include "engine/run/report/small_bars.h"
#include "engine/run/report/style.h"

namespace hardy::run::report {
namespace {

using nlohmann::json;

double value_of(const json& object, const char* key) {
  if (!object.is_object()) return std::numeric_limits<double>::quiet_NaN();
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

std::string text_of(const json& object, const char* key, const char* otherwise = "?") {
  const auto found = object.find(key);
  return found == object.end() ? otherwise : found->is_string() ? found->get<std::string>() : found->dump();
}

std::vector<double> list(const json& object, const char* key) {
  return object.is_object() ? object.value(key, std::vector<double>{}) : std::vector<double>{};
}

std::string item(const std::string& name, const std::string& html) {
  return "<div><dt>" + name + "</dt><dd>" + html + "</dd></div>";
}

std::string spread_text(const json& s, int digits = 1) {
  return number(value_of(s, "mean"), digits) + " ± " + number(value_of(s, "std"), digits);
}

std::string count(double n) {
  std::string digits = number(n, 0);
  for (std::size_t i = digits.size(); i > 3 && i - 3 < digits.size(); i -= 3) digits.insert(i - 3, "\u202f");
  return digits;
}

std::string facts(const json& s) {
  std::string html =
      "<dl>" + item("rows", count(value_of(s, "rows"))) + item("episodes", count(value_of(s, "episodes"))) +
      item("terminated", count(value_of(s, "terminated"))) +
      item("timed out", count(value_of(s, "timed_out"))) +
      item("observation, action",
           number(value_of(s, "observation_size"), 0) + ", " + number(value_of(s, "action_size"), 0)) +
      item("return", spread_text(s.value("return", json()))) +
      item("length", spread_text(s.value("length", json()), 0));
  if (s.contains("score"))
    html += item("score (" + escaped(text_of(s["score"], "family")) + ")",
                 spread_text(s["score"]) + ", best " + number(value_of(s["score"], "max")));
  if (s.contains("sha256"))
    html += item("SHA-256", "<code>" + escaped(text_of(s, "sha256").substr(0, 16)) + "…</code>");
  return html + "</dl>";
}

std::string findings(const json& audit) {
  const json found = audit.value("findings", json::array());
  if (found.empty()) return "<p>The audit found nothing.</p>";
  std::string rows;
  for (const json& f : found) {
    std::string first;
    for (const json& row : f.value("first_rows", json::array()))
      first += (first.empty() ? "" : ", ") + row.dump();
    const std::string severity = text_of(f, "severity");
    rows += std::string(severity == "note" ? "<tr>" : "<tr class=\"differs\">") + "<td>" + escaped(severity) +
            "</td><td class=\"wrap\"><code>" + escaped(text_of(f, "column", "")) + "</code> " +
            escaped(text_of(f, "text")) + "<br><span class=\"note\">" + escaped(text_of(f, "advice")) +
            "</span></td><td class=\"n\">" + count(value_of(f, "count")) + "</td><td>" + escaped(first) +
            "</td></tr>";
  }
  return "<div class=\"scroll\"><table><thead><tr><th>severity</th><th>finding</th><th "
         "class=\"n\">count</th>"
         "<th>first rows</th></tr></thead><tbody>" +
         rows + "</tbody></table></div>";
}

std::string corruption(const json& s) {
  const json c = s.value("corruption", json());
  if (!c.is_object()) return "";
  std::string html =
      "<section><h2>Corruption</h2><p>Changed on purpose, with generator " +
      escaped(text_of(c, "generator")) + " and seed " + escaped(text_of(c, "seed")) + ", pattern " +
      escaped(text_of(c, "pattern", "rows")) + ", " + escaped(text_of(c, "copies", "tuple")) +
      " copies; <code>hardy data corrupt --undo</code> gives back the clean file.</p><div "
      "class=\"scroll\"><table><thead><tr><th>element</th><th>mode</th><th class=\"n\">rows</th><th "
      "class=\"n\">share</th><th class=\"n\">scale</th></tr></thead><tbody>";
  for (const json& e : c.value("elements", json::array()))
    html += "<tr><td>" + escaped(text_of(e, "element")) + "</td><td>" +
            escaped(text_of(e, "mode", "random")) + "</td><td class=\"n\">" +
            count(value_of(e, "rows_changed")) + "</td><td class=\"n\">" +
            number(100 * value_of(e, "rows_changed") / value_of(s, "rows")) + " %</td><td class=\"n\">" +
            short_number(value_of(e, "scale")) + "</td></tr>";
  html += "</tbody></table></div><h3>Where</h3><div class=\"strips\">";
  int colour = 1;
  const json shares = s.value("corrupted_share", json::object());
  for (const auto& [element, where] : shares.items())
    html += "<figure>" +
            strip(element + ": share of rows attacked", where.get<std::vector<double>>(), colour++) +
            "</figure>";
  return html + "</div></section>";
}

std::string distributions(const json& s) {
  std::string html;
  const json columns = s.value("columns", json::object());
  for (const auto& [key, dims] : columns.items()) {
    html += "<h3>" + escaped(key) + "</h3><div class=\"multiples dims\">";
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const json& d = dims[k];
      const double bad = value_of(d, "not_finite");
      const std::string title = (dims.size() > 1 ? "dimension " + std::to_string(k) : key) +
                                (bad > 0 ? ": " + number(bad, 0) + " not finite" : "");
      if (!d.contains("histogram")) {
        html += "<p class=\"note\">" + escaped(title) + "</p>";
        continue;
      }
      html += "<figure>" +
              small_histogram(title, list(d["histogram"], "edges"), list(d["histogram"], "counts")) +
              "<figcaption>" + short_number(value_of(d, "mean")) + " ± " + short_number(value_of(d, "std")) +
              "</figcaption></figure>";
    }
    html += "</div>";
  }
  return html;
}

std::string continuity(const json& s) {
  const json c = s.value("continuity", json());
  if (!c.is_object())
    return "<p class=\"note\">The file has no next observations: every state is there once.</p>";
  const double broken = value_of(c, "broken"), pairs = value_of(c, "pairs");
  return "<p>" + count(broken) + " of " + count(pairs) + " next observations (" +
         number(pairs > 0 ? 100 * broken / pairs : 0, 2) +
         " %) differ from the observation of the following row in the same episode.</p><div "
         "class=\"strips\"><figure>" +
         strip("share of rows that do not continue", list(c, "broken_share"), 3) + "</figure></div>";
}

// The same drawing for wide and for phone-narrow windows.
std::string two_widths(const std::string& wide, const std::string& narrow) {
  return "<figure><div class=\"wide\">" + wide + "</div><div class=\"narrow\">" + narrow + "</div></figure>";
}

std::string over_file(const std::vector<double>& values, const std::string& what, int colour) {
  Series series{what, colour, {}, values, {}, {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    series.x.push_back(100 * (static_cast<double>(i) + 0.5) / static_cast<double>(values.size()));
  const ChartText text{what + " in the file's order", "percent of the file's episodes", what};
  return two_widths(line_chart(text, {series}, 760, 260, false), line_chart(text, {series}, 380, 260, false));
}

std::string spread_charts(const json& s, const char* key, const char* list_key, const std::string& what,
                          int colour) {
  const json h = s.value(key, json()).value("histogram", json());
  const ChartText text{what + "s of the episodes", "episode " + what, "episodes"};
  return two_widths(histogram(text, list(h, "edges"), list(h, "counts")),
                    small_histogram(what + "s of the episodes", list(h, "edges"), list(h, "counts"), 380)) +
         (list(s, list_key).size() > 1 ? over_file(list(s, list_key), "episode " + what, colour) : "");
}

std::string layout(const json& s) {
  std::string rows;
  const json all = s.value("layout", json::object());
  for (const auto& [key, text] : all.items())
    rows += "<tr><td><code>" + escaped(key) + "</code></td><td>" + escaped(text.get<std::string>()) +
            "</td></tr>";
  return "<details><summary>" + std::to_string(all.size()) +
         " arrays</summary><div class=\"scroll\"><table><thead><tr><th>key</th><th>type and "
         "shape</th></tr></thead><tbody>" +
         rows + "</tbody></table></div></details>";
}

constexpr const char* kMore = R"(
td.wrap{white-space:normal;min-width:220px}
.strips{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:12px}
.dims{grid-template-columns:repeat(auto-fill,minmax(min(100%,220px),1fr))}.dims svg{font-size:14px}
@media (max-width:600px){.dims{grid-template-columns:repeat(2,minmax(0,1fr))}.dims svg{font-size:16px}}
)";

}  // namespace

std::string dataset_page(const json& s, const json& audit) {
  const std::string name = std::filesystem::path(text_of(s, "path")).filename().string();
  const json c = s.value("corruption", json());
  std::string elements;
  if (c.is_object())
    for (const json& e : c.value("elements", json::array()))
      elements += (elements.empty() ? "" : ", ") + text_of(e, "element");
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\"><title>" +
         escaped(name) + "</title><style>" + std::string(kStyle) + kMore +
         "</style></head><body><main><header><p class=\"brand\">Hardy dataset</p><h1>" + escaped(name) +
         "</h1><p class=\"lead\">" + count(value_of(s, "rows")) + " transitions in " +
         count(value_of(s, "episodes")) + " episodes; " +
         (c.is_object() ? "corrupted on purpose: " + escaped(elements) : "no corruption on record") +
         ".</p></header><section><h2>At a glance</h2>" + facts(s) + "</section>" + corruption(s) +
         "<section><h2>Audit</h2>" + findings(audit) + "</section><section><h2>Returns</h2>" +
         spread_charts(s, "return", "returns", "return", 0) + "</section><section><h2>Episode lengths</h2>" +
         spread_charts(s, "length", "lengths", "length", 2) + "</section><section><h2>Continuity</h2>" +
         continuity(s) + "</section><section><h2>Distributions</h2>" + distributions(s) +
         "</section><section><h2>Layout</h2>" + layout(s) + "</section></main></body></html>\n";
}

}  // namespace hardy::run::report
