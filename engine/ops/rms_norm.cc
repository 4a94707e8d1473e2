#include "engine/ops/rms_norm.h"

#include <array>
#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// Rows of n elements, `each` of them to a gain.
struct Sizes {
  std::int64_t n, rows, each;
  Sizes(const Shape& x, const Shape& gain)
      : n(x.back()), rows(x.elements() / n), each(rows / (gain.elements() / n)) {}
};

// x, gain -> y, and 1 / sqrt(mean(x^2) + epsilon) of every row
template <class T>
void forward(const KernelCall& call, ThreadTeam& team) {
  const Sizes s(call.inputs[0].shape, call.inputs[1].shape);
  const T epsilon = static_cast<T>(call.attribute<LayerNorm>().epsilon);
  for_rows(s.rows, 4 * s.n, team, [&](std::int64_t row) {
    const T *x = call.inputs[0].as<const T>() + row * s.n,
            *gain = call.inputs[1].as<const T>() + row / s.each * s.n;
    T* y = call.outputs[0].as<T>() + row * s.n;
    const T squares = sum_of<T>(s.n, [&](std::int64_t i) { return x[i] * x[i]; });
    const T inverse = T(1) / std::sqrt(squares / static_cast<T>(s.n) + epsilon);
    for (std::int64_t i = 0; i < s.n; ++i) y[i] = gain[i] * (x[i] * inverse);
    call.outputs[1].as<T>()[row] = inverse;
  });
}

// dy, x, inverse, gain -> dx. With h = x inverse and u = gain dy: dx = inverse (u - h mean(u h)).
template <class T>
void input_gradient(const KernelCall& call, ThreadTeam& team) {
  const Sizes s(call.inputs[1].shape, call.inputs[3].shape);
  for_rows(s.rows, 4 * s.n, team, [&](std::int64_t row) {
    const T *dy = call.inputs[0].as<const T>() + row * s.n, *x = call.inputs[1].as<const T>() + row * s.n,
            *gain = call.inputs[3].as<const T>() + row / s.each * s.n;
    const T inverse = call.inputs[2].as<const T>()[row];
    T* dx = call.outputs[0].as<T>() + row * s.n;
    const T mean = sum_of<T>(s.n, [&](std::int64_t i) { return gain[i] * dy[i] * (x[i] * inverse); }) /
                   static_cast<T>(s.n);
    for (std::int64_t i = 0; i < s.n; ++i) dx[i] = inverse * (gain[i] * dy[i] - x[i] * inverse * mean);
  });
}

// dy, x, inverse -> dgain = sum(dy h), row after row; threads take columns.
template <class T>
void gain_gradient(const KernelCall& call, ThreadTeam& team) {
  constexpr std::int64_t kColumns = 32;
  const Sizes s(call.inputs[1].shape, call.outputs[0].shape);
  const std::int64_t pieces = (s.n + kColumns - 1) / kColumns;
  team.run(s.rows / s.each * pieces, [&](std::int64_t task) {
    const std::int64_t group = task / pieces, begin = task % pieces * kColumns,
                       end = std::min(s.n, begin + kColumns);
    T sum[kColumns] = {};
    for (std::int64_t row = group * s.each; row < (group + 1) * s.each; ++row) {
      const T *dy = call.inputs[0].as<const T>() + row * s.n, *x = call.inputs[1].as<const T>() + row * s.n;
      const T inverse = call.inputs[2].as<const T>()[row];
      for (std::int64_t i = begin; i < end; ++i) sum[i - begin] += dy[i] * (x[i] * inverse);
    }
    std::copy(sum, sum + (end - begin), call.outputs[0].as<T>() + group * s.n + begin);
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

// The gain with axes of 1 for those of x that it lacks.
Shape beside(const Graph& g, Tensor x, Tensor gain) {
  Shape s = g.shape(x);
  for (int axis = 1; axis < s.rank() - 1; ++axis) s[axis] = 1;
  s[0] = g.shape(gain)[0];
  return s;
}

// Second derivatives: the two gradients written in other ops, and those differentiated.
std::vector<Tensor> input_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor dy = node.inputs[0], x = node.inputs[1], inverse = node.inputs[2], gain = node.inputs[3];
  const std::size_t first = g.nodes().size();
  const Tensor h = multiply(g, x, inverse), u = multiply(g, reshape(g, gain, beside(g, x, gain)), dy);
  const Tensor dx = multiply(g, inverse, subtract(g, u, multiply(g, h, mean(g, multiply(g, u, h), -1))));
  return graph::differentiate_from(g, first, {&dx, 1}, d, node.inputs);
}
std::vector<Tensor> gain_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor dy = node.inputs[0], x = node.inputs[1], gain = node.outputs[0];
  const std::size_t first = g.nodes().size();
  const Tensor h = multiply(g, x, node.inputs[2]);
  const Tensor sum = reshape(g, sum_to(g, multiply(g, dy, h), beside(g, x, gain)), g.shape(gain));
  return graph::differentiate_from(g, first, {&sum, 1}, d, node.inputs);
}

constexpr Op kInputGradient{.name = "rms_norm_input_gradient",
                            .gradient = input_gradient_rule,
                            .cpu = by_type<input_gradient<float>, input_gradient<double>>};
constexpr Op kGainGradient{.name = "rms_norm_gain_gradient",
                           .gradient = gain_gradient_rule,
                           .cpu = by_type<gain_gradient<float>, gain_gradient<double>>};

std::vector<Tensor> rms_norm_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor x = node.inputs[0], gain = node.inputs[1], inverse = node.outputs[1];
  const Tensor dy = d[0] ? d[0] : fill(g, g.type(x), g.shape(x), 0);
  Tensor dx = g.apply(kInputGradient, {dy, x, inverse, gain}, g.type(x), g.shape(x));
  if (d[1]) {  // the gradients above read the inverse: d inverse / dx_i = -inverse^3 x_i / n
    const Tensor cube = multiply(g, square(g, inverse), inverse);
    const double share = 1.0 / static_cast<double>(g.shape(x).back());
    dx = subtract(g, dx, affine(g, multiply(g, multiply(g, d[1], cube), x), share));
  }
  return {dx, g.apply(kGainGradient, {dy, x, inverse}, g.type(x), g.shape(gain))};
}

constexpr Op kRmsNorm{
    .name = "rms_norm", .gradient = rms_norm_rule, .cpu = by_type<forward<float>, forward<double>>};

}  // namespace

Tensor rms_norm(Graph& g, Tensor x, Tensor gain, double epsilon) {
  const std::array operands{x, gain};
  const DType type = detail::common_float_type(g, "rms_norm", operands);
  const Shape &xs = g.shape(x), &gs = g.shape(gain);
  if (xs.rank() < 2 || gs.rank() != 2 || (gs[0] != xs[0] && gs[0] != 1) || gs[1] != xs.back() || gs[1] < 1)
    g.shape_error("rms_norm", "x [A, ..., n] needs a gain [A, n] or [1, n]", operands);
  Shape row = xs;
  row[row.rank() - 1] = 1;
  const LayerNorm attributes{epsilon};
  return g.apply(kRmsNorm, operands, std::array{std::pair{type, Shape(xs)}, std::pair{type, row}},
                 &attributes, sizeof attributes)[0];
}

}  // namespace hardy::ops
