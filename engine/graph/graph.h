// A static graph: built once, differentiated once, planned once, then run millions of times.
//
//   Graph g;
//   Tensor x = g.input("x", DType::kF32, {agents, 256, 17});
//   Tensor w = g.parameter("w", DType::kF32, {agents, 17, 256});
//   Tensor loss = mean(g, square(g, linear(g, x, w)));   // [agents]
//   auto dw = differentiate(g, loss, {w});
//
// Shapes are checked while it is built; an error names the op, its operands and their shapes.
#pragma once

#include <cstring>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/graph/op.h"

namespace hardy::graph {

enum class Source : std::uint8_t { kComputed, kInput, kParameter, kConstant };

struct ValueInfo {
  std::string name;  // of inputs and parameters, and of values named for error messages
  DType type = DType::kF32;
  Shape shape;
  Source source = Source::kComputed;
  std::int32_t producer = -1;   // node index
  std::vector<std::byte> data;  // of constants
  bool shared = false;          // the same for all agents, whatever its leading axis
};

class Graph {
 public:
  // Memory that the caller provides (Plan::bind) or fills before each run (Plan::data).
  Tensor input(const std::string& name, DType type, const Shape& shape);
  Tensor shared_input(const std::string& name, DType type, const Shape& shape);  // e.g. a dataset's column
  Tensor parameter(const std::string& name, DType type, const Shape& shape);
  Tensor scalar(DType type, double value);  // shape [1]

  // Appends a node. The op's builder has checked the shapes; see shape_error below.
  std::vector<Tensor> apply(const Op& op, std::span<const Tensor> inputs,
                            std::span<const std::pair<DType, Shape>> outputs, const void* attributes,
                            std::size_t attribute_bytes);
  template <class Attributes>
  Tensor apply(const Op& op, std::initializer_list<Tensor> inputs, DType type, const Shape& shape,
               const Attributes& attributes) {
    static_assert(std::is_trivially_copyable_v<Attributes>);
    const std::pair<DType, Shape> out{type, shape};
    return apply(op, std::span(inputs.begin(), inputs.size()), std::span(&out, 1), &attributes,
                 sizeof(Attributes))[0];
  }
  Tensor apply(const Op& op, std::initializer_list<Tensor> inputs, DType type, const Shape& shape) {
    const std::pair<DType, Shape> out{type, shape};
    return apply(op, std::span(inputs.begin(), inputs.size()), std::span(&out, 1), nullptr, 0)[0];
  }

  Tensor name(Tensor t, const std::string& text) {
    values_[index(t)].name = text;
    return t;
  }

  // Throws if t is not a value of this graph.
  const ValueInfo& info(Tensor t) const {
    if (t.id < 0 || index(t) >= values_.size())
      throw Error("an operand is not a value of this graph", "graph");
    return values_[index(t)];
  }
  const Shape& shape(Tensor t) const { return info(t).shape; }
  DType type(Tensor t) const { return info(t).type; }
  // The value that t is another shape of; t itself where no alias op made it.
  Tensor contents_of(Tensor t) const { return behind(t, false); }
  // The value whose memory t shares: behind alias ops and those that write in place.
  Tensor memory_of(Tensor t) const { return behind(t, true); }
  // The node that writes over what t holds; null if none of `nodes` does.
  const Node* writer_over(Tensor t, std::span<const Node> nodes) const;
  const std::vector<Node>& nodes() const { return nodes_; }
  std::size_t values() const { return values_.size(); }
  // The same graph with a leading axis of 1 in place of that of the values marked (agents_apart.h).
  Graph of_one_agent(std::span<const char> apart) const;
  // "relu (v/layer1)" or "input observations": how messages speak of a value.
  std::string describe(Tensor t) const;

  // Throws: op, what is wrong, and every operand with its type and shape.
  [[noreturn]] void shape_error(const char* op, const std::string& what,
                                std::span<const Tensor> operands) const;
  [[noreturn]] void shape_error(const char* op, const std::string& what,
                                std::initializer_list<Tensor> operands) const {
    shape_error(op, what, std::span(operands.begin(), operands.size()));
  }

 private:
  static std::size_t index(Tensor t) { return static_cast<std::size_t>(t.id); }
  Tensor add_value(ValueInfo info);
  Tensor behind(Tensor t, bool writes) const;
  void check_write(const Op& op, std::span<const Tensor> inputs) const;

  std::deque<ValueInfo>
      values_;  // its elements stay where they are: shape(t) holds while a rule appends nodes
  std::vector<Node> nodes_;
};

// Reverse mode: appends the nodes that compute d sum(loss) / d wrt[i]. A value that the loss does not
// depend on has the gradient {} (id -1). With a loss of one number per agent, each agent's gradient
// is its own. Gradients end silently at stop_gradient and at integer and boolean values alone: an op without
// a rule that one would pass through is an Error that names it and its operands. The nodes may be
// differentiated again.
std::vector<Tensor> differentiate(Graph& g, Tensor loss, std::span<const Tensor> wrt);
inline std::vector<Tensor> differentiate(Graph& g, Tensor loss, std::initializer_list<Tensor> wrt) {
  return differentiate(g, loss, std::span(wrt.begin(), wrt.size()));
}

// The ops that reverse mode itself puts into a graph; engine/ops gives them (arithmetic.cc).
struct GradientOps {
  Tensor (*fill)(Graph&, DType, const Shape&, double value);
  Tensor (*add)(Graph&, Tensor, Tensor);
  Tensor (*copy)(Graph&, Tensor);
};
struct RegisterGradientOps {
  explicit RegisterGradientOps(const GradientOps& ops);
};

// What a rule is made with that writes its outputs in other ops: the gradients by wrt[i] of what was built
// since node `first`, given those of `outputs` ({}: none flows). All before `first` is taken as given.
std::vector<Tensor> differentiate_from(Graph& g, std::size_t first, std::span<const Tensor> outputs,
                                       std::span<const Tensor> seeds, std::span<const Tensor> wrt);

}  // namespace hardy::graph
