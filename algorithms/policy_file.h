// A policy in a file: its kind, its parameters, its normalisation and its bounds, so that any program
// that reads the format can act with it (engine/run/archive.h; kind "policy").
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "algorithms/policy.h"

namespace hardy::algorithms {

inline constexpr int kPolicyFormat = 1;

// about: whatever the writer wants to say of its origin (method, seed, step, version).
void write_policy(const std::filesystem::path& path, const PolicySpec& spec,
                  const std::vector<std::vector<float>>& parameters, const nlohmann::json& about);

struct LoadedPolicy {
  PolicySpec spec;
  std::vector<std::vector<float>> parameters;
};
LoadedPolicy read_policy(const std::filesystem::path& path);

}  // namespace hardy::algorithms
