// The page of a study of `hardy regret`: regret against K on logarithmic axes, fitted exponents, tables,
// settings; or the errors of covariance estimators against samples.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/run/fields.h"
#include "tools/report/html.h"

namespace hardy::report {

// Whether a run folder holds a study (its run.json names a kind).
bool is_study(const std::filesystem::path& folder);

// HTML that opens anywhere, with nothing beside it: of one study or of several. Errors name the file, the
// key, and what would be right; a folder that holds no study is one.
std::string study_page(const std::vector<std::filesystem::path>& folders);

// The parts: sections from results.json.
Html regret_sections(const run::Fields& results);
Html estimator_sections(const run::Fields& results);
// Of one environment: every replica's regret at the last K. Nothing where there are few replicas.
Html regret_spread(const run::Fields& study);
// Exponents along the environments' sizes, where the study has them.
Html regret_sizes(const run::Fields& results);
// Several studies' methods in one table and one chart.
Html regret_comparison(const std::vector<run::Fields>& studies);

// A fitted exponent with its interval; a dash where there is none.
Html exponent(const run::Fields& e);

std::string general(double v);  // three digits, "–" where it is not finite

}  // namespace hardy::report
