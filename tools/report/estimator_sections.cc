// A study of covariance estimators: its sections of the page.
#include <functional>
#include <set>

#include "tools/report/chart.h"
#include "tools/report/study_page.h"

namespace hardy::report {
namespace {

using run::Fields;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Column {
  std::string label, key;
  bool bound;  // a number, drawn dashed; otherwise a mean with its standard error
};

// Errors against samples on logarithmic axes, one chart a gamma.
Html chart(const std::vector<Fields>& errors, double gamma, const std::string& title,
           const std::vector<Column>& columns) {
  std::vector<Series> series;
  for (const Column& c : columns) {
    Series s{c.label, static_cast<int>(series.size()), {}, {}, {}, {}, c.bound};
    for (const Fields& e : errors) {
      if (e.number("gamma") != gamma) continue;
      s.x.push_back(static_cast<double>(e.integer("samples")));
      if (c.bound) {
        s.y.push_back(e.number(c.key, kNone));
        continue;
      }
      const double mean = e.at(c.key).number("mean", kNone),
                   error = e.at(c.key).number("standard_error", kNone);
      s.y.push_back(mean);
      s.low.push_back(std::max(mean - 2 * error, mean / 100));
      s.high.push_back(mean + 2 * error);
    }
    series.push_back(std::move(s));
  }
  return Html("<figure>") +
         line_chart({title, "samples M", title + ", gamma = " + general(gamma), true, true, {}}, series, 420,
                    280, false) +
         "</figure>";
}

}  // namespace

Html estimator_sections(const Fields& results) {
  const std::vector<Fields> errors = results.list("errors");
  Html multiplicative, absolute, body;
  std::set<double, std::greater<>> gammas;
  for (const Fields& e : errors) gammas.insert(e.number("gamma"));
  const std::vector<Column> factors{{"empirical inverse", "empirical", false},
                                    {"matrix geometric resampling", "resampling", false},
                                    {"bound", "empirical_bound", true}},
      norms{{"empirical inverse", "empirical_absolute", false},
            {"matrix geometric resampling", "resampling_absolute", false},
            {"bound", "resampling_bias_bound", true}};
  for (const double gamma : gammas) {
    multiplicative += chart(errors, gamma, "multiplicative error", factors);
    absolute += chart(errors, gamma, "operator error", norms);
  }
  const auto error_cell = [](const Fields& e) {
    return cell(Html(general(e.number("mean", kNone))) + " <span class=\"pm\">± " +
                    general(e.number("standard_error", kNone)) + "</span>",
                true);
  };
  for (const Fields& e : errors)
    body += Html("<tr>") + cell(general(e.number("gamma")), true) +
            cell(std::to_string(e.integer("samples")), true) +
            cell(std::to_string(e.integer("chains")) + " × " + std::to_string(e.integer("terms")), true) +
            error_cell(e.at("empirical")) + error_cell(e.at("resampling")) +
            cell(general(e.number("empirical_bound", kNone)), true) + error_cell(e.at("empirical_absolute")) +
            error_cell(e.at("resampling_absolute")) +
            cell(general(e.number("resampling_bias_bound", kNone)), true) + "</tr>";
  Html head;
  for (const std::string name : {"gamma", "samples M", "chains × N", "empirical", "MGR", "bound",
                                 "empirical, op", "MGR, op", "bias bound"})
    head += heading(name, true);
  const Html names =
      legend({{"empirical inverse", 0, {}, {}, {}, {}}, {"matrix geometric resampling", 1, {}, {}, {}, {}}});
  return Html("<p class=\"lead\">") + results.text("env") + ", layer " +
         std::to_string(results.integer("layer")) + ", uniform policy; means of " +
         std::to_string(results.integer("repeats")) +
         " estimates. Both estimators see the same samples.</p><section><h2>Multiplicative error</h2>" +
         names + "<div class=\"multiples\">" + multiplicative +
         "</div><p class=\"note\">The norm of G<sup>1/2</sup> X G<sup>1/2</sup> − I with G = gamma I + "
         "Sigma. Dashed: "
         "z / (1 − z), z² = 3 ln(2 d H / delta) / (gamma M), which the empirical inverse keeps to with "
         "probability "
         "1 − delta; nothing is drawn where z ≥ 1 and the bound says nothing.</p></section>"
         "<section><h2>Operator error</h2>" +
         names + "<div class=\"multiples\">" + absolute +
         "</div><p class=\"note\">The norm of X − G<sup>−1</sup>. Dashed: (1 − gamma / 2)<sup>N+1</sup> / "
         "gamma bounds "
         "the bias of resampling with N terms; its variance comes on "
         "top.</p></section><section><h2>Figures</h2>" +
         table(head, body) + "</section>";
}

}  // namespace hardy::report
