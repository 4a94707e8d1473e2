#include "engine/ops/reduce.h"

#include <cmath>
#include <limits>

#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"
#include "engine/ops/formulas.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// A tensor seen as [outer, n, inner] around the reduced axis.
struct Split {
  std::int64_t outer, n, inner;
  Split(const Shape& s, int axis)
      : outer(s.product(0, axis)), n(s[axis]), inner(s.product(axis + 1, s.rank())) {}
};

// Applies `rows` for inner == 1 (one contiguous row to a number) or `columns` otherwise (out[inner]
// combined row after row), the outer axis shared among the threads.
template <class T, class Row, class Column>
void reduce(const KernelCall& call, ThreadTeam& team, Row&& row, Column&& column) {
  const Split s(call.inputs[0].shape, call.attribute<Reduction>().axis);
  const T* x = call.inputs[0].as<const T>();
  T* y = call.outputs[0].as<T>();
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.n * s.inner));
  team.for_range(s.outer, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      if (s.inner == 1) {
        y[o] = row(x + o * s.n, s.n);
      } else {
        T* out = y + o * s.inner;
        const T* first = x + o * s.n * s.inner;
        std::copy(first, first + s.inner, out);
        for (std::int64_t k = 1; k < s.n; ++k)
          for (std::int64_t i = 0; i < s.inner; ++i) out[i] = column(out[i], first[k * s.inner + i]);
      }
    }
  });
}

template <class T>
void sum_kernel(const KernelCall& call, ThreadTeam& team) {
  reduce<T>(
      call, team,
      [](const T* x, std::int64_t n) { return sum_of<T>(n, [x](std::int64_t i) { return x[i]; }); },
      [](T a, T b) { return a + b; });
}

// The sum as above, times 1 / n; rounded as Affine{1 / n, 0} of it (+0 makes +0 of -0).
template <class T>
void mean_kernel(const KernelCall& call, ThreadTeam& team) {
  const Split s(call.inputs[0].shape, call.attribute<Reduction>().axis);
  const Affine scale{1.0 / static_cast<double>(s.n), 0};
  sum_kernel<T>(call, team);
  T* y = call.outputs[0].as<T>();
  for (std::int64_t i = 0; i < s.outer * s.inner; ++i) y[i] = scale(y[i]);
}

template <class T, T (*kBetter)(T, T)>
void extreme_kernel(const KernelCall& call, ThreadTeam& team) {
  reduce<T>(
      call, team,
      [](const T* x, std::int64_t n) {
        T best = x[0];
        for (std::int64_t i = 1; i < n; ++i) best = kBetter(best, x[i]);
        return best;
      },
      [](T a, T b) { return kBetter(a, b); });
}

// x, y = extreme of x, dy -> dx: dy at the first element that equals y, 0 elsewhere.
template <class T>
void extreme_gradient_kernel(const KernelCall& call, ThreadTeam&) {
  const Split s(call.inputs[0].shape, call.attribute<Reduction>().axis);
  const T *x = call.inputs[0].as<const T>(), *y = call.inputs[1].as<const T>(),
          *dy = call.inputs[2].as<const T>();
  T* dx = call.outputs[0].as<T>();
  for (std::int64_t o = 0; o < s.outer; ++o)
    for (std::int64_t i = 0; i < s.inner; ++i) {
      bool given = false;
      for (std::int64_t k = 0; k < s.n; ++k) {
        const std::int64_t at = (o * s.n + k) * s.inner + i;
        const bool here = !given && x[at] == y[o * s.inner + i];
        dx[at] = here ? dy[o * s.inner + i] : T(0);
        given = given || here;
      }
    }
}

template <class T>
void logsumexp_kernel(const KernelCall& call, ThreadTeam&) {
  const Split s(call.inputs[0].shape, call.attribute<Reduction>().axis);
  const T* x = call.inputs[0].as<const T>();
  T* y = call.outputs[0].as<T>();
  for (std::int64_t o = 0; o < s.outer; ++o)
    for (std::int64_t i = 0; i < s.inner; ++i) {
      const T* first = x + o * s.n * s.inner + i;
      T top = first[0];
      for (std::int64_t k = 1; k < s.n; ++k) top = larger(top, first[k * s.inner]);
      if (!std::isfinite(top)) {  // all -inf, an inf, or a NaN: the extreme is the answer
        y[o * s.inner + i] = top;
        continue;
      }
      T total = 0;
      for (std::int64_t k = 0; k < s.n; ++k) total += std::exp(first[k * s.inner] - top);
      y[o * s.inner + i] = top + std::log(total);
    }
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

std::vector<Tensor> sum_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {stretch(g, dy[0], g.shape(node.inputs[0]))};
}

std::vector<Tensor> mean_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  const auto n = static_cast<double>(g.shape(x)[node.attribute<Reduction>().axis]);
  return {stretch(g, affine(g, dy[0], 1.0 / n), g.shape(x))};
}

extern const Op kExtremeGradient;
// dy goes to one place of each row; which one does not change with x.
std::vector<Tensor> extreme_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor x = node.inputs[0], y = node.inputs[1], dy = node.inputs[2];
  const Tensor place = g.apply(kExtremeGradient, {x, y, fill(g, g.type(dy), g.shape(dy), 1)}, g.type(x),
                               g.shape(x), node.attribute<Reduction>());
  return {Tensor{}, Tensor{}, sum(g, multiply(g, place, d[0]), node.attribute<Reduction>().axis)};
}
const Op kExtremeGradient{.name = "extreme_gradient",
                          .gradient = extreme_gradient_rule,
                          .cpu = by_type<extreme_gradient_kernel<float>, extreme_gradient_kernel<double>>};
