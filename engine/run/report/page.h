// The report: one HTML page about one or more runs that opens anywhere, with nothing beside it.
#pragma once

#include <string>
#include <vector>

#include "engine/run/report/runs.h"

namespace hardy::run::report {

std::string page(const std::vector<Run>& runs);

}  // namespace hardy::run::report
