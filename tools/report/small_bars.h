// Small drawings for pages with many of them: a distribution, and where in a file something happens.
#pragma once

#include <string>
#include <vector>

#include "tools/report/html.h"

namespace hardy::report {

// Counts over bins as bars without an axis, the extremes written below.
Html small_histogram(const std::string& title, const std::vector<double>& edges,
                     const std::vector<double>& counts, int width = 240);

// A strip from the file's first row to its last; the darker a place, the larger its share in [0, 1].
Html strip(const std::string& title, const std::vector<double>& shares, int colour);

std::string short_number(double value);  // four significant digits

}  // namespace hardy::report
