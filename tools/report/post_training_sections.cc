#include "tools/report/post_training_sections.h"

#include <cmath>
#include <limits>
#include <set>

namespace hardy::report {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// "pass_at_8/mean", whatever the samples; "" where nothing was evaluated.
std::string pass_key(const Run& run) {
  if (run.eval.empty()) return "";
  for (const auto& [key, values] : run.eval.back().values)
    if (key.starts_with("pass_at_")) return key;
  return "";
}
std::string pass_name(const std::string& key) {
  return key.empty() ? "pass@k" : "pass@" + key.substr(8, key.find('/') - 8);
}

Spread last_record(const Run& run, const std::string& key) {
  if (run.train.empty()) return {};
  const auto found = run.train.back().values.find(key);
  return found == run.train.back().values.end() ? Spread{} : spread(found->second);
}

std::vector<std::string> bands_of(const Task& task) {
  std::set<std::string> seen;
  std::vector<std::string> bands;
  for (const Task::Member& m : task.members)
    for (const std::string& band : m.run->prompts->test_bands)
      if (seen.insert(band).second) bands.push_back(band);
  return bands;
}

// What somebody who looks at the curves should know.
Html warnings_of(const Run& run) {
  Html html;
  const auto line = [&](const std::string& text) {
    html += Html("<li>") + run.label + ": " + text + "</li>";
  };
  const Spread truncated = last_record(run, "truncated_share"),
               failures = last_record(run, "verifier_failures"), failing = last_record(run, "still_failing"),
               apart = last_record(run, "log_prob_difference/max");
  if (truncated.n && truncated.min >= 1)
    line(
        "every answer of its last batch was cut off before its end: raise --max-tokens, or give a base that "
        "has "
        "learned to end");
  if (failures.n && failures.max > 0)
    line("the verifier failed on " + number(failures.max, 0) +
         " answers of its last batch, which count nowhere");
  if (apart.n && apart.max > 1e-3)
    line("what was sampled and what is trained differ by up to " + number(apart.max, 4) + " in log pi");
  if (failing.n && failing.mean > 0)
    line(number(failing.mean, 0) + " of the " + number(run.prompts->count, 0) +
         " prompts were seen and never solved by a rollout (mean over agents; still_failing.jsonl lists "
         "them)");
  return html;
}

Html evaluation_chart(const Task& task, const std::string& key, const std::string& title, int width,
                      int height, bool labels) {
  const std::vector<Series> series = evaluation_curves(task, key);
  if (series.empty()) return {};
  return Html("<figure>") + line_chart({title, steps_label(task), title}, series, width, height, labels) +
         "</figure>";
}

}  // namespace

Html prompts_results(const std::vector<Run>& runs) {
  Html rows;
  std::string pass;
  for (const Run& r : runs) {
    if (!r.prompts) continue;
    const std::string key = pass_key(r);
    if (!key.empty()) pass = key;
    const Spread tflop = last_record(r, "tflop");
    rows += Html("<tr>") + cell(Html("<strong>") + r.label + "</strong>") + cell(r.task) + cell(r.method) +
            cell(plus_minus(last_evaluation(r, "solve/mean"), 3), true) +
            cell(plus_minus(last_evaluation(r, "greedy/mean"), 3), true) +
            cell(plus_minus(last_evaluation(r, key), 3), true) +
            cell(plus_minus(last_evaluation(r, "length/mean"), 1), true) +
            cell(std::to_string(r.agents), true) + cell(number(r.steps, 0), true) +
            cell(number(tflop.n ? tflop.mean : kNone, 2), true) + cell(number(r.seconds, 0), true) +
            cell(status_of(r)) + "</tr>";
  }
  if (rows.empty()) return {};
  const Html head = heading("run") + heading("task") + heading("method") + heading("pass@1", true) +
                    heading("greedy", true) + heading(pass_name(pass), true) + heading("tokens", true) +
                    heading("agents", true) + heading("steps", true) + heading("TFLOP an agent", true) +
                    heading("seconds", true) + heading("status");
  return Html("<section><h2>Results</h2>") + table(head, rows) +
         "<p class=\"note\">Share of the test's prompts that are solved, at the last evaluation: mean ± "
         "sample "
         "standard deviation over agents. pass@1: an answer sampled at temperature 1; greedy: the likeliest "
         "one; " +
         pass_name(pass) + ": at least one of as many samples.</p></section>";
}

Html prompts_evaluations(const Task& task) {
  const Html solved = evaluation_chart(task, "solve/mean", "pass@1", 760, 340, true);
  if (solved.empty())
    return "<p class=\"note\">Nothing was evaluated yet, or there are no prompts to test on.</p>";
  Html small = evaluation_chart(task, "greedy/mean", "greedy", 420, 250, false);
  std::set<std::string> pass;
  for (const Task::Member& m : task.members)
    if (const std::string key = pass_key(*m.run); !key.empty()) pass.insert(key);
  for (const std::string& key : pass) small += evaluation_chart(task, key, pass_name(key), 420, 250, false);
  for (const std::string& band : bands_of(task))
    small += evaluation_chart(task, "solve/" + band, "pass@1, " + band, 420, 250, false);
  Html warnings;
  for (const Task::Member& m : task.members) warnings += warnings_of(*m.run);
  return solved +
         "<p class=\"note\">Line: mean over agents. Band: from the lowest to the highest agent.</p>" +
         "<div class=\"multiples\">" + small + "</div>" +
         (warnings.empty() ? Html() : Html("<ul>") + warnings + "</ul>");
}

Html prompts_data(const std::vector<Run>& runs) {
  Html rows;
  for (const Run& r : runs) {
    if (!r.prompts) continue;
    const RunPrompts& p = *r.prompts;
    rows += Html("<tr>") + cell(Html("<strong>") + r.label + "</strong>") + cell(p.source) +
            cell(joined(p.bands)) + cell(number(p.count, 0), true) + cell(number(p.rejected, 0), true) +
            cell(number(p.test, 0), true) + "</tr>";
  }
  if (rows.empty()) return {};
  return table(heading("run") + heading("prompts from") + heading("bands") + heading("prompts", true) +
                   heading("demonstrations that the verifier rejects", true) +
                   heading("prompts of the test", true),
               rows);
}

}  // namespace hardy::report
