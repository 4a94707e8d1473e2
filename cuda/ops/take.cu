// take and its gradient (engine/ops/take.h).
#include "cuda/elements.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T>
__global__ void take_kernel(const T* x, const std::int32_t* index, std::int64_t rows, std::int64_t n, T* y) {
  for (const std::int64_t row : every(rows)) y[row] = x[row * n + index[row]];
}
void take(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t rows = call.outputs[0].elements();
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("take", take_kernel<T>, blocks_for(rows), kThreads, stream, call.inputs[0].as<const T>(),
           call.inputs[1].as<const std::int32_t>(), rows, call.inputs[0].shape.back(),
           call.outputs[0].as<T>());
  });
}

template <class T>
__global__ void put_kernel(const T* dy, const std::int32_t* index, std::int64_t elements, std::int64_t n,
                           T* dx) {
  for (const std::int64_t i : every(elements)) dx[i] = i % n == index[i / n] ? dy[i / n] : T(0);
}
void put(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  with_float(out.type, [&](auto t) {
    using T = decltype(t);
    launch("take_gradient", put_kernel<T>, blocks_for(out.elements()), kThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const std::int32_t>(), out.elements(),
           out.shape.back(), out.as<T>());
  });
}

const graph::RegisterKernel take_registration(kBackend, "take", take);
const graph::RegisterKernel put_registration(kBackend, "take_gradient", put);

}  // namespace
}  // namespace hardy::cuda
