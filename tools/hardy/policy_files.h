// The policy files that a command's PATH means.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hardy::tools {

// PATH is a .policy file, or a run's folder: then its agents' last policies, or, with `best`, those of their
// best evaluations. Errors: what is not there, and why it may not be.
std::vector<std::filesystem::path> policy_files(const std::string& path, bool best);

}  // namespace hardy::tools
