// Layer normalisation and its gradients (engine/ops/layer_norm.h): a block to a row; for the parameters'
// gradients a block to some columns.
#include "cuda/block.cuh"
#include "cuda/columns.cuh"
#include "cuda/elements.cuh"
#include "cuda/rounded.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    forward_kernel(const T* input, const T* scales, const T* shifts, std::int64_t batch, std::int64_t n,
                   T epsilon, T* output, T* means, T* inverses) {
  const std::int64_t row = blockIdx.x;
  const T *x = input + row * n, *scale = scales + row / batch * n, *shift = shifts + row / batch * n;
  T sum = 0, squares = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) sum += x[i];
  const T mean = over_block(sum, Add()) / static_cast<T>(n);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) squares += (x[i] - mean) * (x[i] - mean);
  const T inverse = T(1) / sqrt(over_block(squares, Add()) / static_cast<T>(n) + epsilon);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads)
    output[row * n + i] = scale[i] * ((x[i] - mean) * inverse) + shift[i];
  if (threadIdx.x == 0) {
    means[row] = mean;
    inverses[row] = inverse;
  }
}
void forward(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2];
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("layer_norm", forward_kernel<T>, static_cast<unsigned>(shape.elements() / n), kRowThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(), batch, n,
           static_cast<T>(call.attribute<ops::LayerNorm>().epsilon), call.outputs[0].as<T>(),
           call.outputs[1].as<T>(), call.outputs[2].as<T>());
  });
}

// dx = inverse (u - mean(u) - h mean(u h)), u = scale dy, h = (x - mean) inverse. In a row whose products u
// are all the same, as one of one element, they equal their mean where they are rounded by themselves, and
// the gradient is 0 as it is on the CPU; fused into a subtraction, what rounding leaves over would remain,
// times 1 / sqrt(epsilon).
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    input_gradient_kernel(const T* output_gradient, const T* input, const T* means, const T* inverses,
                          const T* scales, std::int64_t batch, std::int64_t n, T* input_gradient) {
  const std::int64_t row = blockIdx.x;
  const T *dy = output_gradient + row * n, *x = input + row * n, *scale = scales + row / batch * n;
  const T mean = means[row], inverse = inverses[row];
  T sum_u = 0, sum_uh = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads) {
    const T u = rounded_product(scale[i], dy[i]);
    sum_u += u;
    sum_uh += u * ((x[i] - mean) * inverse);
  }
  const T mean_u = over_block(sum_u, Add()) / static_cast<T>(n);
  const T mean_uh = over_block(sum_uh, Add()) / static_cast<T>(n);
  for (std::int64_t i = threadIdx.x; i < n; i += kRowThreads)
    input_gradient[row * n + i] =
        inverse * (rounded_product(scale[i], dy[i]) - mean_u - (x[i] - mean) * inverse * mean_uh);
}
void input_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[1].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2];
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("layer_norm_input_gradient", input_gradient_kernel<T>, static_cast<unsigned>(shape.elements() / n),
           kRowThreads, stream, call.inputs[0].as<const T>(), call.inputs[1].as<const T>(),
           call.inputs[2].as<const T>(), call.inputs[3].as<const T>(), call.inputs[4].as<const T>(), batch, n,
           call.outputs[0].as<T>());
  });
}

// Block (group, 32 of its columns).
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    parameter_gradient_kernel(const T* dy, const T* x, const T* means, const T* inverses, std::int64_t batch,
                              std::int64_t n, T* dscale, T* dshift) {
  const std::int64_t tiles = column_tiles(n), group = blockIdx.x / tiles,
                     i = blockIdx.x % tiles * kColumns + threadIdx.x % kColumns;
  T sums[2];
  sum_rows(
      batch, i < n,
      [&](std::int64_t at, T(&sum)[2]) {
        const std::int64_t row = group * batch + at;
        sum[0] += dy[row * n + i] * ((x[row * n + i] - means[row]) * inverses[row]);
        sum[1] += dy[row * n + i];
      },
      sums);
  if (threadIdx.x >= kColumns || i >= n) return;
  dscale[group * n + i] = sums[0];
  dshift[group * n + i] = sums[1];
}
void parameter_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[1].shape;
  const std::int64_t n = shape.back(), batch = shape[shape.rank() - 2],
                     groups = shape.elements() / (n * batch);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("layer_norm_parameter_gradient", parameter_gradient_kernel<T>,
           static_cast<unsigned>(groups * column_tiles(n)), kColumnThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(),
           call.inputs[3].as<const T>(), batch, n, call.outputs[0].as<T>(), call.outputs[1].as<T>());
  });
}

const graph::RegisterKernel forward_registration(kBackend, "layer_norm", forward);
const graph::RegisterKernel input_registration(kBackend, "layer_norm_input_gradient", input_gradient);
const graph::RegisterKernel parameter_registration(kBackend, "layer_norm_parameter_gradient",
                                                   parameter_gradient);

}  // namespace
}  // namespace hardy::cuda
