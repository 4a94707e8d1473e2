#include "engine/ops/order_statistics.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/base/threads.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"
#include "engine/ops/order.h"
#include "engine/ops/reduce.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Node;
using graph::Tensor;

// Calls body(first element's index, index of the result) for every row along the axis.
template <class Body>
void for_rows(const Shape& shape, int axis, ThreadTeam& team, Body&& body) {
  const std::int64_t n = shape[axis], inner = shape.product(axis + 1, shape.rank());
  team.for_range(shape.elements() / n, 2048, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row / inner * n * inner + row % inner, row);
  });
}

template <class T>
void quantile_kernel(const KernelCall& call, ThreadTeam& team) {
  const auto q = call.attribute<Quantile>();
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape[q.axis], stride = shape.product(q.axis + 1, shape.rank());
  const QuantilePosition p(q.alpha, n);
  const T* x = call.inputs[0].as<const T>();
  T* y = call.outputs[0].as<T>();
  for_rows(shape, q.axis, team, [&](std::int64_t first, std::int64_t row) {
    std::uint8_t order[kMostOrdered];
    if (!sort_members(x + first, n, stride, order)) {
      y[row] = std::numeric_limits<T>::quiet_NaN();
      return;
    }
    const T low = x[first + order[p.low] * stride], high = x[first + order[p.high] * stride];
    y[row] = p.weight > 0 ? low + static_cast<T>(p.weight) * (high - low) : low;
  });
}

template <class T>
void quantile_gradient_kernel(const KernelCall& call, ThreadTeam& team) {
  const auto q = call.attribute<Quantile>();
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape[q.axis], stride = shape.product(q.axis + 1, shape.rank());
  const QuantilePosition p(q.alpha, n);
  const T *x = call.inputs[0].as<const T>(), *dy = call.inputs[1].as<const T>();
  T* dx = call.outputs[0].as<T>();
  for_rows(shape, q.axis, team, [&](std::int64_t first, std::int64_t row) {
    for (std::int64_t k = 0; k < n; ++k) dx[first + k * stride] = T(0);
    std::uint8_t order[kMostOrdered];
    if (!sort_members(x + first, n, stride, order)) return;
    dx[first + order[p.low] * stride] += static_cast<T>(1 - p.weight) * dy[row];
    dx[first + order[p.high] * stride] += static_cast<T>(p.weight) * dy[row];
  });
}

void quantile_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? quantile_kernel<double> : quantile_kernel<float>)(call, team);
}
void quantile_gradient_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? quantile_gradient_kernel<double>
                                       : quantile_gradient_kernel<float>)(call, team);
}

extern const graph::Op kQuantileGradient;
// dy goes to at most two members by weights that do not change with x.
std::vector<Tensor> quantile_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor x = node.inputs[0], dy = node.inputs[1];
  const auto q = node.attribute<Quantile>();
  const Tensor weights =
      g.apply(kQuantileGradient, {x, fill(g, g.type(dy), g.shape(dy), 1)}, g.type(x), g.shape(x), q);
  return {Tensor{}, sum(g, multiply(g, weights, d[0]), q.axis)};
}
const graph::Op kQuantileGradient{
    .name = "quantile_gradient", .gradient = quantile_gradient_rule, .cpu = quantile_gradient_cpu};
std::vector<Tensor> quantile_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  return {g.apply(kQuantileGradient, {x, dy[0]}, g.type(x), g.shape(x), node.attribute<Quantile>())};
}
constexpr graph::Op kQuantile{.name = "quantile", .gradient = quantile_rule, .cpu = quantile_cpu};

}  // namespace

Tensor quantile(Graph& g, Tensor x, double alpha, int axis) {
  Shape shape = g.shape(x);
  if (axis < 0) axis += shape.rank();
  if (axis < 0 || axis >= shape.rank()) g.shape_error("quantile", "there is no such axis", {x});
  if (!(alpha >= 0 && alpha <= 1)) g.shape_error("quantile", "alpha must lie in [0, 1]", {x});
  if (shape[axis] < 1 || shape[axis] > kMostOrdered)
    g.shape_error("quantile", "the axis must hold 1 to 64 values", {x});
  shape[axis] = 1;
  return g.apply(kQuantile, {x}, g.type(x), shape, Quantile{alpha, axis});
}

}  // namespace hardy::ops
