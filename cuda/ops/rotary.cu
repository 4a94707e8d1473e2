// Rotary positions (engine/ops/rotary.h): a thread to a pair of elements.
#include <cmath>

#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

template <class T>
__global__ void rotary_kernel(const T* x, const std::int32_t* first, std::int64_t rows, std::int64_t T_,
                              std::int64_t H, std::int64_t d, double base, double direction, T* y) {
  const std::int64_t half = d / 2;
  for (const std::int64_t e : every(rows * H * half)) {
    const std::int64_t i = e % half, head = e / half, row = head / H;
    const double angle = static_cast<double>(first[row / T_] + row % T_) *
                         pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(d));
    const T c = static_cast<T>(cos(angle)), s = static_cast<T>(direction * sin(angle));
    const T u = x[head * d + i], w = x[head * d + i + half];
    y[head * d + i] = u * c - w * s;
    y[head * d + i + half] = w * c + u * s;
  }
}

void rotary(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& s = call.inputs[0].shape;
  const auto& a = call.attribute<ops::Rotary>();
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const std::int64_t rows = s[0] * s[1] * s[2];
    launch("rotary", rotary_kernel<T>, blocks_for(rows * s[3] * s[4] / 2), kThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const std::int32_t>(), rows, s[2], s[3], s[4],
           a.base, a.direction, call.outputs[0].as<T>());
  });
}

const graph::RegisterKernel registration(kBackend, "rotary", rotary);

}  // namespace
}  // namespace hardy::cuda
