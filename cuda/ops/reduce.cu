// Reductions over one axis (engine/ops/reduce.h). A tensor is seen as [outer, n, inner] around the axis.
// Every result is combined in an order that depends on n and inner alone: no atomics.
#include <cub/cub.cuh>

#include "cuda/elements.cuh"
#include "cuda/ops/reduce.h"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

struct Split {
  std::int64_t outer, n, inner;
  Split(std::int64_t before, std::int64_t length, std::int64_t after)
      : outer(before), n(length), inner(after) {}
  Split(const Shape& s, int axis)
      : outer(s.product(0, axis)), n(s[axis]), inner(s.product(axis + 1, s.rank())) {}
};

// How two partial results become one; `start` changes nothing. A NaN is never lost. end: what becomes of the
// last result.
template <class T>
struct Sum {
  static __device__ T start() { return T(0); }
  __device__ T operator()(T a, T b) const { return a + b; }
  __device__ T end(T all) const { return all; }
};
template <class T>
struct Mean : Sum<T> {
  T scale;
  __device__ T end(T all) const { return scale * all + T(0); }  // as Affine
};
template <class T>
struct Larger {
  static __device__ T start() { return -T(INFINITY); }
  __device__ T operator()(T a, T b) const { return a >= b || a != a ? a : b; }
  __device__ T end(T all) const { return all; }
};
template <class T>
struct Smaller {
  static __device__ T start() { return T(INFINITY); }
  __device__ T operator()(T a, T b) const { return a <= b || a != a ? a : b; }
  __device__ T end(T all) const { return all; }
};

// inner == 1: a block of B threads combines one row.
template <int B, template <class> class C, class T>
__global__ void __launch_bounds__(B) rows_kernel(C<T> combine, const T* x, std::int64_t n, T* y) {
  using Reduce = cub::BlockReduce<T, B>;
  __shared__ typename Reduce::TempStorage storage;
  const T* row = x + blockIdx.x * n;
  T mine = C<T>::start();
  for (std::int64_t i = threadIdx.x; i < n; i += B) mine = combine(mine, row[i]);
  const T all = Reduce(storage).Reduce(mine, combine);
  if (threadIdx.x == 0) y[blockIdx.x] = combine.end(all);
}

// inner > 1: 32 neighbouring columns to a block, eight threads to a column. Long axes only; below.
constexpr int kColumns = 32, kPartials = 8;
template <template <class> class C, class T>
__global__ void __launch_bounds__(kColumns* kPartials)
    columns_kernel(C<T> combine, Split s, const T* x, T* y) {
  __shared__ T part[kPartials][kColumns];
  const std::int64_t tiles = (s.inner + kColumns - 1) / kColumns, outer = blockIdx.x / tiles,
                     column = blockIdx.x % tiles * kColumns + threadIdx.x;
  T mine = C<T>::start();
  if (column < s.inner)
    for (std::int64_t k = threadIdx.y; k < s.n; k += kPartials)
      mine = combine(mine, x[(outer * s.n + k) * s.inner + column]);
  part[threadIdx.y][threadIdx.x] = mine;
  __syncthreads();
  if (threadIdx.y != 0 || column >= s.inner) return;
  for (int i = 1; i < kPartials; ++i) mine = combine(mine, part[i][threadIdx.x]);
  y[outer * s.inner + column] = combine.end(mine);
}

// A short axis: a thread to a result.
template <template <class> class C, class T>
__global__ void short_kernel(C<T> combine, Split s, const T* x, T* y) {
  for (const std::int64_t i : every(s.outer * s.inner)) {
    const T* first = x + i / s.inner * s.n * s.inner + i % s.inner;
    T mine = first[0];
    for (std::int64_t k = 1; k < s.n; ++k) mine = combine(mine, first[k * s.inner]);
    y[i] = combine.end(mine);
  }
}

template <template <class> class C>
void reduce(const char* name, DType type, const Split& s, const void* from, void* to,
            device::Stream& stream) {
  with_float(type, [&](auto t) {
    using T = decltype(t);
    const T* x = static_cast<const T*>(from);
    T* y = static_cast<T*>(to);
    C<T> combine{};
    if constexpr (requires { combine.scale; }) combine.scale = static_cast<T>(1.0 / static_cast<double>(s.n));
    if (s.n <= 16)
      launch(name, short_kernel<C, T>, blocks_for(s.outer * s.inner), kThreads, stream, combine, s, x, y);
    else if (s.inner > 1)
      launch(name, columns_kernel<C, T>,
             static_cast<unsigned>(s.outer * ((s.inner + kColumns - 1) / kColumns)),
             dim3(kColumns, kPartials), stream, combine, s, x, y);
    else if (s.n <= 256)
      launch(name, rows_kernel<32, C, T>, static_cast<unsigned>(s.outer), 32, stream, combine, x, s.n, y);
    else
      launch(name, rows_kernel<256, C, T>, static_cast<unsigned>(s.outer), 256, stream, combine, x, s.n, y);
  });
}

