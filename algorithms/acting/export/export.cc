#include "algorithms/acting/export/export.h"

#include <cmath>

#include "engine/base/json.h"
#include "engine/base/nearest.h"
#include "engine/nn/formats/safetensors.h"

namespace hardy::algorithms {

std::vector<ExportLayer> layers_of(const LoadedPolicy& policy) {
  const std::vector<nn::TensorSpec> tensors = policy.spec.mlp()->tensors("policy", 1);
  std::vector<ExportLayer> layers;
  for (std::size_t i = 0; i + 1 < tensors.size(); i += 2)
    layers.push_back(
        {tensors[i].shape[1], tensors[i].shape[2], &policy.parameters[i], &policy.parameters[i + 1]});
  return layers;
}

std::string export_safetensors(const LoadedPolicy& policy, const ExportOrigin& origin) {
  const PolicySpec& s = policy.spec;
  std::vector<nn::NamedTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape,
                       const std::vector<float>& x) {
    if (!x.empty()) tensors.push_back({name, std::move(shape), x});
  };
  const std::vector<ExportLayer> layers = layers_of(policy);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    add("policy/w" + std::to_string(l), {layers[l].in, layers[l].out}, *layers[l].weights);
    add("policy/b" + std::to_string(l), {layers[l].out}, *layers[l].biases);
  }
  if (s.head == Head::kGaussian) add("policy/log_std", {s.action_size}, policy.parameters.back());
  add("observation_mean", {s.observation_size}, s.observation_mean);
  add("observation_std", {s.observation_size}, s.observation_std);
  add("action_low", {s.action_size}, s.action_low);
  add("action_high", {s.action_size}, s.action_high);
  return nn::safetensors(tensors, {{"kind", "hardy policy"},
                                   {"head", name_of(s.head)},
                                   {"nonlinearity", nn::name_of(s.nonlinearity)},
                                   {"observation_size", std::to_string(s.observation_size)},
                                   {"action_size", std::to_string(s.action_size)},
                                   {"action_choices", std::to_string(s.action_choices)},
                                   {"hidden", nlohmann::json(s.hidden).dump()},
                                   {"scaled", s.scaled ? "true" : "false"},
                                   {"environment", policy.environment},
                                   {"origin", origin.text}});
}

std::vector<std::string> export_formats() { return {"onnx", "safetensors", "c"}; }

std::string export_as(const std::string& format, const LoadedPolicy& policy, const std::string& c_name,
                      const ExportOrigin& origin) {
  if (policy.spec.sequential())
    throw Error("acts by a sequence of steps, which no exported form has", origin.text,
                "`hardy eval` plays it");
  for (const std::vector<float>& x : policy.parameters)
    for (const float v : x)
      if (!std::isfinite(v)) throw Error("has a parameter that is not finite", origin.text);
  if (format == "onnx") return export_onnx(policy, origin);
  if (format == "safetensors") return export_safetensors(policy, origin);
  if (format == "c") return export_c(policy, c_name, origin);
  throw Error("there is no format '" + format + "'", "--to", suggestion(format, export_formats()));
}

}  // namespace hardy::algorithms
