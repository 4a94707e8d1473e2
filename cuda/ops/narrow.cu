#include "cuda/columns.cuh"
#include "cuda/ops/narrow.h"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T>
struct Narrow {
  std::int64_t groups, rows, in, out, sharing;
  const T *x, *w, *b, *dy;
  T *y, *dw, *db;

  explicit Narrow(const NarrowLayer& l)
      : groups(l.groups),
        rows(l.rows),
        in(l.in),
        out(l.out),
        sharing(l.sharing),
        x(static_cast<const T*>(l.x)),
        w(nullptr),
        b(nullptr),
        dy(nullptr),
        y(nullptr),
        dw(nullptr),
        db(nullptr) {}
  // The rows that a group reads.
  __device__ const T* input(std::int64_t group) const { return x + group / sharing * rows * in; }
};

template <class T>
__device__ T activated(T x, Activation activation) {
  if (activation == Activation::kRelu) return x < T(0) ? T(0) : x;  // NaN stays NaN
  return activation == Activation::kTanh ? tanh(x) : x;
}

// A warp to a row, whose lanes share the sums.
template <class T>
__global__ void __launch_bounds__(kThreads)
    narrow_forward_kernel(const __grid_constant__ Narrow<T> l, Activation activation) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t all = l.groups * l.rows, warps = static_cast<std::int64_t>(gridDim.x) * (kThreads / 32);
  for (std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32; row < all;
       row += warps) {
    const std::int64_t group = row / l.rows;
    const T *x = l.input(group) + row % l.rows * l.in, *w = l.w + group * l.in * l.out;
    T sum[kNarrowest] = {};
    for (std::int64_t k = lane; k < l.in; k += 32) {
      const T v = x[k];
#pragma unroll
      for (int i = 0; i < kNarrowest; ++i)
        if (i < l.out) sum[i] += v * w[k * l.out + i];
    }
#pragma unroll
    for (int i = 0; i < kNarrowest; ++i) {
      if (i >= l.out) break;
      for (int step = 16; step > 0; step /= 2) sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], step);
      if (lane == i) l.y[row * l.out + i] = activated(sum[i] + l.b[group * l.out + i], activation);
    }
  }
}

// A column of x, and behind the last one of ones, whose products are the bias gradient.
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    narrow_gradients_kernel(const __grid_constant__ Narrow<T> l) {
  const std::int64_t column = blockIdx.x * kColumns + threadIdx.x % kColumns;
  for (std::int64_t group = blockIdx.y; group < l.groups; group += gridDim.y) {
    const T *x = l.input(group), *dy = l.dy + group * l.rows * l.out;
    T sum[kNarrowest];
    const auto add = [&](std::int64_t row, T(&to)[kNarrowest]) {
      const T v = column < l.in ? x[row * l.in + column] : T(1);
#pragma unroll
      for (int i = 0; i < kNarrowest; ++i)
        if (i < l.out) to[i] += v * dy[row * l.out + i];
    };
    sum_rows(l.rows, column <= l.in, add, sum);
    if (threadIdx.x < kColumns && column <= l.in) {
      T* to = column < l.in ? l.dw + (group * l.in + column) * l.out : l.db + group * l.out;
#pragma unroll
      for (int i = 0; i < kNarrowest; ++i)
        if (i < l.out) to[i] = sum[i];
    }
    __syncthreads();  // before the next group's sums
  }
}

}  // namespace

void narrow_forward(const NarrowLayer& layer, const void* w, const void* b, Activation activation, void* y,
                    device::Stream& stream) {
  with_float(layer.type, [&](auto t) {
    using T = decltype(t);
    Narrow<T> l(layer);
    l.w = static_cast<const T*>(w), l.b = static_cast<const T*>(b), l.y = static_cast<T*>(y);
    launch("layer of few outputs", narrow_forward_kernel<T>, blocks_for(32 * l.groups * l.rows), kThreads,
           stream, l, activation);
  });
}

void narrow_gradients(const NarrowLayer& layer, const void* dy, void* dw, void* db, device::Stream& stream) {
  with_float(layer.type, [&](auto t) {
    using T = decltype(t);
    Narrow<T> l(layer);
    l.dy = static_cast<const T*>(dy), l.dw = static_cast<T*>(dw), l.db = static_cast<T*>(db);
    const dim3 grid(static_cast<unsigned>(column_tiles(l.in + 1)),
                    static_cast<unsigned>(std::min<std::int64_t>(l.groups, 65535)));
    launch("gradients of few outputs", narrow_gradients_kernel<T>, grid, kColumnThreads, stream, l);
  });
}

}  // namespace hardy::cuda
