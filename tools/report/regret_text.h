// What regret studies print for people.
#pragma once

#include <string>
#include <vector>

#include "algorithms/experiments/regret_results.h"
#include "algorithms/experiments/sampled_study.h"

namespace hardy::report {

std::string study_text(const algorithms::RegretResults& results);
std::string single_text(const algorithms::RegretResults& results);
std::string sampled_text(const std::vector<algorithms::SampledRun>& runs);

}  // namespace hardy::report
