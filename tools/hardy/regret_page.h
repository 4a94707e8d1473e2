// The page of a regret study: regret against K on logarithmic axes, fitted exponents, tables, settings.
#pragma once

#include <filesystem>
#include <string>

namespace hardy::tools {

// Whether a run folder holds a regret study (run.json says so).
bool is_regret_study(const std::filesystem::path& folder);

// HTML that opens anywhere, with nothing beside it. Errors name the folder and what is missing in it.
std::string regret_page(const std::filesystem::path& folder);

}  // namespace hardy::tools
