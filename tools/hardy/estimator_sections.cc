// A study of covariance estimators: its sections of the page.
#include <map>
#include <nlohmann/json.hpp>

#include "tools/hardy/study_page.h"

namespace hardy::tools {
namespace {

using nlohmann::json;
using run::report::Series;

struct Column {
  std::string label, key;
  bool bound;  // a number, drawn dashed; otherwise a mean with its standard error
};

// Errors against samples on logarithmic axes, one chart a gamma.
std::string chart(const json& errors, double gamma, const std::string& title,
                  const std::vector<Column>& columns) {
  std::vector<Series> series;
  for (const Column& c : columns) {
    Series s;
    s.label = c.label;
    s.colour = static_cast<int>(series.size());
    s.dashed = c.bound;
    for (const json& e : errors) {
      if (value_of(e.at("gamma")) != gamma) continue;
      s.x.push_back(value_of(e.at("samples")));
      if (c.bound) {
        s.y.push_back(value_of(e.at(c.key)));
        continue;
      }
      const double mean = value_of(e.at(c.key).at("mean")),
                   error = value_of(e.at(c.key).at("standard_error"));
      s.y.push_back(mean);
      s.low.push_back(std::max(mean - 2 * error, mean / 100));
      s.high.push_back(mean + 2 * error);
    }
    series.push_back(std::move(s));
  }
  return "<figure>" +
         line_chart({title, "samples M", title + ", gamma = " + general(gamma), true, true}, series, 420, 280,
                    false) +
         "</figure>";
}

}  // namespace

std::string estimator_sections(const json& results) {
  const json& errors = results.at("errors");
  std::string multiplicative, absolute, body;
  std::map<double, bool, std::greater<>> gammas;
  for (const json& e : errors) gammas[value_of(e.at("gamma"))] = true;
  const std::vector<Column> factors{{"empirical inverse", "empirical", false},
                                    {"matrix geometric resampling", "resampling", false},
                                    {"bound", "empirical_bound", true}},
      norms{{"empirical inverse", "empirical_absolute", false},
            {"matrix geometric resampling", "resampling_absolute", false},
            {"bound", "resampling_bias_bound", true}};
  for (const auto& [gamma, seen] : gammas) {
    multiplicative += chart(errors, gamma, "multiplicative error", factors);
    absolute += chart(errors, gamma, "operator error", norms);
  }
  const auto error_cell = [](const json& e) {
    return table_cell(general(value_of(e.at("mean"))) + " <span class=\"pm\">± " +
                      general(value_of(e.at("standard_error"))) + "</span>");
  };
  for (const json& e : errors)
    body += "<tr>" + table_cell(general(value_of(e.at("gamma")))) + table_cell(e.at("samples").dump()) +
            table_cell(e.at("chains").dump() + " × " + e.at("terms").dump()) + error_cell(e.at("empirical")) +
            error_cell(e.at("resampling")) + table_cell(general(value_of(e.at("empirical_bound")))) +
            error_cell(e.at("empirical_absolute")) + error_cell(e.at("resampling_absolute")) +
            table_cell(general(value_of(e.at("resampling_bias_bound")))) + "</tr>";
  const std::string head = table_heading("gamma") + table_heading("samples M") + table_heading("chains × N") +
                           table_heading("empirical") + table_heading("MGR") + table_heading("bound") +
                           table_heading("empirical, op") + table_heading("MGR, op") +
                           table_heading("bias bound");
  Series empirical, resampling;
  empirical.label = "empirical inverse";
  resampling.label = "matrix geometric resampling";
  resampling.colour = 1;
  return "<p class=\"lead\">" + run::report::escaped(results.at("env").get<std::string>()) + ", layer " +
         results.at("layer").dump() + ", uniform policy; means of " + results.at("repeats").dump() +
         " estimates. Both estimators see the same samples.</p><section><h2>Multiplicative error</h2>" +
         legend({empirical, resampling}) + "<div class=\"multiples\">" + multiplicative +
         "</div><p class=\"note\">The norm of G<sup>1/2</sup> X G<sup>1/2</sup> − I with G = gamma I + "
         "Sigma. Dashed: "
         "z / (1 − z), z² = 3 ln(2 d H / delta) / (gamma M), which the empirical inverse keeps to with "
         "probability "
         "1 − delta; nothing is drawn where z ≥ 1 and the bound says nothing.</p></section>"
         "<section><h2>Operator error</h2><div class=\"multiples\">" +
         absolute +
         "</div><p class=\"note\">The norm of X − G<sup>−1</sup>. Dashed: (1 − gamma / 2)<sup>N+1</sup> / "
         "gamma bounds "
         "the bias of resampling with N terms; its variance comes on "
         "top.</p></section><section><h2>Figures</h2>" +
         table(head, body) + "</section>";
}

}  // namespace hardy::tools
