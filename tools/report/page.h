// The report: one HTML page about one or more runs that opens anywhere, with nothing beside it.
#pragma once

#include <string>
#include <vector>

#include "tools/report/runs.h"

namespace hardy::report {

std::string page(const std::vector<Run>& runs);

}  // namespace hardy::report
