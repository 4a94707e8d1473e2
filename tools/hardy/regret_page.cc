#include "tools/hardy/regret_page.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "algorithms/adversarial/growth.h"
#include "engine/base/error.h"
#include "engine/run/report/chart.h"
#include "engine/run/report/style.h"
#include "engine/run/run_directory.h"

namespace hardy::tools {
namespace {

using nlohmann::json;
using run::report::escaped;
using run::report::line_chart;
using run::report::number;
using run::report::Series;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double value(const json& j) { return j.is_number() ? j.get<double>() : kNone; }
std::vector<double> values(const json& list) {
  std::vector<double> v;
  for (const json& item : list) v.push_back(value(item));
  return v;
}
std::string cell(const std::string& text, bool numeric = true) {
  return (numeric ? "<td class=\"n\">" : "<td>") + text + "</td>";
}
std::string heading(const std::string& text, bool numeric = true) {
  return (numeric ? "<th class=\"n\">" : "<th>") + text + "</th>";
}
std::string table(const std::string& head, const std::string& body) {
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead><tbody>" + body +
         "</tbody></table></div>";
}
int digits_for(double v) { return std::abs(v) < 100 ? 1 : 0; }
std::string general(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return std::isfinite(v) ? text : "\u2013";
}
std::string exponent(const json& e) {
  const std::string fitted = number(value(e.at("value")), 2);
  const double low = value(e.at("low")), high = value(e.at("high"));
  return std::isfinite(low)
             ? fitted + " <span class=\"pm\">[" + number(low, 2) + ", " + number(high, 2) + "]</span>"
             : fitted;
}

// Mean regret with two standard errors, and the fitted power law beside it.
std::vector<Series> growth_series(const json& study) {
  std::vector<Series> series;
  for (const json& m : study.at("methods")) {
    Series s;
    s.colour = static_cast<int>(series.size() / 2);
    s.label = m.at("label").get<std::string>();
    s.x = values(m.at("episodes"));
    s.y = values(m.at("mean"));
    const std::vector<double> error = values(m.at("standard_error"));
    for (std::size_t i = 0; i < s.y.size(); ++i) {
      const double spread = std::isfinite(error[i]) ? 2 * error[i] : 0;
      s.low.push_back(std::max(s.y[i] - spread, s.y[i] / 100));  // a logarithm needs something above zero
      s.high.push_back(s.y[i] + spread);
    }
    const algorithms::Line line = algorithms::fit_log_log(s.x, s.y);
    Series fit;
    fit.colour = s.colour;
    fit.dashed = true;
    fit.x = s.x;
    for (const double k : s.x) fit.y.push_back(std::exp(line.intercept + line.slope * std::log(k)));
    series.push_back(std::move(s));
    series.push_back(std::move(fit));
  }
  return series;
}

std::string legend(const std::vector<Series>& series) {
  std::string html;
  for (const Series& s : series)
    if (!s.dashed)
      html += "<span><i style=\"background:var(--s" + std::to_string(s.colour % 8 + 1) + ")\"></i>" +
              escaped(s.label) + "</span>";
  return "<p class=\"legend\">" + html + "</p>";
}

std::string growth_chart(const json& study) {
  const std::vector<Series> series = growth_series(study);
  return legend(series) + "<figure>" +
         line_chart({"Regret against the number of episodes", "episodes K", "regret", true, true}, series,
                    760, 400, false) +
         "<figcaption>Logarithmic axes. Points: mean over replicas, each K a run of its own with its own "
         "settings. "
         "Band: two standard errors. Dashed: the fitted power law.</figcaption></figure>";
}

// Between neighbouring K, drawn at their geometric mean.
std::string local_chart(const json& study) {
  std::vector<Series> series;
  for (const json& m : study.at("methods")) {
    Series s;
    s.colour = static_cast<int>(series.size());
    s.label = m.at("label").get<std::string>();
    s.y = values(m.at("local_exponents"));
    const std::vector<double> k = values(m.at("episodes"));
    for (std::size_t i = 1; i < k.size(); ++i) s.x.push_back(std::sqrt(k[i - 1] * k[i]));
    series.push_back(std::move(s));
  }
  if (series.empty() || series[0].x.size() < 2) return "";
  return "<h3>Where the curves are heading</h3><figure>" +
         line_chart({"Local exponents", "episodes K", "slope between neighbouring K", true, false}, series,
                    760, 300, false) +
         "<figcaption>An exponent that still moves has not reached its rate: what is fitted over all K is "
         "then an "
         "average over regimes.</figcaption></figure>";
}

std::string curve_chart(const json& study) {
  std::vector<Series> series;
  double largest = 0;
  for (const json& m : study.at("methods")) {
    if (!m.contains("curve")) continue;
    Series s;
    s.colour = static_cast<int>(series.size());
    s.label = m.at("label").get<std::string>();
    s.x = values(m.at("curve").at("episode"));
    s.y = values(m.at("curve").at("mean"));
    if (!s.x.empty()) largest = s.x.back();
    series.push_back(std::move(s));
  }
  if (series.empty()) return "";
  return "<h3>Within the longest run</h3><figure>" +
         line_chart({"Regret over the episodes of one run", "episode k", "regret so far"}, series, 760, 300,
                    false) +
         "<figcaption>K = " + number(largest, 0) +
         ", mean over replicas: the learner's loss so far minus that of the best fixed policy for those "
         "episodes.</figcaption></figure>";
}

std::string results_table(const json& study) {
  std::string head = heading("method", false), body;
  const json& first = study.at("methods").at(0);
  const std::vector<double> k = values(first.at("episodes"));
  std::vector<std::size_t> shown{0};
  if (k.size() > 2) shown.push_back(k.size() / 2);
  if (k.size() > 1) shown.push_back(k.size() - 1);
  for (const std::size_t i : shown) head += heading("K = " + number(k[i], 0));
  head += heading("largest") + heading("exponent") + heading("upper half");
  for (const json& m : study.at("methods")) {
    const std::vector<double> mean = values(m.at("mean")), error = values(m.at("standard_error"));
    body += "<tr>" + cell("<strong>" + escaped(m.at("label").get<std::string>()) + "</strong>", false);
    for (const std::size_t i : shown)
      body += cell(number(mean[i], digits_for(mean[i])) +
                   (std::isfinite(error[i])
                        ? " <span class=\"pm\">± " + number(error[i], digits_for(error[i])) + "</span>"
                        : ""));
    const double most = values(m.at("highest")).back();
    body += cell(number(most, digits_for(most))) + cell(exponent(m.at("exponent"))) +
            cell(exponent(m.at("upper_half"))) + "</tr>";
  }
  return table(head, body) +
         "<p class=\"note\">Mean regret ± standard error over replicas; the largest regret of any replica at "
         "the "
         "last K; exponent x of R ~ K<sup>x</sup> by least squares of log R on log K, with a 95 % bootstrap "
         "interval over replicas; the same over the larger half of the K.</p>";
}

std::string settings_table(const json& study) {
  const std::string head = heading("method", false) + heading("K") + heading("eta") + heading("beta") +
                           heading("gamma") + heading("literal bound", false);
  std::string body;
  for (const json& m : study.at("methods")) {
    const std::vector<double> k = values(m.at("episodes"));
    for (const std::size_t i : {std::size_t{0}, k.size() - 1}) {
      const json& s = m.at("settings").at(i);
      body += "<tr>" + cell(escaped(m.at("label").get<std::string>()), false) + cell(number(k[i], 0)) +
              cell(general(value(s.value("eta", json())))) + cell(general(value(s.value("beta", json())))) +
              cell(general(value(s.value("gamma", json())))) +
              cell(escaped(s.value("literal_bound", "")), false) + "</tr>";
      if (k.size() == 1) break;
    }
  }
  return table(head, body);
}

std::string study_section(const json& study) {
  return "<section><h2>" + escaped(study.at("env").get<std::string>()) + "</h2>" + results_table(study) +
         growth_chart(study) + local_chart(study) + curve_chart(study) + "<h3>Settings</h3>" +
         settings_table(study) + "</section>";
}

std::string caveats() {
  return "<section><h2>What a finite K can and cannot tell</h2><p>A bound says how regret grows when K does, "
         "up to "
         "constants. A fitted exponent averages over the K that were run: early points may lie where no "
         "learner has "
         "learned yet and regret grows like K. Trust an exponent where the local slopes have come to rest, "
         "and read "
         "the interval as the spread over seeds, not as a distance from the limit.</p><p>Methods run at "
         "their own "
         "prescribed settings. Where exponential weights stand beside the magnitude-reduced estimator with "
         "the same "
         "gamma, they show how much of a difference comes from the estimator and how much from being allowed "
         "a "
         "small gamma.</p></section>";
}

}  // namespace

bool is_regret_study(const std::filesystem::path& folder) {
  return run::read_run(folder).value("kind", std::string()) == "regret";
}

std::string regret_page(const std::filesystem::path& folder) {
  const json about = run::read_run(folder), results = run::read_json(folder / "results.json");
  std::string sections, title = "Regret";
  try {
    for (const json& study : results.at("studies")) sections += study_section(study);
    title = results.at("title").get<std::string>();
  } catch (const json::exception& e) {
    throw Error(std::string("it is no result of a regret study (") + e.what() + ")",
                (folder / "results.json").string());
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\"><title>" +
         escaped(title) + "</title><style>" + std::string(run::report::kStyle) +
         "</style></head><body><main><header><p class=\"brand\">Hardy</p><h1>" + escaped(title) +
         "</h1><p class=\"lead\">" + std::to_string(results.at("replicas").get<int>()) +
         " replicas a point. Regret against the best fixed policy in hindsight, computed "
         "exactly.</p></header>" +
         sections + caveats() + "<section><h2>Configuration</h2><pre>" +
         escaped(about.value("command", std::string())) +
         "</pre><details><summary>All settings</summary><pre>" +
         escaped(about.value("resolved", std::string())) + "</pre></details><p class=\"note\">hardy " +
         escaped(about.value("version", std::string())) + ", source " +
         escaped(about.value("source", std::string())) + ", took " +
         number(value(results.value("seconds", json())), 1) + " s</p></section></main></body></html>\n";
}

}  // namespace hardy::tools
