// A policy for another runtime: everything that acting needs goes along, the normalisation of observations,
// the bounds of actions and the head (docs/policy_file.md).
#pragma once

#include <string>
#include <vector>

#include "algorithms/acting/policy_file.h"

namespace hardy::algorithms {

// What the file says of its origin: "riql, step 50000 of runs/a, hardy 0.1.0".
struct ExportOrigin {
  std::string text;
};

// One self-contained C99 file of the functions NAME_act and, of heads that draw, NAME_act_drawn; it needs the
// standard library alone. name: a C identifier.
std::string export_c(const LoadedPolicy& policy, const std::string& name, const ExportOrigin& origin);
// The tensors by their names in the policy file, normalisation and bounds as further ones, the rest as
// metadata.
std::string export_safetensors(const LoadedPolicy& policy, const ExportOrigin& origin);
// An ONNX model of opset kOnnxOpset: observations [batch, observation_size] float32 to action [batch,
// action_size] float32 by the mode, or choice [batch] int64; and what the head draws by (mean, log_std,
// logits, q).
std::string export_onnx(const LoadedPolicy& policy, const ExportOrigin& origin);
inline constexpr int kOnnxOpset = 13;

std::vector<std::string> export_formats();  // "onnx", "safetensors", "c"
// By one of these names. c_name: of the functions in C.
std::string export_as(const std::string& format, const LoadedPolicy& policy, const std::string& c_name,
                      const ExportOrigin& origin);

// The tensors of the network: the layer's weights [in, out] and biases [out], in order.
struct ExportLayer {
  std::int64_t in, out;
  const std::vector<float>*weights, *biases;
};
std::vector<ExportLayer> layers_of(const LoadedPolicy& policy);

}  // namespace hardy::algorithms
