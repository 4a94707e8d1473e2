// `hardy eval` of token policies: how often they solve prompts, and what they answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hardy::run {
class Schema;
}

namespace hardy::tools {

struct TokenEvalOptions {
  std::string task, prompts;  // "": the policy's own task; drawn from its test split
  std::int64_t count = 100, samples = 8, max_tokens = 0, show = 0;
  void options(run::Schema& schema);
};

bool is_token_policy(const std::filesystem::path& file);
// Prints a line a policy, or JSON; and with `show`, so many prompts with the likeliest answer of the first
// policy.
int eval_token_policies(const std::vector<std::filesystem::path>& files, const TokenEvalOptions& options,
                        std::uint64_t seed, bool json);

}  // namespace hardy::tools
