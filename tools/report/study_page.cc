#include "tools/report/study_page.h"

#include <cmath>
#include <cstdio>

#include "engine/base/error.h"
#include "engine/run/run_directory.h"

namespace hardy::report {

using run::Fields;

std::string general(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return std::isfinite(v) ? text : "\u2013";
}

bool is_study(const std::filesystem::path& folder) { return run::read_run(folder).has("kind"); }

std::string study_page(const std::filesystem::path& folder) {
  const Fields about = run::read_run(folder), results = run::read_results(folder);
  const std::string kind = about.text("kind"), title = results.text("title");
  if (kind != "estimators" && kind != "regret")
    throw Error("the key 'kind' is '" + kind + "'", about.file(), "regret or estimators would be right");
  const Html configuration = Html("<section><h2>Configuration</h2><pre>") + about.text("command", "") +
                             "</pre><details><summary>All settings</summary><pre>" +
                             about.text("resolved", "") + "</pre></details><p class=\"note\">hardy " +
                             about.text("version", "") + ", source " + about.text("source", "") +
                             "</p></section>";
  return whole_page(
             "Hardy", title, {},
             (kind == "estimators" ? estimator_sections(results) : regret_sections(results)) + configuration)
      .str();
}

}  // namespace hardy::report
