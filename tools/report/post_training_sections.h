// What a page says of token policies: how many prompts they solve, in which band, and what their prompts
// were.
#pragma once

#include <string>
#include <vector>

#include "tools/report/run_curves.h"

namespace hardy::report {

// The runs that learned from prompts, a line each; empty where there is none.
Html prompts_results(const std::vector<Run>& runs);
// How their evaluations went, over the steps.
Html prompts_evaluations(const Task& task);
// The prompts, their demonstrations, and what stayed unsolved.
Html prompts_data(const std::vector<Run>& runs);

}  // namespace hardy::report
