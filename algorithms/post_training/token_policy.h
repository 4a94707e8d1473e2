// A token policy in a file (engine/run/archive.h; kind "token_policy"): its transformer's description, its
// alphabet, the task that it was trained on, and its parameters, each without the agent axis.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/nn/parameters.h"
#include "engine/nn/transformer.h"

namespace hardy::algorithms {

inline constexpr int kTokenPolicyFormat = 1;

struct TokenPolicy {
  nn::TransformerSpec spec;
  std::string characters;                      // of its alphabet
  std::string task;                            // "" where it was trained on somebody's own prompts
  std::vector<std::vector<float>> parameters;  // in nn::Transformer::tensors' order
};

void write_token_policy(const std::filesystem::path& path, const TokenPolicy& policy,
                        const nlohmann::json& about);
// Errors: no such file, another kind of file, tensors that do not fit the description.
TokenPolicy read_token_policy(const std::filesystem::path& path);
// What a --base names: a run's policy files, one an agent, or one file.
std::vector<std::filesystem::path> base_policy_files(const std::filesystem::path& path);
std::vector<TokenPolicy> read_token_policies(const std::filesystem::path& path);

}  // namespace hardy::algorithms
