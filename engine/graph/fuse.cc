#include "engine/graph/fuse.h"

#include "engine/ops/arithmetic.h"
#include "engine/ops/gemm.h"
#include "engine/ops/linear.h"

namespace hardy::graph {
namespace {

template <class A>
std::vector<std::byte> bytes_of(const A& a) {
  const auto* b = reinterpret_cast<const std::byte*>(&a);
  return {b, b + sizeof a};
}

class Fuser {
 public:
  Fuser(std::size_t values, std::vector<Node> nodes, const std::vector<char>& kept)
      : nodes_(std::move(nodes)),
        dead_(nodes_.size(), 0),
        producer_(values, -1),
        uses_(values, 0),
        kept_(kept) {
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      for (Tensor t : nodes_[n].outputs) producer_[at(t)] = static_cast<int>(n);
      for (Tensor t : nodes_[n].inputs) ++uses_[at(t)];
    }
  }

  std::vector<Node> run() {
    for (Node& node : nodes_) {  // in topological order, so that a chain grows from its head
      if (node.op == &ops::kAddBias) layer_bias(node);
      if (node.op == &ops::kRelu || node.op == &ops::kTanh) layer_activation(node);
      if (node.op == &ops::kReluGradient) masked_input_gradient(node);
    }
    weight_and_bias_gradients();
    std::vector<Node> alive;
    for (std::size_t n = 0; n < nodes_.size(); ++n)
      if (!dead_[n]) alive.push_back(std::move(nodes_[n]));
    return alive;
  }

 private:
  static std::size_t at(Tensor t) { return static_cast<std::size_t>(t.id); }

  // The node that makes t with `op`, if nobody else needs t.
  Node* only_producer(Tensor t, const Op& op) {
    const int n = producer_[at(t)];
    if (n < 0 || nodes_[static_cast<std::size_t>(n)].op != &op || uses_[at(t)] != 1 || kept_[at(t)])
      return nullptr;
    return &nodes_[static_cast<std::size_t>(n)];
  }
  void absorb(Node& into, Node& gone, const Op& op, std::vector<Tensor> inputs,
              std::vector<std::byte> attributes) {
    dead_[static_cast<std::size_t>(&gone - nodes_.data())] = 1;
    into.op = &op;
    into.inputs = std::move(inputs);
    into.attributes = std::move(attributes);
  }

  void layer_bias(Node& node) {
    if (Node* product = only_producer(node.inputs[0], ops::kLinear))
      absorb(node, *product, ops::kLinearBias, {product->inputs[0], product->inputs[1], node.inputs[1]},
             bytes_of(ops::LinearAttributes{}));
  }
  void layer_activation(Node& node) {
    const auto activation = node.op == &ops::kRelu ? Activation::kRelu : Activation::kTanh;
    Node* layer = only_producer(node.inputs[0], ops::kLinearBias);
    if (layer &&
        layer->attribute<ops::LinearAttributes>().activation == static_cast<std::int32_t>(Activation::kNone))
      absorb(node, *layer, ops::kLinearBias, layer->inputs,
             bytes_of(ops::LinearAttributes{static_cast<std::int32_t>(activation)}));
  }
  void masked_input_gradient(Node& node) {
    if (Node* dx = only_producer(node.inputs[0], ops::kLinearInputGradient))
      absorb(node, *dx, ops::kLinearInputGradientRelu, {dx->inputs[0], dx->inputs[1], node.inputs[1]}, {});
  }
  void weight_and_bias_gradients() {
    for (Node& bias : nodes_) {
      if (bias.op != &ops::kBiasGradient || dead_[static_cast<std::size_t>(&bias - nodes_.data())]) continue;
      for (Node& weight : nodes_) {
        if (weight.op != &ops::kLinearWeightGradient ||
            dead_[static_cast<std::size_t>(&weight - nodes_.data())] || weight.inputs[1] != bias.inputs[0])
          continue;
        weight.outputs.push_back(bias.outputs[0]);
        weight.op = &ops::kLinearWeightBiasGradient;
        dead_[static_cast<std::size_t>(&bias - nodes_.data())] = 1;
        break;
      }
    }
  }

  std::vector<Node> nodes_;
  std::vector<char> dead_;
  std::vector<int> producer_, uses_;
  const std::vector<char>& kept_;
};

}  // namespace

std::vector<Node> fuse_layers(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept) {
  return Fuser(g.values(), std::move(nodes), kept).run();
}

}  // namespace hardy::graph
