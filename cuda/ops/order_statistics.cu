// quantile and its gradient (engine/ops/order_statistics.h): a thread to a row, the CPU's own ordering.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"
#include "engine/ops/order.h"

namespace hardy::cuda {
namespace {

struct Rows {
  std::int64_t count, n, stride;
  Rows(const Shape& shape, int axis)
      : count(shape.elements() / shape[axis]),
        n(shape[axis]),
        stride(shape.product(axis + 1, shape.rank())) {}
  __device__ std::int64_t first(std::int64_t row) const { return row / stride * n * stride + row % stride; }
};

template <class T>
__global__ void quantile_kernel(Rows rows, ops::QuantilePosition p, const T* x, T* y) {
  for (const std::int64_t row : every(rows.count)) {
    const T* first = x + rows.first(row);
    std::uint8_t order[ops::kMostOrdered];
    if (!ops::sort_members(first, rows.n, rows.stride, order)) {
      y[row] = T(NAN);
      continue;
    }
    const T low = first[order[p.low] * rows.stride], high = first[order[p.high] * rows.stride];
    y[row] = p.weight > 0 ? low + static_cast<T>(p.weight) * (high - low) : low;
  }
}
template <class T>
__global__ void gradient_kernel(Rows rows, ops::QuantilePosition p, const T* x, const T* dy, T* dx) {
  for (const std::int64_t row : every(rows.count)) {
    const std::int64_t first = rows.first(row);
    for (std::int64_t k = 0; k < rows.n; ++k) dx[first + k * rows.stride] = T(0);
    std::uint8_t order[ops::kMostOrdered];
    if (!ops::sort_members(x + first, rows.n, rows.stride, order)) continue;
    dx[first + order[p.low] * rows.stride] += static_cast<T>(1 - p.weight) * dy[row];
    dx[first + order[p.high] * rows.stride] += static_cast<T>(p.weight) * dy[row];
  }
}

void quantile(const graph::KernelCall& call, device::Stream& stream) {
  const auto q = call.attribute<ops::Quantile>();
  const Rows rows(call.inputs[0].shape, q.axis);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("quantile", quantile_kernel<T>, blocks_for(rows.count), kThreads, stream, rows,
           ops::QuantilePosition(q.alpha, rows.n), call.inputs[0].as<const T>(), call.outputs[0].as<T>());
  });
}
void quantile_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const auto q = call.attribute<ops::Quantile>();
  const Rows rows(call.inputs[0].shape, q.axis);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("quantile_gradient", gradient_kernel<T>, blocks_for(rows.count), kThreads, stream, rows,
           ops::QuantilePosition(q.alpha, rows.n), call.inputs[0].as<const T>(), call.inputs[1].as<const T>(),
           call.outputs[0].as<T>());
  });
}

const graph::RegisterKernel quantile_registration(kBackend, "quantile", quantile);
const graph::RegisterKernel gradient_registration(kBackend, "quantile_gradient", quantile_gradient);

}  // namespace
}  // namespace hardy::cuda
