// A policy in a file: its kind, its parameters, its normalisation and its bounds, so that any program
// that reads the format can act with it (engine/run/archive.h; kind "policy").
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "algorithms/acting/policy.h"

namespace hardy::algorithms {

// Format 5 is that of policies that act by a sequence of steps; format 4 that of squashed Gaussian heads with
// a floor of their own for log_std; format 3 that of heads of choices; format 2 that of Gaussian heads whose
// outputs are stretched to bounds other than [-1, 1]; all others are written as format 1, which they do not
// differ from. docs/policy_file.md says what is in the file and how to act with it.
inline constexpr int kPolicyFormat = 5;

// about: whatever the writer wants to say of its origin (method, seed, step, version).
void write_policy(const std::filesystem::path& path, const PolicySpec& spec,
                  const std::vector<std::vector<float>>& parameters, const nlohmann::json& about);

struct LoadedPolicy {
  PolicySpec spec;
  std::vector<std::vector<float>> parameters;
  std::string environment;  // that it was trained for; "" where the file does not say
  std::string method = {};  // that trained it, likewise
};
// Errors: truncated, damaged, foreign, or a header whose sizes are no policy's.
LoadedPolicy read_policy(const std::filesystem::path& path);
// The bytes of such a file; name: what messages call it.
LoadedPolicy read_policy(std::span<const std::byte> bytes, const std::string& name);

}  // namespace hardy::algorithms
