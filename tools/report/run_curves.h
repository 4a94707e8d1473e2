// The runs of a page by their tasks, and their numbers as curves: what its sections share.
#pragma once

#include <string>
#include <vector>

#include "tools/report/chart.h"
#include "tools/report/runs.h"

namespace hardy::report {

// The runs of one task, with the colours that they have all over the page.
struct Task {
  struct Member {
    const Run* run;
    int colour;
  };
  std::string name;  // "" for runs that are not evaluated
  std::vector<Member> members;
};

std::vector<Task> tasks_of(const std::vector<Run>& runs);

template <class Names>
std::string joined(const Names& names, const std::string& separator = ", ") {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : separator) + name;
  return text;
}

// "0.43 ± 0.02": a mean and a deviation over agents; without values a dash.
Html plus_minus(const Spread& spread, int digits);
std::string status_of(const Run& run);      // "finished", "stopped early", ...
std::string steps_label(const Task& task);  // what the runs count

// A record's value over the steps: the mean over agents, and a band from the lowest to the highest.
Series curve(const Task::Member& member, const std::vector<run::MetricsRecord>& records,
             const std::string& key);
// One a run that has a finite value of it in an evaluation.
std::vector<Series> evaluation_curves(const Task& task, const std::string& key);
// A small chart of every value that the task's trainings recorded.
Html training_charts(const Task& task);

}  // namespace hardy::report
