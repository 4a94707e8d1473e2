// A regret study's sections of its page.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "algorithms/adversarial/growth.h"
#include "tools/hardy/study_page.h"

namespace hardy::tools {
namespace {

using nlohmann::json;
using run::report::escaped;
using run::report::number;
using run::report::Series;

int digits_for(double v) { return std::abs(v) < 100 ? 1 : 0; }
std::string exponent(const json& e) {
  const std::string fitted = number(value_of(e.at("value")), 2);
  const double low = value_of(e.at("low")), high = value_of(e.at("high"));
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
    s.x = values_of(m.at("episodes"));
    s.y = values_of(m.at("mean"));
    const std::vector<double> error = values_of(m.at("standard_error"));
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

std::string growth_chart(const json& study) {
  const std::vector<Series> series = growth_series(study);
  return legend(series) + "<figure>" +
         chart_for_both({"Regret against the number of episodes", "episodes K", "regret", true, true}, series,
                        400) +
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
    s.y = values_of(m.at("local_exponents"));
    const std::vector<double> k = values_of(m.at("episodes"));
    for (std::size_t i = 1; i < k.size(); ++i) s.x.push_back(std::sqrt(k[i - 1] * k[i]));
    series.push_back(std::move(s));
  }
  if (series.empty() || series[0].x.size() < 2) return "";
  return "<h3>Where the curves are heading</h3><figure>" +
         chart_for_both({"Local exponents", "episodes K", "slope between neighbouring K", true, false},
                        series, 300) +
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
    s.x = values_of(m.at("curve").at("episode"));
    s.y = values_of(m.at("curve").at("mean"));
    if (!s.x.empty()) largest = s.x.back();
    series.push_back(std::move(s));
  }
  if (series.empty()) return "";
  return "<h3>Within the longest run</h3><figure>" +
         chart_for_both({"Regret over the episodes of one run", "episode k", "regret so far"}, series, 300) +
         "<figcaption>K = " + number(largest, 0) +
         ", mean over replicas: the learner's loss so far minus that of the best fixed policy for those "
         "episodes.</figcaption></figure>";
}

std::string results_table(const json& study) {
  std::string head = table_heading("method", false), body;
  const json& first = study.at("methods").at(0);
  const std::vector<double> k = values_of(first.at("episodes"));
  std::vector<std::size_t> shown{0};
  if (k.size() > 2) shown.push_back(k.size() / 2);
  if (k.size() > 1) shown.push_back(k.size() - 1);
  for (const std::size_t i : shown) head += table_heading("K = " + number(k[i], 0));
  head += table_heading("largest") + table_heading("exponent") + table_heading("upper half");
  for (const json& m : study.at("methods")) {
    const std::vector<double> mean = values_of(m.at("mean")), error = values_of(m.at("standard_error"));
    body += "<tr>" + table_cell("<strong>" + escaped(m.at("label").get<std::string>()) + "</strong>", false);
    for (const std::size_t i : shown)
      body += table_cell(number(mean[i], digits_for(mean[i])) +
                         (std::isfinite(error[i])
                              ? " <span class=\"pm\">± " + number(error[i], digits_for(error[i])) + "</span>"
                              : ""));
    const double most = values_of(m.at("highest")).back();
    body += table_cell(number(most, digits_for(most))) + table_cell(exponent(m.at("exponent"))) +
            table_cell(exponent(m.at("upper_half"))) + "</tr>";
  }
  return table(head, body) +
         "<p class=\"note\">Mean regret ± standard error over replicas; the largest regret of any replica at "
         "the "
         "last K; exponent x of R ~ K<sup>x</sup> by least squares of log R on log K, with a 95 % bootstrap "
         "interval over replicas; the same over the larger half of the K.</p>";
}

std::string settings_table(const json& study) {
  const std::string head = table_heading("method", false) + table_heading("K") + table_heading("eta") +
                           table_heading("beta") + table_heading("gamma") +
                           table_heading("literal bound", false);
  std::string body;
  for (const json& m : study.at("methods")) {
    const std::vector<double> k = values_of(m.at("episodes"));
    for (const std::size_t i : {std::size_t{0}, k.size() - 1}) {
      const json& s = m.at("settings").at(i);
      body += "<tr>" + table_cell(escaped(m.at("label").get<std::string>()), false) +
              table_cell(number(k[i], 0)) + table_cell(general(value_of(s.value("eta", json())))) +
              table_cell(general(value_of(s.value("beta", json())))) +
              table_cell(general(value_of(s.value("gamma", json())))) +
              table_cell(escaped(s.value("literal_bound", "")), false) + "</tr>";
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

std::string regret_sections(const json& results) {
  std::string html =
      "<p class=\"lead\">" + std::to_string(results.at("replicas").get<int>()) +
      " replicas a point. Regret against the best fixed policy in hindsight, computed exactly.</p>";
  for (const json& study : results.at("studies")) html += study_section(study);
  return html + caveats();
}

}  // namespace hardy::tools
