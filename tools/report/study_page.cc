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

namespace {

// One study's part of a page: what it found, and how it was made.
Html sections_of(const std::filesystem::path& folder, std::string& title) {
  const Fields about = run::read_run(folder);
  if (!about.has("kind"))
    throw Error("is no study", folder.string(), "a page is about runs, or about studies: name them apart");
  const std::string kind = about.text("kind");
  if (kind != "estimators" && kind != "regret")
    throw Error("the key 'kind' is '" + kind + "'", about.file(), "regret or estimators would be right");
  const Fields results = run::read_results(folder);
  title = results.text("title");
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
  for (const std::filesystem::path& folder : folders) {
    const Html sections = sections_of(folder, title);
    all += Html("<section><h1>") + title + "</h1></section>" + sections;
  }
  return whole_page("Hardy", std::to_string(folders.size()) + " studies", {}, all).str();
}

}  // namespace hardy::report
