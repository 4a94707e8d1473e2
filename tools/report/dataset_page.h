// A page about one dataset: returns, episode lengths, the distribution of every dimension, continuity, what
// an audit found, and, of a corrupted file, what was changed and where.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace hardy::report {

// summary: as datasets::inspect gives it, with "sha256"; audit: as datasets::to_json(Audit). The page draws
// whatever of it is there.
std::string dataset_page(const nlohmann::json& summary, const nlohmann::json& audit);

}  // namespace hardy::report
