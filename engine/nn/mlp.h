// Multilayer perceptrons and ensembles of them. Parameters are <name>/w0 [A, (E,) in, out],
// <name>/b0 [A, (E,) out], ...; with layer normalisation also <name>/scale0, <name>/shift0 [A, (E,) out] of
// each hidden layer.
#pragma once

#include "engine/nn/network.h"

namespace hardy::nn {

enum class Nonlinearity { kRelu, kTanh, kGelu, kSilu };
std::string name_of(Nonlinearity f);                       // "relu", ...
Nonlinearity nonlinearity_named(const std::string& name);  // an Error lists what there is

struct LayerStart {
  Initialiser weight, bias;
};

struct MlpSpec {
  std::vector<std::int64_t> widths;  // input, hidden ..., output
  std::int64_t members = 0;          // E; 0: no ensemble axis
  Nonlinearity nonlinearity = Nonlinearity::kRelu;
  std::vector<LayerStart> starts;  // one a layer; empty: PyTorch's default everywhere
  bool layer_norm = false;         // behind each hidden layer's nonlinearity

  std::size_t layers() const { return widths.size() - 1; }
  LayerStart start(std::size_t layer) const;
};

// x [A, B, in] (or [A, E, B, in]) -> [A, (E,) B, out]; its tensors are w0, b0, (scale0, shift0,) w1, b1, ...
ArchitecturePtr mlp(const MlpSpec& spec);

}  // namespace hardy::nn
