// A regret study's sections of its page.
#include <algorithm>
#include <cmath>

#include "algorithms/experiments/growth.h"
#include "engine/base/error.h"
#include "tools/report/chart.h"
#include "tools/report/study_page.h"

namespace hardy::report {
namespace {

using run::Fields;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr int kUniformColour = 6;  // grey

int digits_for(double v) { return std::abs(v) < 100 ? 1 : 0; }

// A method's numbers, a list for each K and as long as the list of them.
struct Growth {
  std::string label;
  std::vector<double> episodes, mean, error, highest, local;
  Fields exponent, upper_half;
  double theory;         // the exponent that theory shows; NaN: none
  std::string standing;  // a rate, or a passing point
  std::vector<Fields> settings;
  std::vector<std::string> covariance;

  explicit Growth(const Fields& m)
      : label(m.text("label")),
        episodes(m.numbers("episodes")),
        mean(m.numbers("mean")),
        error(m.numbers("standard_error")),
        highest(m.numbers("highest")),
        local(m.numbers("local_exponents")),
        exponent(m.at("exponent")),
        upper_half(m.at("upper_half")),
        theory(m.number("theory_exponent", kNone)),
        standing(m.text("standing", "")),
        settings(m.list("settings")),
        covariance(m.texts("covariance")) {
    const std::size_t k = episodes.size();
    if (k == 0 || mean.size() != k || error.size() != k || highest.size() != k || settings.size() != k ||
        local.size() != k - 1)
      throw Error("the lists of '" + label + "' are not as long as its 'episodes'", m.file(),
                  "put back the file that hardy wrote");
  }
};

// Theory's slope through a method's last point, as far down as half of its least regret.
Series guide_of(const Growth& m, int colour) {
  Series guide{"", colour, {}, {}, {}, {}, true, true};
  if (!std::isfinite(m.theory) || m.episodes.size() < 3 || !(m.mean.back() > 0)) return guide;
  for (const double k : m.episodes) {
    guide.x.push_back(k);
    const double y = m.mean.back() * std::pow(k / m.episodes.back(), m.theory);
    guide.y.push_back(y > m.mean.front() / 2 ? y : kNone);
  }
  return guide;
}

// "1/2" of what theory shows.
std::string fraction(double x) {
  for (const int below : {2, 3, 4, 7, 9})
    if (const double above = x * below; std::abs(above - std::round(above)) < 1e-9)
      return std::to_string(std::lround(above)) + "/" + std::to_string(below);
  return number(x, 2);
}

// Mean regret with two standard errors, and the fitted power law beside it, where there is one.
std::vector<Series> growth_series(const Fields& study, const std::vector<Growth>& methods) {
  std::vector<Series> series;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const Growth& m = methods[i];
    Series s{m.label, static_cast<int>(i), m.episodes, m.mean, {}, {}};
    for (std::size_t k = 0; k < m.mean.size(); ++k) {
      const double spread = std::isfinite(m.error[k]) ? 2 * m.error[k] : 0;
      s.low.push_back(
          std::max(m.mean[k] - spread, m.mean[k] / 100));  // a logarithm needs something above zero
      s.high.push_back(m.mean[k] + spread);
    }
    series.push_back(std::move(s));
    if (!std::isfinite(m.exponent.number("value", kNone))) continue;
    const algorithms::Line line = algorithms::fit_log_log(m.episodes, m.mean);
    Series fit{"", static_cast<int>(i), m.episodes, {}, {}, {}, true};
    for (const double k : m.episodes) fit.y.push_back(std::exp(line.intercept + line.slope * std::log(k)));
    series.push_back(std::move(fit));
  }
  for (std::size_t i = 0; i < methods.size(); ++i)
    if (const Series guide = guide_of(methods[i], static_cast<int>(i)); !guide.x.empty())
      series.push_back(guide);
  if (const std::vector<double> uniform = study.numbers("uniform");
      uniform.size() == methods.at(0).episodes.size())
    series.push_back({"uniform policy", kUniformColour, methods.at(0).episodes, uniform, {}, {}});
  return series;
}

// What of the figure is a rate, and what a passing point.
Html standings(const std::vector<Growth>& methods) {
  if (methods.at(0).episodes.size() < 3) return {};
  Html items;
  for (const Growth& m : methods)
    if (!m.standing.empty()) items += Html("<li><strong>") + m.label + "</strong>: " + m.standing + "</li>";
  return items.empty() ? Html()
                       : Html(
                             "<p class=\"note\">What is a rate here, and what a passing point:</p><ul "
                             "class=\"note\">") +
                             items + "</ul>";
}

Html growth_chart(const Fields& study, const std::vector<Growth>& methods) {
  if (methods.at(0).episodes.size() < 2) return {};  // no growth to draw: regret_spread() shows the replicas
  const std::vector<Series> series = growth_series(study, methods);
  const bool fits = std::ranges::any_of(series, [](const Series&s) { return s.dashed && !s.guide; }),
             guides = std::ranges::any_of(series, [](const Series&s) { return s.guide; });
  return legend(series) + "<figure>" +
         chart_for_both({"Regret against the number of episodes", "episodes K", "regret", true, true, {}},
                        series, 400) +
         "<figcaption>Logarithmic axes. Points: mean over replicas, each K a run of its own with its own "
         "settings. "
         "Band: two standard errors. " +
         (fits ? Html("Dashed: the fitted power law.")
               : Html("No curve is a power law, and none is fitted.")) +
         (guides ? Html(" Dotted: theory's slope through a method's last point.") : Html()) +
         "</figcaption></figure>" + standings(methods);
}

// Between neighbouring K, drawn at their geometric mean.
Html local_chart(const std::vector<Growth>& methods) {
  if (methods.at(0).local.size() < 2) return {};
  std::vector<Series> series;
  for (const Growth& m : methods) {
    Series s{m.label, static_cast<int>(series.size()), {}, m.local, {}, {}};
    for (std::size_t i = 1; i < m.episodes.size(); ++i)
      s.x.push_back(std::sqrt(m.episodes[i - 1] * m.episodes[i]));
    series.push_back(std::move(s));
  }
  std::vector<Level> theory;
  for (const Growth& m : methods)
    if (std::isfinite(m.theory) &&
        std::ranges::none_of(theory, [&](const Level& l) { return std::abs(l.y - m.theory) < 1e-9; }))
      theory.push_back({"theory: " + fraction(m.theory), m.theory});
  return Html("<h3>Where the curves are heading</h3>") + legend(series) + "<figure>" +
         chart_for_both(
             {"Local exponents", "episodes K", "slope between neighbouring K", true, false, theory}, series,
             300) +
         "<figcaption>Passing points all: each is the slope between two K. " +
         (theory.empty() ? Html()
                         : Html("Dashed: the exponents that theory shows for methods of this figure. ")) +
         "An exponent that still moves has not reached its rate: what is fitted over all K is "
         "then an "
         "average over regimes.</figcaption></figure>";
}

Html curve_chart(const Fields& study) {
  std::vector<Series> series;
  double largest = 0;
  for (const Fields& m : study.list("methods")) {
    if (!m.has("curve")) continue;
    const Fields curve = m.at("curve");
    Series s{m.text("label"),
             static_cast<int>(series.size()),
             curve.numbers("episode"),
             curve.numbers("mean"),
             {},
             {}};
    if (s.x.size() != s.y.size())
      throw Error("the curve of '" + s.label + "' has other counts of 'episode' and 'mean'", m.file(),
                  "put back the file that hardy wrote");
    if (!s.x.empty()) largest = s.x.back();
    series.push_back(std::move(s));
  }
  if (series.empty()) return {};
  return Html("<h3>Within the longest run</h3>") + legend(series) + "<figure>" +
         chart_for_both({"Regret over the episodes of one run", "episode k", "regret so far"}, series, 300) +
         "<figcaption>K = " + number(largest, 0) +
         ", mean over replicas: the learner's loss so far minus that of the best fixed policy for those "
         "episodes. One run at the settings of its K: how it bends says nothing about the rate in "
         "K.</figcaption></figure>";
}

// Why a table's exponents are missing; the same for each K alone where there is one K.
Html missing_exponents(const std::vector<Growth>& methods) {
  if (methods.at(0).episodes.size() < 2) return {};
  Html items;
  for (const Growth& m : methods)
    for (const bool all : {true, false})
      if (const std::string why = (all ? m.exponent : m.upper_half).text("none_because", ""); !why.empty())
        items += Html("<li>") + m.label + (all ? Html(", all K: ") : Html(", upper half: ")) + why + "</li>";
  return items.empty() ? Html()
                       : Html(
                             "<p class=\"note\">No exponent is given where it would say nothing:</p><ul "
                             "class=\"note\">") +
                             items + "</ul>";
}

Html results_table(const std::vector<Growth>& methods) {
  Html head = heading("method"), body;
  const std::vector<double>& k = methods.at(0).episodes;
  std::vector<std::size_t> shown{0};
  if (k.size() > 2) shown.push_back(k.size() / 2);
  if (k.size() > 1) shown.push_back(k.size() - 1);
  for (const std::size_t i : shown) head += heading("K = " + number(k[i], 0), true);
  head += heading("largest", true) + heading("exponent", true) + heading("upper half", true);
  for (const Growth& m : methods) {
    body += Html("<tr>") + cell(Html("<strong>") + m.label + "</strong>");
    for (const std::size_t i : shown) {
      if (i >= m.mean.size())
        throw Error("the methods have other 'episodes'", m.exponent.file(), "one list for all");
      body += cell(Html(number(m.mean[i], digits_for(m.mean[i]))) +
                       (std::isfinite(m.error[i]) ? Html(" <span class=\"pm\">± ") +
                                                        number(m.error[i], digits_for(m.error[i])) + "</span>"
                                                  : Html()),
                   true);
    }
    body += cell(number(m.highest.back(), digits_for(m.highest.back())), true) +
            cell(exponent(m.exponent), true) + cell(exponent(m.upper_half), true) + "</tr>";
  }
  return table(head, body) +
         "<p class=\"note\">Mean regret ± standard error over replicas; the largest regret of any replica at "
         "the last "
         "K; exponent x of R ~ K<sup>x</sup> by least squares of log R on log K, with a 95 % "
         "studentised bootstrap interval over "
         "replicas; the same over the larger half of the K.</p>" +
         missing_exponents(methods);
}

Html settings_table(const std::vector<Growth>& methods) {
  const Html head = heading("method") + heading("K", true) + heading("eta", true) + heading("beta", true) +
                    heading("gamma", true) + heading("literal bound") + heading("covariance");
  Html body;
  for (const Growth& m : methods)
    for (const std::size_t i : {std::size_t{0}, m.episodes.size() - 1}) {
      const Fields& s = m.settings[i];
      body += Html("<tr>") + cell(m.label) + cell(number(m.episodes[i], 0), true) +
              cell(general(s.number("eta", kNone)), true) + cell(general(s.number("beta", kNone)), true) +
              cell(general(s.number("gamma", kNone)), true) + cell(s.text("literal_bound", "")) +
              cell(i < m.covariance.size() ? m.covariance[i] : "") + "</tr>";
      if (m.episodes.size() == 1) break;
    }
  return table(head, body);
}

Html study_section(const Fields& study) {
  std::vector<Growth> methods;
  for (const Fields& m : study.list("methods")) methods.emplace_back(m);
  if (methods.empty())
    throw Error("a study has no 'methods'", study.file(), "a list of objects would be right");
  const Fields first = study.list("methods").front();
  Html about = Html("<p>Comparator: the ") + first.text("comparator", "best fixed policy in hindsight") + ".";
  if (study.has("linearity"))
    about += Html(" Distance from a linear MDP: max |Q - phi theta| ") +
             general(study.at("linearity").number("q", kNone)) + ", max |P - phi mu| " +
             general(study.at("linearity").number("transitions", kNone)) + ".";
  return Html("<section><h2>") + study.text("env") + "</h2>" + about + "</p>" + results_table(methods) +
         growth_chart(study, methods) + local_chart(methods) + regret_spread(study) + curve_chart(study) +
         "<h3>Settings</h3>" + settings_table(methods) + "</section>";
}

Html caveats() {
  return "<section><h2>What a finite K can and cannot tell</h2><p>A bound says how regret grows when K does, "
         "up to "
         "constants. A fitted exponent averages over the K that were run: early points may lie where no "
         "learner has "
         "learned yet and regret grows like K. Trust an exponent where the local slopes have come to rest, "
         "and read "
         "the interval as the spread over seeds, not as a distance from the limit.</p><p>An exponent is "
         "given where "
         "regret stays 5 % and two standard errors below the uniform policy's at every K, the slopes over "
         "the two "
         "halves of the K differ by 0.1 at most (or by less than three standard errors), and no mean lies 10 "
         "% "
         "off the "
         "line.</p><p>Methods run at their own prescribed settings. Where exponential weights stand beside "
         "the "
         "magnitude-reduced estimator with the same gamma, they show how much of a difference comes from the "
         "estimator and how much from being allowed a small gamma.</p></section>";
}

}  // namespace

Html regret_sections(const Fields& results) {
  Html html = Html("<p class=\"lead\">") + std::to_string(results.integer("replicas")) +
              " replicas a point. Regret computed exactly, against a comparator that each study names.</p>";
  if (!results.flag("complete", true))
    html +=
        "<p class=\"note\">This study was stopped before its end: what is here had been played by then.</p>";
  Html lines;
  for (const char* key : {"warnings", "notes"})
    for (const std::string& line : results.texts(key)) lines += Html("<li>") + line + "</li>";
  if (!lines.empty()) html += Html("<ul class=\"note\">") + lines + "</ul>";
  for (const Fields& study : results.list("studies")) html += study_section(study);
  return html + regret_sizes(results) + caveats();
}

}  // namespace hardy::report
