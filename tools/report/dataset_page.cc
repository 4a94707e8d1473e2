#include "tools/report/dataset_page.h"

#include <filesystem>
#include <limits>

#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "tools/report/chart.h"
#include "tools/report/small_bars.h"

namespace hardy::report {
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
  return found == object.end() ? otherwise
         : found->is_string()  ? found->get<std::string>()
                               : run::json_text(*found, -1);
}

std::vector<double> list(const json& object, const char* key) {
  return object.is_object() ? object.value(key, std::vector<double>{}) : std::vector<double>{};
}

// An object within, empty where there is none.
json within(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : json::object();
}

Html item(const std::string& name, const Html& content) {
  return Html("<div><dt>") + name + "</dt><dd>" + content + "</dd></div>";
}

std::string spread_text(const json& s, int digits = 1) {
  return number(value_of(s, "mean"), digits) + " ± " + number(value_of(s, "std"), digits);
}

std::string count(double n) {
  std::string digits = number(n, 0);
  for (std::size_t i = digits.size(); i > 3 && i - 3 < digits.size(); i -= 3) digits.insert(i - 3, "\u202f");
  return digits;
}

bool has_returns(const json& s) { return s.contains("return") && s["return"].is_object(); }

Html facts(const json& s) {
  Html html =
      Html("<dl>") + item("rows", count(value_of(s, "rows"))) +
      item("episodes", count(value_of(s, "episodes"))) +
      item("terminated", count(value_of(s, "terminated"))) +
      item("timed out", count(value_of(s, "timed_out"))) +
      item("observation, action",
           number(value_of(s, "observation_size"), 0) + ", " + number(value_of(s, "action_size"), 0)) +
      (has_returns(s) ? item(s.contains("rewards_corrupted") ? "return (corrupted rewards)" : "return",
                             spread_text(s["return"]))
                      : Html()) +
      item("length", spread_text(within(s, "length"), 0));
  // What comes of rewards that were corrupted on purpose says so, with the record's clean ones beside it.
  const auto score = [&](const char* key, const std::string& of) {
    if (s.contains(key))
      html += item("score (" + text_of(s[key], "family") + of + ")",
                   spread_text(s[key]) + ", best " + number(value_of(s[key], "max")));
  };
  score("score", s.contains("rewards_corrupted") ? ", corrupted rewards" : "");
  if (s.contains("clean_return")) html += item("return (clean rewards)", spread_text(s["clean_return"]));
  score("clean_score", ", clean rewards");
  if (s.contains("sha256"))
    html += item("SHA-256", Html("<code>") + text_of(s, "sha256").substr(0, 16) + "…</code>");
  return html + "</dl>";
}

Html findings(const json& audit) {
  const json found = audit.value("findings", json::array());
  if (found.empty()) {
    std::string names;
    for (const json& name : audit.value("checks", json::array()))
      names +=
          (names.empty() ? " It looked for: " : ", ") + (name.is_string() ? name.get<std::string>() : "?");
    if (!names.empty()) names += ".";
    return Html("<p>The audit found nothing.") + names + "</p>";
  }
  Html rows;
  for (const json& f : found) {
    std::string first;
    for (const json& row : f.value("first_rows", json::array()))
      first += (first.empty() ? "" : ", ") + run::json_text(row, -1);
    const std::string severity = text_of(f, "severity");
    rows += (severity == "note" ? Html("<tr>") : Html("<tr class=\"differs\">")) + cell(severity) +
            "<td class=\"wrap\"><code>" + text_of(f, "column", "") + "</code> " + text_of(f, "text") +
            "<br><span class=\"note\">" + text_of(f, "advice") + "</span></td>" +
            cell(count(value_of(f, "count")), true) + cell(first) + "</tr>";
  }
  return table(heading("severity") + heading("finding") + heading("count", true) + heading("first rows"),
               rows);
}

Html corruption(const json& s) {
  const json c = s.value("corruption", json());
  if (!c.is_object()) return {};
  Html rows;
  for (const json& e : c.value("elements", json::array()))
    rows += Html("<tr>") + cell(text_of(e, "element")) + cell(text_of(e, "mode", "random")) +
            cell(count(value_of(e, "rows_changed")), true) +
            cell(number(100 * value_of(e, "rows_changed") / value_of(s, "rows")) + " %", true) +
            cell(short_number(value_of(e, "scale")), true) + "</tr>";
  Html html = Html("<section><h2>Corruption</h2><p>Changed on purpose, with generator ") +
              text_of(c, "generator") + " and seed " + text_of(c, "seed") + ", pattern " +
              text_of(c, "pattern", "rows") + ", " + text_of(c, "copies", "tuple") +
              " copies; <code>hardy data corrupt --undo</code> gives back the clean file.</p>" +
              table(heading("element") + heading("mode") + heading("rows", true) + heading("share", true) +
                        heading("scale", true),
                    rows) +
              "<h3>Where</h3><div class=\"strips\">";
  int colour = 1;
  const json shares = s.value("corrupted_share", json::object());
  for (const auto& [element, where] : shares.items())
    html += Html("<figure>") +
            strip(element + ": share of rows attacked", where.get<std::vector<double>>(), colour++) +
            "</figure>";
  return html + "</div></section>";
}

