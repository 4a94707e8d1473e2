// The page of a study of `hardy regret`: regret against K on logarithmic axes, fitted exponents, tables,
// settings; or the errors of covariance estimators against samples.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/run/report/chart.h"

namespace hardy::tools {

// Whether a run folder holds a study (its run.json names a kind).
bool is_study(const std::filesystem::path& folder);

// HTML that opens anywhere, with nothing beside it. Errors name the folder and what is missing in it.
std::string study_page(const std::filesystem::path& folder);

// The parts: sections from results.json.
std::string regret_sections(const nlohmann::json& results);
std::string estimator_sections(const nlohmann::json& results);

// What they share. Numbers that JSON holds as null are NaN.
double value_of(const nlohmann::json& j);
std::vector<double> values_of(const nlohmann::json& list);
std::string table_cell(const std::string& text, bool numeric = true);
std::string table_heading(const std::string& text, bool numeric = true);
std::string table(const std::string& head, const std::string& body);
std::string general(double v);  // three digits, "–" where it is not finite
// Drawn twice, for a screen and for a telephone, which shows one of them.
std::string chart_for_both(const run::report::ChartText& text, const std::vector<run::report::Series>& series,
                           int height);
std::string legend(const std::vector<run::report::Series>& series);  // without dashed ones

}  // namespace hardy::tools
