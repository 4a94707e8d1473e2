// softmax and log_softmax over the last axis (engine/ops/softmax.h): a block to a row.
#include "cuda/block.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T, bool kLog>
__global__ void __launch_bounds__(kRowThreads) softmax_kernel(const T* input, std::int64_t n, T* output) {
  const T* x = input + blockIdx.x * n;
  T* y = output + blockIdx.x * n;
  T top = -T(INFINITY), total = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) top = LargerOf()(top, x[i]);
  top = over_block(top, LargerOf());
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) total += exp(x[i] - top);
  total = over_block(total, Add());
  const T log_total = log(total);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads)
    y[i] = kLog ? x[i] - top - log_total : exp(x[i] - top) / total;
}

template <bool kLog>
void softmax(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t n = call.inputs[0].shape.back();
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch(kLog ? "log_softmax" : "softmax", softmax_kernel<T, kLog>,
           static_cast<unsigned>(call.inputs[0].elements() / n), kRowThreads, stream,
           call.inputs[0].as<const T>(), n, call.outputs[0].as<T>());
  });
}

const graph::RegisterKernel softmax_registration(kBackend, "softmax", softmax<false>);
const graph::RegisterKernel log_softmax_registration(kBackend, "log_softmax", softmax<true>);

}  // namespace
}  // namespace hardy::cuda