std::vector<Tensor> extreme_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  return {g.apply(kExtremeGradient, {x, node.outputs[0], dy[0]}, g.type(x), g.shape(x),
                  node.attribute<Reduction>())};
}
std::vector<Tensor> logsumexp_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {multiply(g, dy[0], exp(g, subtract(g, node.inputs[0], node.outputs[0])))};
}

constexpr Op kSum{.name = "sum", .gradient = sum_rule, .cpu = by_type<sum_kernel<float>, sum_kernel<double>>};
constexpr Op kMean{
    .name = "mean", .gradient = mean_rule, .cpu = by_type<mean_kernel<float>, mean_kernel<double>>};
constexpr Op kMax{
    .name = "max",
    .gradient = extreme_rule,
    .cpu = by_type<extreme_kernel<float, larger<float>>, extreme_kernel<double, larger<double>>>};
constexpr Op kMin{
    .name = "min",
    .gradient = extreme_rule,
    .cpu = by_type<extreme_kernel<float, smaller<float>>, extreme_kernel<double, smaller<double>>>};
constexpr Op kLogSumExp{.name = "logsumexp",
                        .gradient = logsumexp_rule,
                        .cpu = by_type<logsumexp_kernel<float>, logsumexp_kernel<double>>};

template <class T>
void copy_block(const void*, const T* const* in, T* out, std::int64_t n) {
  std::copy(in[0], in[0] + n, out);
}
void stretch_range(const KernelCall& call, std::int64_t begin, std::int64_t end) {
  if (call.outputs[0].type == DType::kF64)
    detail::walk_blocks<double>(call, 1, begin, end, copy_block<double>);
  else
    detail::walk_blocks<float>(call, 1, begin, end, copy_block<float>);
}
std::vector<Tensor> stretch_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {sum_to(g, dy[0], g.shape(node.inputs[0]))};
}
constexpr Op kStretch{.name = "stretch", .gradient = stretch_rule, .cpu_range = stretch_range};

Tensor reduce_axis(Graph& g, const Op& op, Tensor x, int axis) {
  detail::common_float_type(g, op.name, {&x, 1});
  const int rank = g.shape(x).rank();
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) g.shape_error(op.name, "there is no such axis", {x});
  if (g.shape(x)[axis] < 1) g.shape_error(op.name, "the axis is empty", {x});
  Shape out = g.shape(x);
  out[axis] = 1;
  return g.apply(op, {x}, g.type(x), out, Reduction{axis});
}

}  // namespace

Tensor sum(Graph& g, Tensor x, int axis) { return reduce_axis(g, kSum, x, axis); }
Tensor mean(Graph& g, Tensor x, int axis) { return reduce_axis(g, kMean, x, axis); }
Tensor max(Graph& g, Tensor x, int axis) { return reduce_axis(g, kMax, x, axis); }
Tensor min(Graph& g, Tensor x, int axis) { return reduce_axis(g, kMin, x, axis); }
Tensor logsumexp(Graph& g, Tensor x, int axis) { return reduce_axis(g, kLogSumExp, x, axis); }

namespace {
Tensor per_agent(Graph& g, Tensor x, Tensor (*reduced)(Graph&, Tensor, int)) {
  const std::int64_t agents = g.shape(x)[0];
  const Tensor rows = reshape(g, x, {agents, g.shape(x).elements() / std::max<std::int64_t>(agents, 1)});
  return reshape(g, reduced(g, rows, 1), {agents});
}
}  // namespace
Tensor sum_per_agent(Graph& g, Tensor x) { return g.shape(x).rank() == 1 ? x : per_agent(g, x, sum); }
Tensor mean_per_agent(Graph& g, Tensor x) { return per_agent(g, x, mean); }

Tensor sum_to(Graph& g, Tensor x, const Shape& shape) {
  const Shape from = g.shape(x);
  if (from == shape) return x;
  if (shape == Shape{1}) return reshape(g, sum(g, reshape(g, x, {1, from.elements()}), 1), {1});
  if (from.rank() != shape.rank()) g.shape_error("sum_to", "cannot sum to " + shape.str(), {x});
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (from[axis] == shape[axis]) continue;
    if (shape[axis] != 1) g.shape_error("sum_to", "cannot sum to " + shape.str(), {x});
    x = sum(g, x, axis);
  }
  return x;
}

Tensor stretch(Graph& g, Tensor x, const Shape& shape) {
  const Shape& from = g.shape(x);
  if (from == shape) return x;
  detail::common_float_type(g, "stretch", {&x, 1});
  if (!(from == Shape{1})) {
    bool fits = from.rank() == shape.rank();
    for (int axis = 0; fits && axis < shape.rank(); ++axis)
      fits = from[axis] == shape[axis] || from[axis] == 1;
    if (!fits) g.shape_error("stretch", "does not stretch to " + shape.str(), {x});
  }
  return g.apply(kStretch, {x}, g.type(x), shape);
}

}  // namespace hardy::ops