Html distributions(const json& s) {
  Html html;
  const json columns = s.value("columns", json::object());
  for (const auto& [key, dims] : columns.items()) {
    html += Html("<h3>") + key + "</h3><div class=\"multiples dims\">";
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const json& d = dims[k];
      const double bad = value_of(d, "not_finite");
      const std::string title = (dims.size() > 1 ? "dimension " + std::to_string(k) : key) +
                                (bad > 0 ? ": " + number(bad, 0) + " not finite" : "");
      if (!d.contains("histogram")) {
        html += Html("<p class=\"note\">") + title + "</p>";
        continue;
      }
      html += Html("<figure>") +
              small_histogram(title, list(d["histogram"], "edges"), list(d["histogram"], "counts")) +
              "<figcaption>" + short_number(value_of(d, "mean")) + " ± " + short_number(value_of(d, "std")) +
              "</figcaption></figure>";
    }
    html += "</div>";
  }
  return html;
}

Html continuity(const json& s) {
  const json c = s.value("continuity", json());
  if (!c.is_object())
    return "<p class=\"note\">The file has no next observations: every state is there once.</p>";
  const double broken = value_of(c, "broken"), pairs = value_of(c, "pairs");
  return Html("<p>") + count(broken) + " of " + count(pairs) + " next observations (" +
         number(pairs > 0 ? 100 * broken / pairs : 0, 2) +
         " %) differ from the observation of the following row in the same episode.</p><div "
         "class=\"strips\"><figure>" +
         strip("share of rows that do not continue", list(c, "broken_share"), 3) + "</figure></div>";
}

Html over_file(const std::vector<double>& values, const std::string& what, int colour) {
  Series series{what, colour, {}, values, {}, {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    series.x.push_back(100 * (static_cast<double>(i) + 0.5) / static_cast<double>(values.size()));
  return Html("<figure>") +
         chart_for_both({what + " in the file's order", "percent of the file's episodes", what}, {series},
                        260) +
         "</figure>";
}

// of: what the numbers are of, where it must be said.
Html spread_charts(const json& s, const char* key, const char* list_key, const std::string& what,
                   const std::string& of, int colour) {
  const json h = within(within(s, key), "histogram"), along = within(s, "along_file");
  const std::string title = what + "s of the episodes" + of;
  const double each = value_of(along, "episodes_each");
  const std::string mean = each > 1 ? ", means of " + number(each, 0) + " episodes" : "";
  const std::vector<double> values = list(along, list_key);
  return Html("<figure><div class=\"wide\">") +
         histogram({title, "episode " + what, "episodes"}, list(h, "edges"), list(h, "counts")) +
         "</div><div class=\"narrow\">" + small_histogram(title, list(h, "edges"), list(h, "counts"), 380) +
         "</div></figure>" +
         (values.size() > 1 ? over_file(values, "episode " + what + mean + of, colour) : Html());
}

Html layout(const json& s) {
  Html rows;
  const json all = s.value("layout", json::object());
  for (const auto& [key, text] : all.items())
    rows += Html("<tr>") + cell(Html("<code>") + key + "</code>") + cell(text.get<std::string>()) + "</tr>";
  return Html("<details><summary>") + std::to_string(all.size()) + " arrays</summary>" +
         table(heading("key") + heading("type and shape"), rows) + "</details>";
}

constexpr char kMore[] = R"(
td.wrap{white-space:normal;min-width:220px}
.strips{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:12px}
.dims{grid-template-columns:repeat(auto-fill,minmax(min(100%,220px),1fr))}.dims svg{font-size:14px}
@media (max-width:600px){.dims{grid-template-columns:repeat(2,minmax(0,1fr))}.dims svg{font-size:16px}}
)";

Html section(const std::string& title, const Html& content) {
  return Html("<section><h2>") + title + "</h2>" + content + "</section>";
}

}  // namespace

std::string dataset_page(const json& s, const json& audit) {
  std::filesystem::path path = std::filesystem::path(text_of(s, "path")).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a folder
  const std::string name = path.filename().string();
  const json c = s.value("corruption", json());
  std::string elements;
  if (c.is_object())
    for (const json& e : c.value("elements", json::array()))
      elements += (elements.empty() ? "" : ", ") + text_of(e, "element");
  const Html lead = Html("<p class=\"lead\">") + count(value_of(s, "rows")) + " transitions in " +
                    count(value_of(s, "episodes")) + " episodes; " +
                    (c.is_object() ? "corrupted on purpose: " + elements : "no corruption on record") +
                    ".</p>";
  return whole_page(
             "Hardy dataset", name, lead,
             section("At a glance", facts(s)) + corruption(s) + section("Audit", findings(audit)) +
                 section("Returns",
                         has_returns(s)
                             ? spread_charts(s, "return", "returns", "return",
                                             s.contains("rewards_corrupted") ? " (corrupted rewards)" : "", 0)
                             : Html("<p class=\"note\">The dataset has no rewards.</p>")) +
                 section("Episode lengths", spread_charts(s, "length", "lengths", "length", "", 2)) +
                 section("Continuity", continuity(s)) + section("Distributions", distributions(s)) +
                 section("Layout", layout(s)),
             kMore)
      .str();
}

}  // namespace hardy::report
