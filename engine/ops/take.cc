#include "engine/ops/take.h"

#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

template <class T>
void take_kernel(const KernelCall& call, ThreadTeam& team) {
  const std::int64_t n = call.inputs[0].shape.back();
  const T* x = call.inputs[0].as<const T>();
  const auto* index = call.inputs[1].as<const std::int32_t>();
  T* y = call.outputs[0].as<T>();
  for_rows(call.outputs[0].elements(), 1, team, [&](std::int64_t row) { y[row] = x[row * n + index[row]]; });
}

// dy, index -> dx: dy at the index, 0 elsewhere.
template <class T>
void put_kernel(const KernelCall& call, ThreadTeam& team) {
  const std::int64_t n = call.outputs[0].shape.back();
  const T* dy = call.inputs[0].as<const T>();
  const auto* index = call.inputs[1].as<const std::int32_t>();
  T* dx = call.outputs[0].as<T>();
  for_rows(call.inputs[0].elements(), n, team, [&](std::int64_t row) {
    std::fill(dx + row * n, dx + (row + 1) * n, T(0));
    dx[row * n + index[row]] = dy[row];
  });
}

void take_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? take_kernel<double> : take_kernel<float>)(call, team);
}
void put_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? put_kernel<double> : put_kernel<float>)(call, team);
}

std::vector<Tensor> put_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  return {take(g, d[0], node.inputs[1]), Tensor{}};
}
constexpr Op kPut{.name = "take_gradient", .gradient = put_rule, .cpu = put_cpu};
std::vector<Tensor> take_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  return {g.apply(kPut, {dy[0], node.inputs[1]}, g.type(x), g.shape(x)), Tensor{}};
}
constexpr Op kTake{.name = "take", .gradient = take_rule, .cpu = take_cpu};

}  // namespace

Tensor take(Graph& g, Tensor x, Tensor index) {
  const Shape &xs = g.shape(x), &is = g.shape(index);
  bool fits = g.type(index) == DType::kI32 && xs.rank() >= 1 && is.rank() == xs.rank() - 1;
  for (int axis = 0; fits && axis < is.rank(); ++axis) fits = xs[axis] == is[axis];
  if (!fits) g.shape_error("take", "x [..., n] needs an index i32 [...]", {x, index});
  const DType type = detail::common_float_type(g, "take", {&x, 1});
  Shape out = xs;
  out[out.rank() - 1] = 1;
  return g.apply(kTake, {x, index}, type, out);
}

}  // namespace hardy::ops
