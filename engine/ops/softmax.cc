#include "engine/ops/softmax.h"

#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// The largest element is taken off first, so that no exponential overflows.
template <class T, bool kLog>
void softmax_kernel(const KernelCall& call, ThreadTeam& team) {
  const std::int64_t n = call.inputs[0].shape.back();
  for_rows(call.inputs[0].elements() / n, 8 * n, team, [&](std::int64_t row) {
    const T* x = call.inputs[0].as<const T>() + row * n;
    T* y = call.outputs[0].as<T>() + row * n;
    T top = x[0];
    for (std::int64_t i = 1; i < n; ++i) top = larger(top, x[i]);
    for (std::int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i] - top);
    const T total = sum_of<T>(n, [&](std::int64_t i) { return y[i]; });
    if constexpr (kLog) {
      const T log_total = std::log(total);
      for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] - top - log_total;
    } else {
      for (std::int64_t i = 0; i < n; ++i) y[i] /= total;
    }
  });
}
template <bool kLog>
void softmax_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? softmax_kernel<double, kLog> : softmax_kernel<float, kLog>)(call,
                                                                                                     team);
}

// dx = y (dy - sum(y dy))
std::vector<Tensor> softmax_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor y = node.outputs[0];
  return {multiply(g, y, subtract(g, dy[0], sum(g, multiply(g, y, dy[0]), -1)))};
}
// dx = dy - e^y sum(dy)
std::vector<Tensor> log_softmax_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {subtract(g, dy[0], multiply(g, exp(g, node.outputs[0]), sum(g, dy[0], -1)))};
}

constexpr Op kSoftmax{.name = "softmax", .gradient = softmax_rule, .cpu = softmax_cpu<false>};
constexpr Op kLogSoftmax{.name = "log_softmax", .gradient = log_softmax_rule, .cpu = softmax_cpu<true>};

Tensor over_last_axis(Graph& g, const Op& op, Tensor x) {
  const DType type = detail::common_float_type(g, op.name, {&x, 1});
  if (g.shape(x).rank() < 1 || g.shape(x).back() < 1) g.shape_error(op.name, "the last axis is empty", {x});
  return g.apply(op, {x}, type, g.shape(x));
}

}  // namespace

Tensor softmax(Graph& g, Tensor x) { return over_last_axis(g, kSoftmax, x); }
Tensor log_softmax(Graph& g, Tensor x) { return over_last_axis(g, kLogSoftmax, x); }

}  // namespace hardy::ops
