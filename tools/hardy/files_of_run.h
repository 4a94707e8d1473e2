// The files that a run was made from, its dataset and, where it has one, the environment's (a plug-in, a
// model): kept by their absolute paths, by the ways to them from the run's folder, for when both move, and by
// their SHA-256.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "engine/run/fields.h"

namespace hardy::tools {

// Completes run.json's "dataset" (its "path" and "sha256" are there) and makes "environment_file" of "env".
void remember_files(nlohmann::json& about, const std::filesystem::path& run);

// Where a run's file lies now. `configured`: as the run names it; one made by an earlier version may have a
// path that is relative to the folder in which it was started. what: "its dataset". An Error says where it
// was looked for.
std::string place_now(const std::string& configured, const std::string& what, const run::Fields& remembered,
                      const std::filesystem::path& run);
// The run's environment, with its file where that lies now; "" where it has none.
std::string environment_now(const run::Fields& described, const std::filesystem::path& run);

// What a command that was killed while it made the run may have left beside it.
void remove_leavings_beside(const std::filesystem::path& run);
// The same command was called again: an Error that names the first setting in which it asks for another run.
// apart: keys that may differ.
void require_same_settings(const run::Fields& described, const nlohmann::json& asked,
                           const std::set<std::string>& apart, const std::filesystem::path& run);
[[noreturn]] void refuse_another_run(const std::filesystem::path& run, const std::string& key,
                                     const std::string& theirs, const std::string& asked);

bool same_file(const run::Fields& remembered, const std::string& path);
// Errors: another file than the one that the run began with.
void require_same_file(const run::Fields& remembered, const std::string& path);
void require_same_sha256(const run::Fields& remembered, const std::string& path, const std::string& sha256);

}  // namespace hardy::tools
