#include "engine/ops/arithmetic.h"

#include "engine/ops/attributes.h"
#include "engine/ops/formulas.h"
#include "engine/ops/pointwise.h"

namespace hardy::ops {
namespace {

void fill_range(const KernelCall& call, std::int64_t begin, std::int64_t end) {
  const double value = call.attribute<Fill>().value;
  if (call.outputs[0].type == DType::kF64)
    std::fill(call.outputs[0].as<double>() + begin, call.outputs[0].as<double>() + end, value);
  else
    std::fill(call.outputs[0].as<float>() + begin, call.outputs[0].as<float>() + end,
              static_cast<float>(value));
}
constexpr Op kFill{.name = "fill", .cpu_range = fill_range};

std::vector<Tensor> relu_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {g.apply(kReluGradient, {dy[0], node.outputs[0]}, g.type(dy[0]), g.shape(dy[0]), ReluGradient{})};
}
std::vector<Tensor> tanh_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {map(g, TanhGradient{}, dy[0], node.outputs[0])};
}

constexpr Op kStopGradient{.name = "stop_gradient", .alias = true, .stops = true};

}  // namespace

std::vector<Tensor> Add::gradient(Graph& g, const Node& node, Tensor dy) {
  return {sum_to(g, dy, g.shape(node.inputs[0])), sum_to(g, dy, g.shape(node.inputs[1]))};
}
std::vector<Tensor> Subtract::gradient(Graph& g, const Node& node, Tensor dy) {
  return {sum_to(g, dy, g.shape(node.inputs[0])), sum_to(g, negate(g, dy), g.shape(node.inputs[1]))};
}
std::vector<Tensor> Copy::gradient(Graph&, const Node&, Tensor dy) { return {dy}; }
// Without x, so that a constant dy, a loss's scale, stays one.
std::vector<Tensor> Affine::gradient(Graph& g, const Node& node, Tensor dy) {
  return {affine(g, dy, node.attribute<Affine>().scale)};
}

// Its mask is flat: nothing passes to y.
std::vector<Tensor> ReluGradient::gradient(Graph& g, const Node& node, Tensor d) {
  return {g.apply(kReluGradient, {d, node.inputs[1]}, g.type(d), g.shape(d), ReluGradient{}), Tensor{}};
}

const Op kRelu{.name = "relu", .gradient = relu_rule, .cpu_range = detail::map_kernel<Relu, 1>};
const Op kReluGradient{.name = "relu_gradient",
                       .gradient = detail::map_rule<ReluGradient, 2>(),
                       .cpu_range = detail::map_kernel<ReluGradient, 2>};
const Op kTanh{.name = "tanh", .gradient = tanh_rule, .cpu_range = detail::map_kernel<Tanh, 1>};

Tensor fill(Graph& g, DType type, const Shape& shape, double value) {
  if (type != DType::kF32 && type != DType::kF64) throw Error("makes f32 or f64 only", "op fill");
  return g.apply(kFill, {}, type, shape, Fill{value});
}
Tensor add(Graph& g, Tensor a, Tensor b) { return map(g, Add{}, a, b); }
Tensor subtract(Graph& g, Tensor a, Tensor b) { return map(g, Subtract{}, a, b); }
Tensor multiply(Graph& g, Tensor a, Tensor b) { return map(g, Multiply{}, a, b); }
Tensor divide(Graph& g, Tensor a, Tensor b) { return map(g, Divide{}, a, b); }
Tensor minimum(Graph& g, Tensor a, Tensor b) { return map(g, Minimum{}, a, b); }
Tensor maximum(Graph& g, Tensor a, Tensor b) { return map(g, Maximum{}, a, b); }
Tensor copy(Graph& g, Tensor x) { return map(g, Copy{}, x); }
Tensor affine(Graph& g, Tensor x, double scale, double shift) { return map(g, Affine{scale, shift}, x); }
Tensor negate(Graph& g, Tensor x) { return affine(g, x, -1); }
Tensor square(Graph& g, Tensor x) { return map(g, Square{}, x); }
Tensor exp(Graph& g, Tensor x) { return map(g, Exp{}, x); }
Tensor log(Graph& g, Tensor x) { return map(g, Log{}, x); }
Tensor softplus(Graph& g, Tensor x) { return map(g, Softplus{}, x); }
Tensor clamp(Graph& g, Tensor x, double low, double high) { return map(g, Clamp{low, high}, x); }
Tensor gelu(Graph& g, Tensor x) { return map(g, Gelu{}, x); }
Tensor silu(Graph& g, Tensor x) { return map(g, Silu{}, x); }

Tensor relu(Graph& g, Tensor x) {
  return g.apply(kRelu, {x}, detail::common_float_type(g, "relu", {&x, 1}), g.shape(x), Relu{});
}
Tensor tanh(Graph& g, Tensor x) {
  return g.apply(kTanh, {x}, detail::common_float_type(g, "tanh", {&x, 1}), g.shape(x), Tanh{});
}
Tensor stop_gradient(Graph& g, Tensor x) { return g.apply(kStopGradient, {x}, g.type(x), g.shape(x)); }

namespace {
const graph::RegisterGradientOps gradient_ops({.fill = fill, .add = add, .copy = copy});
}

}  // namespace hardy::ops
