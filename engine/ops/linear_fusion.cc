// How the nodes of a dense layer join: product, bias and activation; the input's gradient with the mask of
// the ReLU below; the gradients of weight and bias, which read the same dy.
#include "engine/graph/fuse.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/gemm.h"
#include "engine/ops/linear.h"

namespace hardy::ops {
namespace {

using graph::Fusion;
using graph::Node;

std::vector<std::byte> with_activation(Activation activation) {
  const LinearAttributes attributes{static_cast<std::int32_t>(activation)};
  const auto* bytes = reinterpret_cast<const std::byte*>(&attributes);
  return {bytes, bytes + sizeof attributes};
}

void layer_bias(Fusion& fusion, Node& node) {
  if (Node* product = fusion.only_producer(node.inputs[0], kLinear))
    fusion.absorb(node, *product, kLinearBias, {product->inputs[0], product->inputs[1], node.inputs[1]},
                  with_activation(Activation::kNone));
}

template <Activation kActivation>
void layer_activation(Fusion& fusion, Node& node) {
  Node* layer = fusion.only_producer(node.inputs[0], kLinearBias);
  if (layer &&
      layer->attribute<LinearAttributes>().activation == static_cast<std::int32_t>(Activation::kNone))
    fusion.absorb(node, *layer, kLinearBias, layer->inputs, with_activation(kActivation));
}

void masked_input_gradient(Fusion& fusion, Node& node) {
  if (Node* dx = fusion.only_producer(node.inputs[0], kLinearInputGradient))
    fusion.absorb(node, *dx, kLinearInputGradientRelu, {dx->inputs[0], dx->inputs[1], node.inputs[1]});
}

// On a device a bias gradient is a pass over dy: the one that masks it, where there is such a one, else one
// behind the product of the weight's gradient, which on the CPU sums dy as it packs it.
void weight_and_bias_gradients(Fusion& fusion, Node& bias) {
  if (Node* masked =
          fusion.on_device() ? fusion.producer(bias.inputs[0], kLinearInputGradientRelu) : nullptr) {
    masked->op = &kLinearInputGradientReluBias;
    fusion.take_over(*masked, bias);
    return;
  }
  for (Node& weight : fusion.nodes()) {
    if (weight.op != &kLinearWeightGradient || fusion.gone(weight) || weight.inputs[1] != bias.inputs[0])
      continue;
    weight.op = &kLinearWeightBiasGradient;
    fusion.take_over(weight, bias);
    return;
  }
}

const graph::RegisterFusion bias(kAddBias, layer_bias);
const graph::RegisterFusion relu_activation(kRelu, layer_activation<Activation::kRelu>);
const graph::RegisterFusion tanh_activation(kTanh, layer_activation<Activation::kTanh>);
const graph::RegisterFusion relu_mask(kReluGradient, masked_input_gradient);
const graph::RegisterFusion bias_gradient(kBiasGradient, weight_and_bias_gradients);

}  // namespace
}  // namespace hardy::ops
