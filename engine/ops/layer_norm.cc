#include "engine/ops/layer_norm.h"

#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// x, scale, shift -> y, and what its gradient needs of every row: the mean and 1 / sqrt(var + epsilon).
template <class T>
void forward(const KernelCall& call, ThreadTeam& team) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2];
  const T epsilon = static_cast<T>(call.attribute<LayerNorm>().epsilon);
  for_rows(shape.elements() / n, 4 * n, team, [&](std::int64_t row) {
    const T* x = call.inputs[0].as<const T>() + row * n;
    const T *scale = call.inputs[1].as<const T>() + row / batch * n,
            *shift = call.inputs[2].as<const T>() + row / batch * n;
    T* y = call.outputs[0].as<T>() + row * n;
    const T mean = sum_of<T>(n, [&](std::int64_t i) { return x[i]; }) / static_cast<T>(n);
    const T var =
        sum_of<T>(n, [&](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); }) / static_cast<T>(n);
    const T inverse = T(1) / std::sqrt(var + epsilon);
    for (std::int64_t i = 0; i < n; ++i) y[i] = scale[i] * ((x[i] - mean) * inverse) + shift[i];
    call.outputs[1].as<T>()[row] = mean;
    call.outputs[2].as<T>()[row] = inverse;
  });
}

// dy, x, mean, inverse, scale -> dx. With h = (x - mean) inverse and u = scale dy:
// dx = inverse (u - mean(u) - h mean(u h)).
template <class T>
void input_gradient(const KernelCall& call, ThreadTeam& team) {
  const Shape& shape = call.inputs[1].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2];
  for_rows(shape.elements() / n, 4 * n, team, [&](std::int64_t row) {
    const T *dy = call.inputs[0].as<const T>() + row * n, *x = call.inputs[1].as<const T>() + row * n;
    const T mean = call.inputs[2].as<const T>()[row], inverse = call.inputs[3].as<const T>()[row];
    const T* scale = call.inputs[4].as<const T>() + row / batch * n;
    T* dx = call.outputs[0].as<T>() + row * n;
    const auto u = [&](std::int64_t i) { return scale[i] * dy[i]; };
    const auto h = [&](std::int64_t i) { return (x[i] - mean) * inverse; };
    const T mean_u = sum_of<T>(n, u) / static_cast<T>(n);
    const T mean_uh = sum_of<T>(n, [&](std::int64_t i) { return u(i) * h(i); }) / static_cast<T>(n);
    for (std::int64_t i = 0; i < n; ++i) dx[i] = inverse * (u(i) - mean_u - h(i) * mean_uh);
  });
}

// dy, x, mean, inverse -> dscale = sum(dy h), dshift = sum(dy) over the batch, row after row.
template <class T>
void parameter_gradient(const KernelCall& call, ThreadTeam& team) {
  const Shape& shape = call.inputs[1].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2];
  team.run(shape.elements() / (n * batch), [&](std::int64_t group) {
    T *dscale = call.outputs[0].as<T>() + group * n, *dshift = call.outputs[1].as<T>() + group * n;
    std::fill(dscale, dscale + n, T(0));
    std::fill(dshift, dshift + n, T(0));
    for (std::int64_t row = group * batch; row < (group + 1) * batch; ++row) {
      const T *dy = call.inputs[0].as<const T>() + row * n, *x = call.inputs[1].as<const T>() + row * n;
      const T mean = call.inputs[2].as<const T>()[row], inverse = call.inputs[3].as<const T>()[row];
      for (std::int64_t i = 0; i < n; ++i) {
        dscale[i] += dy[i] * ((x[i] - mean) * inverse);
        dshift[i] += dy[i];
      }
    }
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

// Second derivatives: the two gradients written in other ops, and those differentiated.
Tensor normalised(Graph& g, Tensor x, Tensor mean, Tensor inverse) {
  return multiply(g, subtract(g, x, mean), inverse);
}
std::vector<Tensor> input_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor dy = node.inputs[0], x = node.inputs[1], mean_x = node.inputs[2], inverse = node.inputs[3],
               scale = node.inputs[4];
  const std::size_t first = g.nodes().size();
  const Tensor h = normalised(g, x, mean_x, inverse);
  const Tensor u = multiply(g, unsqueeze(g, scale, -2), dy);
  const Tensor away = add(g, mean(g, u, -1), multiply(g, h, mean(g, multiply(g, u, h), -1)));
  const Tensor dx = multiply(g, inverse, subtract(g, u, away));
  return graph::differentiate_from(g, first, {&dx, 1}, d, node.inputs);
}
std::vector<Tensor> parameter_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor dy = node.inputs[0];
  const std::size_t first = g.nodes().size();
  const Tensor h = normalised(g, node.inputs[1], node.inputs[2], node.inputs[3]);
  const std::array outputs{squeeze(g, sum(g, multiply(g, dy, h), -2), -2), squeeze(g, sum(g, dy, -2), -2)};
  return graph::differentiate_from(g, first, outputs, d, node.inputs);
}