template <template <class> class C>
void reduce(const char* name, const graph::KernelCall& call, device::Stream& stream) {
  reduce<C>(name, call.outputs[0].type, Split(call.inputs[0].shape, call.attribute<ops::Reduction>().axis),
            call.inputs[0].data, call.outputs[0].data, stream);
}

// x, its extreme y, dy -> dx: dy at the first element that equals y, 0 elsewhere.
template <class T>
__global__ void extreme_gradient_kernel(Split s, const T* x, const T* y, const T* dy, T* dx) {
  for (const std::int64_t i : every(s.outer * s.inner)) {
    const std::int64_t first = i / s.inner * s.n * s.inner + i % s.inner;
    bool given = false;
    for (std::int64_t k = 0; k < s.n; ++k) {
      const std::int64_t at = first + k * s.inner;
      const bool here = !given && x[at] == y[i];
      dx[at] = here ? dy[i] : T(0);
      given = given || here;
    }
  }
}
void extreme_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const Split s(call.inputs[0].shape, call.attribute<ops::Reduction>().axis);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("extreme_gradient", extreme_gradient_kernel<T>, blocks_for(s.outer * s.inner), kThreads, stream, s,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(),
           call.outputs[0].as<T>());
  });
}

// A block of 32 threads to a result; the largest element is taken off first.
template <class T>
__global__ void __launch_bounds__(32) logsumexp_kernel(Split s, const T* x, T* y) {
  const std::int64_t i = blockIdx.x;
  const T* first = x + i / s.inner * s.n * s.inner + i % s.inner;
  T top = Larger<T>::start(), total = 0;
  for (std::int64_t k = threadIdx.x; k < s.n; k += 32) top = Larger<T>()(top, first[k * s.inner]);
  for (int step = 16; step > 0; step /= 2) top = Larger<T>()(top, __shfl_xor_sync(0xffffffffu, top, step));
  if (top - top != 0) {  // all -inf, an inf, or a NaN: the extreme is the answer
    if (threadIdx.x == 0) y[i] = top;
    return;
  }
  for (std::int64_t k = threadIdx.x; k < s.n; k += 32) total += exp(first[k * s.inner] - top);
  for (int step = 16; step > 0; step /= 2) total += __shfl_xor_sync(0xffffffffu, total, step);
  if (threadIdx.x == 0) y[i] = top + log(total);
}
void logsumexp(const graph::KernelCall& call, device::Stream& stream) {
  const Split s(call.inputs[0].shape, call.attribute<ops::Reduction>().axis);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("logsumexp", logsumexp_kernel<T>, static_cast<unsigned>(s.outer * s.inner), 32, stream, s,
           call.inputs[0].as<const T>(), call.outputs[0].as<T>());
  });
}

void sum(const graph::KernelCall& call, device::Stream& stream) { reduce<Sum>("sum", call, stream); }
void mean(const graph::KernelCall& call, device::Stream& stream) { reduce<Mean>("mean", call, stream); }
void max(const graph::KernelCall& call, device::Stream& stream) { reduce<Larger>("max", call, stream); }
void min(const graph::KernelCall& call, device::Stream& stream) { reduce<Smaller>("min", call, stream); }

const graph::RegisterKernel sum_registration(kBackend, "sum", sum);
const graph::RegisterKernel mean_registration(kBackend, "mean", mean);
const graph::RegisterKernel max_registration(kBackend, "max", max);
const graph::RegisterKernel min_registration(kBackend, "min", min);
const graph::RegisterKernel extreme_registration(kBackend, "extreme_gradient", extreme_gradient);
const graph::RegisterKernel logsumexp_registration(kBackend, "logsumexp", logsumexp);

}  // namespace

void sum_middle(DType type, std::int64_t outer, std::int64_t n, std::int64_t inner, const void* x, void* y,
                device::Stream& stream) {
  reduce<Sum>("column sums", type, Split(outer, n, inner), x, y, stream);
}

}  // namespace hardy::cuda
