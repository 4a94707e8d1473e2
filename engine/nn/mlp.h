// Multilayer perceptrons and ensembles of them: which parameters they have, how these begin, and the
// graph that applies them. Parameters are <name>/w0 [A, (E,) in, out], <name>/b0 [A, (E,) out], ...
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/nn/initialise.h"

namespace hardy::nn {

enum class Nonlinearity { kRelu, kTanh, kGelu, kSilu };

struct LayerStart {
  Initialiser weight, bias;
};

struct MlpSpec {
  std::vector<std::int64_t> widths;  // input, hidden ..., output
  std::int64_t members = 0;          // E; 0: no ensemble axis
  Nonlinearity nonlinearity = Nonlinearity::kRelu;
  std::vector<LayerStart> starts;  // one a layer; empty: PyTorch's default everywhere

  std::size_t layers() const { return widths.size() - 1; }
  LayerStart start(std::size_t layer) const;
};

// One tensor of a network as the parameter store registers it.
struct TensorSpec {
  std::string name;
  Shape shape;
  std::int64_t fan_in = 0, fan_out = 0, members = 0;
  Initialiser start;
};

// w0, b0, w1, b1, ...
std::vector<TensorSpec> mlp_tensors(const std::string& name, const MlpSpec& spec, std::int64_t agents);

// x [A, B, in] (or [A, E, B, in]) -> [A, (E,) B, out]; parameters in the order of mlp_tensors.
graph::Tensor apply_mlp(graph::Graph& g, const MlpSpec& spec, std::span<const graph::Tensor> parameters,
                        graph::Tensor x, const std::string& label);

}  // namespace hardy::nn
