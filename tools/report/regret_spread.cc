// What a regret study's means leave out: how regret spreads over replicas, how it grows with the
// environments' sizes, and several studies beside each other.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/report/chart.h"
#include "tools/report/study_page.h"

namespace hardy::report {
namespace {

using run::Fields;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kFewReplicas = 8;  // of fewer there is no spread to draw

std::string amount(double v) { return number(v, std::abs(v) < 100 ? 1 : 0); }
double last(const std::vector<double>& values) { return values.empty() ? kNone : values.back(); }

// The regrets of the replicas at the last K, the largest first, each at its share of replicas with at least
// as much.
Series tail_of(const Fields& m, int colour) {
  std::vector<double> regrets = m.numbers("replicas_at_last");
  std::sort(regrets.begin(), regrets.end(), std::greater<>());
  Series s{m.text("label"), colour, {}, {}, {}, {}};
  for (std::size_t i = 0; i < regrets.size(); ++i) {
    s.x.push_back(static_cast<double>(i + 1) / static_cast<double>(regrets.size()));
    s.y.push_back(regrets[i]);
  }
  return s;
}

Html spread_table(const std::vector<Fields>& methods) {
  Html head = heading("method");
  for (const char* name :
       {"mean", "sd", "median", "95 of 100 below", "99 of 100 below", "largest", "min eta Q", "tail index"})
    head += heading(std::string(name), true);
  Html body;
  for (const Fields& m : methods) {
    const std::vector<Fields> extremes = m.list("extremes");
    body += Html("<tr>") + cell(Html("<strong>") + m.text("label") + "</strong>");
    for (const char* key : {"mean", "deviation", "median", "below_95", "below_99", "highest"})
      body += cell(amount(last(m.numbers(key))), true);
    body += cell(general(extremes.empty() ? kNone : extremes.back().number("least_eta_q", kNone)), true) +
            cell(number(m.number("tail_index", kNone)), true) + "</tr>";
  }
  return table(head, body);
}

// An exponent, or why there is none.
Html exponent_cell(const Fields& e) {
  const std::string why = e.text("none_because", "");
  return cell(why.empty() ? exponent(e) : Html(why));
}

}  // namespace

Html regret_spread(const Fields& study) {
  std::vector<Fields> methods;
  for (const Fields& m : study.list("methods"))
    if (m.has("replicas_at_last") && m.numbers("replicas_at_last").size() >= kFewReplicas)
      methods.push_back(m);
  if (methods.empty()) return {};
  std::vector<Series> series;
  bool positive = true;
  for (const Fields& m : methods) {
    series.push_back(tail_of(m, static_cast<int>(series.size())));
    positive = positive && series.back().y.back() > 0;
  }
  const std::string K = number(last(methods.front().numbers("episodes")), 0);
  return Html("<h3>How regret spreads over replicas</h3>") + spread_table(methods) + legend(series) +
         "<figure>" +
         chart_for_both({"Regret over replicas",
                         "share of replicas with at least that regret",
                         "regret",
                         true,
                         positive,
                         {}},
                        series, 340) +
         "<figcaption>K = " + K +
         ", every replica a point: at 1 the smallest regret, at 0.5 the median, at the left end the largest. "
         "A flat line is a method whose runs are alike; one that rises to the left has a heavy tail, and its "
         "mean is then a matter of which replicas were drawn. No rate is read off "
         "here.</figcaption></figure>";
}

Html regret_sizes(const Fields& results) {
  if (!results.has("sizes")) return {};
  const Html head = heading("method") + heading("size x") + heading("exponent of x") + heading("the others");
  Html body;
  for (const Fields& m : results.list("sizes"))
    for (const char* how : {"along", "joint"})
      for (const Fields& e : m.list(how))
        body += Html("<tr>") + cell(m.text("label")) + cell(e.text("size")) +
                exponent_cell(e.at("exponent")) + cell(e.text("held", "")) + "</tr>";
  return Html("<section><h2>Growth with the sizes</h2>") + table(head, body) +
         "<p class=\"note\">Least squares of log mean regret on log x, along one size while the others stay, "
         "or of all sizes at once, with 95 % studentised bootstrap intervals over replicas. Over a few "
         "values "
         "of a size these are slopes between passing points; an upper bound's power of x may be "
         "larger.</p></section>";
}

Html regret_comparison(const std::vector<Fields>& studies) {
  Html head = heading("study") + heading("method") + heading("K", true) + heading("mean", true) +
              heading("median", true) + heading("largest", true) + heading("upper half", true) +
              heading("theory", true),
       body, names;
  std::vector<Series> series;
  std::size_t at = 0;
  for (const Fields& results : studies)
    for (const Fields& study : results.list("studies")) {
      const std::string which = std::to_string(++at), losses = study.text("losses", "");
      names += Html("<li>") + which + ". " + results.text("title") + ": " + study.text("env") +
               (losses.empty() ? Html() : Html(", ") + losses) + "</li>";
      for (const Fields& m : study.list("methods")) {
        const double error = last(m.numbers("standard_error")), mean = last(m.numbers("mean"));
        body += Html("<tr>") + cell(which) + cell(Html("<strong>") + m.text("label") + "</strong>") +
                cell(number(last(m.numbers("episodes")), 0), true) +
                cell(Html(amount(mean)) + (std::isfinite(error)
                                               ? Html(" <span class=\"pm\">± ") + amount(error) + "</span>"
                                               : Html()),
                     true) +
                cell(amount(m.has("median") ? last(m.numbers("median")) : kNone), true) +
                cell(amount(last(m.numbers("highest"))), true) + cell(exponent(m.at("upper_half")), true) +
                cell(number(m.number("theory_exponent", kNone), 2), true) + "</tr>";
        if (m.text("method", "") != "uniform")
          series.push_back({which + ": " + m.text("label"),
                            static_cast<int>(series.size()),
                            m.numbers("episodes"),
                            m.numbers("mean"),
                            {},
                            {}});
      }
    }
  Html chart;
  constexpr std::size_t kColours = 8;
  if (series.size() <= kColours)
    chart =
        legend(series) + "<figure>" +
        chart_for_both({"Mean regret of all studies", "episodes K", "regret", true, true, {}}, series, 360) +
        "<figcaption>Means over replicas, each study's number before its methods. Environments, losses and "
        "settings are each study's own: the heights compare where those are the same, the slopes as far as "
        "their sections call them rates.</figcaption></figure>";
  return Html("<section><h2>Side by side</h2><ul class=\"note\">") + names + "</ul>" + table(head, body) +
         chart + "</section>";
}

}  // namespace hardy::report
