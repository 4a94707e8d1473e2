#include "tools/report/study_page.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "engine/base/error.h"
#include "engine/run/run_directory.h"
#include "tools/report/chart.h"

namespace hardy::report {

using run::Fields;

std::string general(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return std::isfinite(v) ? text : "\u2013";
}

Html exponent(const Fields& e) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double low = e.number("low", kNone);
  Html text = number(e.number("value", kNone), 2);
  if (std::isfinite(low))
    text += Html(" <span class=\"pm\">[") + number(low, 2) + ", " + number(e.number("high", kNone), 2) +
            "]</span>";
  return text;
}

bool is_study(const std::filesystem::path& folder) { return run::read_run(folder).has("kind"); }

namespace {

// One study's part of a page: what it found, and how it was made.
Html sections_of(const std::filesystem::path& folder, std::string& title,
                 std::vector<Fields>* compared = nullptr) {
  const Fields about = run::read_run(folder);
  if (!about.has("kind"))
    throw Error("is no study", folder.string(), "a page is about runs, or about studies: name them apart");
  const std::string kind = about.text("kind");
  if (kind != "estimators" && kind != "regret")
    throw Error("the key 'kind' is '" + kind + "'", about.file(), "regret or estimators would be right");
  const Fields results = run::read_results(folder);
  title = results.text("title");
  if (compared != nullptr && kind == "regret") compared->push_back(results);
  return (kind == "estimators" ? estimator_sections(results) : regret_sections(results)) +
         "<section><h2>Configuration</h2><pre>" + about.text("command", "") +
         "</pre><details><summary>All settings</summary><pre>" + about.text("resolved", "") +
         "</pre></details><p class=\"note\">hardy " + about.text("version", "") + ", source " +
         about.text("source", "") + "</p></section>";
}

}  // namespace

std::string study_page(const std::vector<std::filesystem::path>& folders) {
  std::string title;
  if (folders.size() == 1) {
    const Html only = sections_of(folders.front(), title);
    return whole_page("Hardy", title, {}, only).str();
  }
  Html all;
  std::vector<Fields> compared;
  for (const std::filesystem::path& folder : folders) {
    const Html sections = sections_of(folder, title, &compared);
    all += Html("<section><h1>") + title + "</h1></section>" + sections;
  }
  if (compared.size() > 1) all = regret_comparison(compared) + all;
  return whole_page("Hardy", std::to_string(folders.size()) + " studies", {}, all).str();
}

}  // namespace hardy::report
