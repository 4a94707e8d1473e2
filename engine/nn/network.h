// What a network is, whatever its kind: the tensors that it has, how these begin, and the graph that applies
// them. Who uses a network knows no more of it than this; who asks for one names a kind (nn::mlp, ...).
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/nn/initialise.h"

namespace hardy::nn {

// One tensor of a network as the parameters' layout registers it.
struct TensorSpec {
  std::string name;
  Shape shape;
  std::int64_t fan_in = 0, fan_out = 0, members = 0;
  Initialiser start;
};

class Architecture {
 public:
  virtual ~Architecture() = default;
  // Those of a network of this name, with `agents` as their leading axis, in the order that apply() takes.
  virtual std::vector<TensorSpec> tensors(const std::string& name, std::int64_t agents) const = 0;
  // The network's outputs of rows x [agents, rows, inputs]; `label` names them in messages.
  virtual graph::Tensor apply(graph::Graph& g, std::span<const graph::Tensor> parameters, graph::Tensor x,
                              const std::string& label) const = 0;
  // Numbers of a row that goes in and of one that comes out; members of an ensemble, 0 of none.
  virtual std::int64_t inputs() const = 0;
  virtual std::int64_t outputs() const = 0;
  virtual std::int64_t members() const { return 0; }
  // {"kind": "mlp", "widths": [17, 256, 6], ...}: all that applying it needs, for a file.
  virtual nlohmann::json describe() const = 0;
};
using ArchitecturePtr = std::shared_ptr<const Architecture>;

// A vector of numbers [agents, size] that all begin as `start`: a parameter by itself, applied to nothing.
ArchitecturePtr vector(std::int64_t size, float start);

// The architecture that describe() gave the description of; an Error of `where` otherwise. How its tensors
// begin is not part of that.
ArchitecturePtr described(const nlohmann::json& description, const std::string& where);
struct RegisterArchitecture {
  RegisterArchitecture(const std::string& kind, ArchitecturePtr (*make)(const nlohmann::json& description));
};

}  // namespace hardy::nn