constexpr Op kInputGradient{.name = "layer_norm_input_gradient",
                            .gradient = input_gradient_rule,
                            .cpu = by_type<input_gradient<float>, input_gradient<double>>};
constexpr Op kParameterGradient{.name = "layer_norm_parameter_gradient",
                                .gradient = parameter_gradient_rule,
                                .cpu = by_type<parameter_gradient<float>, parameter_gradient<double>>};

// What reaches x by way of the mean and the inverse deviation, which the gradients above read:
// d mean / dx_i = 1/n, d inverse / dx_i = -inverse^3 (x_i - mean) / n.
Tensor through_statistics(Graph& g, const Node& node, Tensor dx, Tensor d_mean, Tensor d_inverse) {
  const Tensor x = node.inputs[0], mean = node.outputs[1], inverse = node.outputs[2];
  const double share = 1.0 / static_cast<double>(g.shape(x).back());
  if (d_mean) dx = add(g, dx, affine(g, d_mean, share));
  if (d_inverse) {
    const Tensor cube = multiply(g, square(g, inverse), inverse);
    dx = subtract(g, dx, affine(g, multiply(g, multiply(g, d_inverse, cube), subtract(g, x, mean)), share));
  }
  return dx;
}

std::vector<Tensor> layer_norm_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor x = node.inputs[0], scale = node.inputs[1], mean = node.outputs[1], inverse = node.outputs[2];
  const Tensor dy = d[0] ? d[0] : fill(g, g.type(x), g.shape(x), 0);
  const Tensor dx = g.apply(kInputGradient, {dy, x, mean, inverse, scale}, g.type(x), g.shape(x));
  const std::pair<DType, Shape> parameter{g.type(x), g.shape(scale)};
  const std::vector<Tensor> parameters = g.apply(kParameterGradient, std::array{dy, x, mean, inverse},
                                                 std::array{parameter, parameter}, nullptr, 0);
  return {through_statistics(g, node, dx, d[1], d[2]), parameters[0], parameters[1]};
}

constexpr Op kLayerNorm{
    .name = "layer_norm", .gradient = layer_norm_rule, .cpu = by_type<forward<float>, forward<double>>};

}  // namespace

Tensor layer_norm(Graph& g, Tensor x, Tensor scale, Tensor shift, double epsilon) {
  const std::array operands{x, scale, shift};
  const DType type = detail::common_float_type(g, "layer_norm", operands);
  const Shape &xs = g.shape(x), &ss = g.shape(scale);
  bool fits = xs.rank() >= 3 && ss.rank() == xs.rank() - 1 && ss == g.shape(shift) &&
              ss.back() == xs.back() && xs.back() > 0;
  for (int axis = 0; fits && axis < ss.rank() - 1; ++axis) fits = ss[axis] == xs[axis];
  if (!fits) g.shape_error("layer_norm", "x [A, (E,) B, n] needs scale and shift [A, (E,) n]", operands);
  Shape row = xs;
  row[row.rank() - 1] = 1;
  const LayerNorm attributes{epsilon};
  return g.apply(kLayerNorm, operands,
                 std::array{std::pair{type, Shape(xs)}, std::pair{type, row}, std::pair{type, row}},
                 &attributes, sizeof attributes)[0];
}

}  // namespace hardy::ops
