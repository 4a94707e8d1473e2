// rms_norm and its gradients (engine/ops/rms_norm.h): a block to a row; for the gain's gradient a block
// to some columns.
#include "cuda/block.cuh"
#include "cuda/columns.cuh"
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

// Rows of n elements, `each` of them to a gain.
struct NormSizes {
  std::int64_t n, rows, each;
  NormSizes(const Shape& x, const Shape& gain)
      : n(x.back()), rows(x.elements() / n), each(rows / (gain.elements() / n)) {}
};

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    rms_norm_kernel(const T* input, const T* gains, std::int64_t each, std::int64_t n, T epsilon, T* output,
                    T* inverses) {
  const std::int64_t row = blockIdx.x;
  const T *x = input + row * n, *gain = gains + row / each * n;
  T squares = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) squares += x[i] * x[i];
  const T inverse = T(1) / sqrt(over_block(squares, Add()) / static_cast<T>(n) + epsilon);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads)
    output[row * n + i] = gain[i] * (x[i] * inverse);
  if (threadIdx.x == 0) inverses[row] = inverse;
}

// dx = inverse (u - h mean(u h)), u = gain dy, h = x inverse.
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    rms_norm_input_kernel(const T* output_gradient, const T* input, const T* inverses, const T* gains,
                          std::int64_t each, std::int64_t n, T* input_gradient) {
  const std::int64_t row = blockIdx.x;
  const T *dy = output_gradient + row * n, *x = input + row * n, *gain = gains + row / each * n;
  const T inverse = inverses[row];
  T sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) sum += gain[i] * dy[i] * (x[i] * inverse);
  const T mean = over_block(sum, Add()) / static_cast<T>(n);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads)
    input_gradient[row * n + i] = inverse * (gain[i] * dy[i] - x[i] * inverse * mean);
}

// Block (group, 32 of its columns).
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    rms_norm_gain_kernel(const T* dy, const T* x, const T* inverses, std::int64_t each, std::int64_t n,
                         T* dgain) {
  const std::int64_t tiles = column_tiles(n), group = blockIdx.x / tiles,
                     i = blockIdx.x % tiles * kColumns + threadIdx.x % kColumns;
  T sums[1];
  sum_rows(
      each, i < n,
      [&](std::int64_t at, T(&sum)[1]) {
        const std::int64_t row = group * each + at;
        sum[0] += dy[row * n + i] * (x[row * n + i] * inverses[row]);
      },
      sums);
  if (threadIdx.x < kColumns && i < n) dgain[group * n + i] = sums[0];
}

void forward(const graph::KernelCall& call, device::Stream& stream) {
  const NormSizes s(call.inputs[0].shape, call.inputs[1].shape);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("rms_norm", rms_norm_kernel<T>, static_cast<unsigned>(s.rows), kRowThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), s.each, s.n,
           static_cast<T>(call.attribute<ops::LayerNorm>().epsilon), call.outputs[0].as<T>(),
           call.outputs[1].as<T>());
  });
}
void input_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const NormSizes s(call.inputs[1].shape, call.inputs[3].shape);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("rms_norm_input_gradient", rms_norm_input_kernel<T>, static_cast<unsigned>(s.rows), kRowThreads,
           stream, call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(),
           call.inputs[3].as<const T>(), s.each, s.n, call.outputs[0].as<T>());
  });
}
void gain_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const NormSizes s(call.inputs[1].shape, call.outputs[0].shape);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("rms_norm_gain_gradient", rms_norm_gain_kernel<T>,
           static_cast<unsigned>(s.rows / s.each * column_tiles(s.n)), kColumnThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(), s.each,
           s.n, call.outputs[0].as<T>());
  });
}

const graph::RegisterKernel forward_registration(kBackend, "rms_norm", forward);
const graph::RegisterKernel input_registration(kBackend, "rms_norm_input_gradient", input_gradient);
const graph::RegisterKernel gain_registration(kBackend, "rms_norm_gain_gradient", gain_gradient);

}  // namespace
}  // namespace hardy::cuda
