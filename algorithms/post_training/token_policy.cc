#include "algorithms/post_training/token_policy.h"

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/json_problem.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

Shape without_agents(const Shape& shape) {
  Shape s;
  for (int axis = 1; axis < shape.rank(); ++axis) s.push_back(shape[axis]);
  return s;
}

}  // namespace

void write_token_policy(const fs::path& path, const TokenPolicy& policy, const nlohmann::json& about) {
  const nn::Transformer transformer(policy.spec);
  run::ArchiveWriter file("token_policy", kTokenPolicyFormat);
  file.header() = {{"architecture", transformer.describe()},
                   {"alphabet", policy.characters},
                   {"task", policy.task},
                   {"about", about}};
  const std::vector<nn::TensorSpec> tensors = transformer.tensors("policy", 1);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    file.add<float>(tensors[i].name, without_agents(tensors[i].shape), std::span(policy.parameters.at(i)));
  file.write(path);
}

TokenPolicy read_token_policy(const fs::path& path) {
  const run::Archive file = run::Archive::read(path, "token_policy", kTokenPolicyFormat);
  try {
    const nn::ArchitecturePtr described = nn::described(file.header().at("architecture"), path.string());
    const auto* transformer = dynamic_cast<const nn::Transformer*>(described.get());
    if (!transformer) throw Error("describes no transformer", path.string());
    TokenPolicy policy{transformer->spec(),
                       file.header().at("alphabet").get<std::string>(),
                       file.header().at("task").get<std::string>(),
                       {}};
    if (static_cast<std::int64_t>(policy.characters.size()) + 1 != policy.spec.vocabulary)
      throw Error("has " + std::to_string(policy.characters.size()) + " characters and an end for " +
                      std::to_string(policy.spec.vocabulary) + " tokens",
                  path.string());
    for (const nn::TensorSpec& t : transformer->tensors("policy", 1)) {
      if (!file.has(t.name) || !(file.shape(t.name) == without_agents(t.shape)))
        throw Error("lacks a tensor " + t.name + " of shape " + without_agents(t.shape).str(), path.string(),
                    "the file is damaged");
      const auto x = file.get<float>(t.name);
      policy.parameters.emplace_back(x.begin(), x.end());
    }
    return policy;
  } catch (const nlohmann::json::exception& e) {
    throw Error("has a header that is not a token policy's: " + problem_of(e), path.string());
  }
}

std::vector<fs::path> base_policy_files(const fs::path& path) {
  if (!fs::exists(path)) throw Error("there is no such file or folder", path.string());
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> all;
  for (int agent = 0;; ++agent) {
    const fs::path file = path / "policy" / ("agent_" + std::to_string(agent) + ".policy");
    if (!fs::exists(file)) break;
    all.push_back(file);
  }
  if (all.empty())
    throw Error("holds no policy/agent_0.policy", path.string(), "the run has not ended, or is none");
  return all;
}

std::vector<TokenPolicy> read_token_policies(const fs::path& path) {
  std::vector<TokenPolicy> all;
  for (const fs::path& file : base_policy_files(path)) all.push_back(read_token_policy(file));
  return all;
}

}  // namespace hardy::algorithms
