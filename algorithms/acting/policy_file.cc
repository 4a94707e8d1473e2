#include "algorithms/acting/policy_file.h"

#include "engine/run/archive.h"
#include "engine/run/json_problem.h"

namespace hardy::algorithms {

void write_policy(const std::filesystem::path& path, const PolicySpec& spec,
                  const std::vector<std::vector<float>>& parameters, const nlohmann::json& about) {
  const bool stretched = spec.head == Head::kGaussian && spec.scaled && !spec.bounds().unit();
  run::ArchiveWriter file("policy", chooses(spec.head) ? 3 : stretched ? 2 : 1);
  file.header() = {{"head", name_of(spec.head)},
                   {"observation_size", spec.observation_size},
                   {"action_size", spec.action_size},
                   {"hidden", spec.hidden},
                   {"nonlinearity", "relu"},
                   {"observation_mean", spec.observation_mean},
                   {"observation_std", spec.observation_std},
                   {"action_low", spec.action_low},
                   {"action_high", spec.action_high},
                   {"about", about}};
  if (chooses(spec.head)) file.header()["action_choices"] = spec.action_choices;
  std::vector<nn::TensorSpec> tensors = spec.mlp()->tensors("policy", 1);
  if (spec.head == Head::kGaussian)
    tensors.push_back({"policy/log_std", Shape{1, spec.action_size}, 0, 0, 0, {}});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Shape shape;  // without the agent axis
    for (int axis = 1; axis < tensors.at(i).shape.rank(); ++axis) shape.push_back(tensors[i].shape[axis]);
    file.add<float>(tensors[i].name, shape, parameters[i]);
  }
  file.write(path);
}

namespace {

LoadedPolicy policy_of(const run::Archive& file, const std::filesystem::path& path) {
  LoadedPolicy policy;
  try {
    const nlohmann::json& h = file.header();
    PolicySpec& s = policy.spec;
    s.scaled = file.format() >= 2;
    if (h.contains("about") && h.at("about").is_object())
      policy.environment = h.at("about").value("env", std::string());
    s.head = head_named(h.at("head"));
    s.observation_size = h.at("observation_size");
    s.action_size = h.at("action_size");
    s.hidden = h.at("hidden").get<std::vector<std::int64_t>>();
    s.observation_mean = h.at("observation_mean").get<std::vector<float>>();
    s.observation_std = h.at("observation_std").get<std::vector<float>>();
    s.action_low = h.at("action_low").get<std::vector<float>>();
    s.action_high = h.at("action_high").get<std::vector<float>>();
    if (chooses(s.head)) s.action_choices = h.at("action_choices");
    const std::size_t bounded = chooses(s.head) ? 0 : static_cast<std::size_t>(s.action_size);
    if (chooses(s.head) && s.action_choices < 1)
      throw Error("says " + std::to_string(s.action_choices) + " choices", path.string());
    if (s.action_low.size() != bounded || s.action_high.size() != s.action_low.size())
      throw Error("has other bounds than its " + std::to_string(s.action_size) + " actions need",
                  path.string());
  } catch (const nlohmann::json::exception& e) {
    throw Error("has a header that is not a policy's: " + run::problem_of(e), path.string());
  }
  std::vector<std::string> names;
  for (const nn::TensorSpec& t : policy.spec.mlp()->tensors("policy", 1)) names.push_back(t.name);
  if (policy.spec.head == Head::kGaussian) names.emplace_back("policy/log_std");
  for (const std::string& name : names) {
    const auto x = file.get<float>(name);
    policy.parameters.emplace_back(x.begin(), x.end());
  }
  return policy;
}

}  // namespace

LoadedPolicy read_policy(const std::filesystem::path& path) {
  return policy_of(run::Archive::read(path, "policy", kPolicyFormat), path);
}

LoadedPolicy read_policy(std::span<const std::byte> bytes, const std::string& name) {
  return policy_of(run::Archive::read(bytes, name, "policy", kPolicyFormat), name);
}

}  // namespace hardy::algorithms
