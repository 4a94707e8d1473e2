#include "algorithms/acting/policy_file.h"

#include <algorithm>
#include <cmath>

#include "engine/base/json_problem.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {
namespace {

struct StoredTensor {
  std::string name;
  Shape shape;  // without the agent axis
};

std::vector<StoredTensor> tensors_of(const PolicySpec& spec) {
  std::vector<StoredTensor> all;
  for (const nn::TensorSpec& t : spec.network()->tensors("policy", 1)) {
    Shape shape;
    for (int axis = 1; axis < t.shape.rank(); ++axis) shape.push_back(t.shape[axis]);
    all.push_back({t.name, shape});
  }
  if (spec.head == Head::kGaussian) all.push_back({"policy/log_std", Shape{spec.action_size}});
  return all;
}

// What a header says must fit together before any of it is used.
void check(const PolicySpec& s, const std::string& path) {
  const bool choices = chooses(s.head);
  if (s.observation_size < 1 || s.action_size < 1)
    throw Error("says " + std::to_string(s.observation_size) + " observations and " +
                    std::to_string(s.action_size) + " actions",
                path);
  if (std::ranges::any_of(s.hidden, [](std::int64_t width) { return width < 1; }))
    throw Error("has a hidden layer of no width", path);
  if (!(s.log_std_low < 2)) throw Error("holds log_std above " + std::to_string(s.log_std_low), path);
  if (choices && s.action_choices < 1)
    throw Error("says " + std::to_string(s.action_choices) + " choices", path);
  if (s.sequential() || s.sequence.context < 0) {
    const SequenceSpec& q = s.sequence;
    if (s.head != Head::kDeterministic || q.context < 1 || q.context > 1 << 16 || q.times < 1 ||
        q.width < 1 || q.heads < 1 || q.layers < 1 || q.width % q.heads != 0 ||
        !std::isfinite(q.return_scale) || !std::isfinite(q.target_return))
      throw Error("says a sequence that none is", path,
                  "a deterministic head, width a multiple of heads, all at least 1");
  }
  const std::size_t bounded = choices ? 0 : static_cast<std::size_t>(s.action_size);
  if (s.action_low.size() != bounded || s.action_high.size() != bounded)
    throw Error("has other bounds than its " + std::to_string(s.action_size) + " actions need", path);
  const std::size_t normalised = s.observation_mean.size();
  if (s.observation_std.size() != normalised ||
      (normalised != 0 && normalised != static_cast<std::size_t>(s.observation_size)))
    throw Error("normalises by " + std::to_string(normalised) + " means and " +
                    std::to_string(s.observation_std.size()) + " deviations",
                path, "it has " + std::to_string(s.observation_size) + " observations");
}

}  // namespace

void write_policy(const std::filesystem::path& path, const PolicySpec& spec,
                  const std::vector<std::vector<float>>& parameters, const nlohmann::json& about) {
  const bool stretched = spec.head == Head::kGaussian && spec.scaled && !spec.bounds().unit();
  const bool floored = spec.head == Head::kTanhGaussian && spec.log_std_low != PolicySpec::kLogStdLow;
  run::ArchiveWriter file("policy", spec.sequential()    ? 5
                                    : floored            ? 4
                                    : chooses(spec.head) ? 3
                                    : stretched          ? 2
                                                         : 1);
  file.header() = {{"head", name_of(spec.head)},
                   {"observation_size", spec.observation_size},
                   {"action_size", spec.action_size},
                   {"hidden", spec.hidden},
                   {"nonlinearity", nn::name_of(spec.nonlinearity)},
                   {"observation_mean", spec.observation_mean},
                   {"observation_std", spec.observation_std},
                   {"action_low", spec.action_low},
                   {"action_high", spec.action_high},
                   {"about", about}};
  if (chooses(spec.head)) file.header()["action_choices"] = spec.action_choices;
  if (floored) file.header()["log_std_low"] = spec.log_std_low;
  if (const SequenceSpec& q = spec.sequence; spec.sequential())
    file.header()["sequence"] = {{"context", q.context},
                                 {"width", q.width},
                                 {"layers", q.layers},
                                 {"heads", q.heads},
                                 {"times", q.times},
                                 {"return_scale", q.return_scale},
                                 {"target_return", q.target_return}};
  const std::vector<StoredTensor> tensors = tensors_of(spec);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    file.add<float>(tensors.at(i).name, tensors[i].shape, parameters[i]);
  file.write(path);
}

namespace {

LoadedPolicy policy_of(const run::Archive& file, const std::filesystem::path& path) {
  LoadedPolicy policy;
  try {
    const nlohmann::json& h = file.header();
    PolicySpec& s = policy.spec;
    s.scaled = file.format() >= 2;
    if (h.contains("about") && h.at("about").is_object()) {
      policy.environment = h.at("about").value("env", std::string());
      policy.method = h.at("about").value("method", std::string());
    }
    s.head = head_named(h.at("head"));
    s.observation_size = h.at("observation_size");
    s.action_size = h.at("action_size");
    s.hidden = h.at("hidden").get<std::vector<std::int64_t>>();
    s.nonlinearity = nn::nonlinearity_named(h.at("nonlinearity"));
    s.observation_mean = h.at("observation_mean").get<std::vector<float>>();
    s.observation_std = h.at("observation_std").get<std::vector<float>>();
    s.action_low = h.at("action_low").get<std::vector<float>>();
    s.action_high = h.at("action_high").get<std::vector<float>>();
    if (chooses(s.head)) s.action_choices = h.at("action_choices");
    s.log_std_low = h.value("log_std_low", PolicySpec::kLogStdLow);
    if (h.contains("sequence")) {
      const nlohmann::json& q = h.at("sequence");
      s.sequence = {.context = q.at("context"),
                    .width = q.at("width"),
                    .layers = q.at("layers"),
                    .heads = q.at("heads"),
                    .times = q.at("times"),
                    .return_scale = q.at("return_scale"),
                    .target_return = q.at("target_return")};
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error("has a header that is not a policy's: " + problem_of(e), path.string());
  }
  check(policy.spec, path.string());
  for (const StoredTensor& t : tensors_of(policy.spec)) {
    const auto x = file.get<float>(t.name);
    if (!(file.shape(t.name) == t.shape))
      throw Error("tensor " + t.name + " is " + file.shape(t.name).str() + ", and its header asks for " +
                      t.shape.str(),
                  path.string());
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
