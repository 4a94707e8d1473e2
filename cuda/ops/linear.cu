// Dense layers (engine/ops/linear.h) over all agents and members in as few products as their strides allow.
#include <algorithm>

#include "cuda/elements.cuh"
#include "cuda/ops/narrow.h"
#include "cuda/ops/product.h"
#include "cuda/ops/reduce.h"
#include "cuda/ops/rounds.cuh"
#include "cuda/ops/shallow.h"
#include "cuda/stream.h"
#include "engine/ops/linear.h"

namespace hardy::cuda {
namespace {

using graph::Buffer;
using graph::KernelCall;

// Sizes of x [A, (E,) B, in] against w [A, (E,) in, out]. shared: all members read one x.
struct Sizes {
  std::int64_t agents, members, rows, in, out;
  bool shared;
  Sizes(const Shape& x, const Shape& w)
      : agents(w[0]),
        members(w.rank() == 4 ? w[1] : 1),
        rows(x[x.rank() - 2]),
        in(w[w.rank() - 2]),
        out(w.back()),
        shared(w.rank() == 4 && x.rank() == 3) {}
};

const std::byte* at(const Buffer& b, std::int64_t element) {
  return b.as<const std::byte>() + element * static_cast<std::int64_t>(size_of(b.type));
}
std::byte* at_mutable(const Buffer& b, std::int64_t element) {
  return const_cast<std::byte*>(at(b, element));
}

// Up to these products in all, layers with few outputs are launches of their own making; more of them fill a
// GPU as cuBLASLt's, and a RIQL step of 64 agents with such launches took longer (docs/gpu.md).
constexpr std::int64_t kFewProducts = 64;
bool is_narrow(const Sizes& s) { return s.out <= kNarrowest && s.agents * s.members <= kFewProducts; }

// A round is one batched product: all agents and members at once; where members share an x, the shorter of
// the two axes is counted through and the longer one batched.
struct Round {
  std::int64_t count;
  std::int64_t x, w, y;                 // the first product's operands, in products of that operand
  std::int64_t x_step, w_step, y_step;  // from one product to the next
};
template <class Body>
void for_rounds(const Sizes& s, Body&& body) {
  if (!s.shared) {
    body(Round{s.agents * s.members, 0, 0, 0, 1, 1, 1});
  } else if (s.agents < s.members) {
    for (std::int64_t a = 0; a < s.agents; ++a)
      body(Round{s.members, a, a * s.members, a * s.members, 0, 1, 1});
  } else {
    for (std::int64_t e = 0; e < s.members; ++e) body(Round{s.agents, 0, e, e, 1, s.members, s.members});
  }
}

ThinLayer thin(const Sizes& s, const Buffer& x) {
  return {.type = x.type,
          .groups = s.agents * s.members,
          .rows = s.rows,
          .in = s.in,
          .out = s.out,
          .sharing = s.shared ? s.members : 1,
          .x = x.data};
}

void forward(const KernelCall& call, const Buffer* bias, Activation activation, device::Stream& stream) {
  const Buffer &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
  const Sizes s(x.shape, w.shape);
  if (bias && is_narrow(s)) return narrow_forward(thin(s, x), w.data, bias->data, activation, y.data, stream);
  if (const ThinLayer layer = thin(s, x); is_shallow(layer))
    return shallow_forward(layer, w.data, bias ? bias->data : nullptr, activation, y.data, stream);
  for_rounds(s, [&](const Round& r) {
    Product p;
    p.type = y.type;
    p.m = s.rows, p.n = s.out, p.k = s.in, p.count = r.count;
    p.a = at(x, r.x * s.rows * s.in), p.stride_a = r.x_step * s.rows * s.in;
    p.b = at(w, r.w * s.in * s.out), p.stride_b = r.w_step * s.in * s.out;
    p.c = at_mutable(y, r.y * s.rows * s.out), p.stride_c = r.y_step * s.rows * s.out;
    if (bias) p.bias = at(*bias, r.w * s.out), p.stride_bias = r.w_step * s.out;
    p.activation = activation;
    multiply(p, stream);
  });
}
void linear(const KernelCall& call, device::Stream& stream) {
  forward(call, nullptr, Activation::kNone, stream);
}
void linear_bias(const KernelCall& call, device::Stream& stream) {
  forward(call, &call.inputs[2], static_cast<Activation>(call.attribute<ops::LinearAttributes>().activation),
          stream);
}

// The mask of a ReLU over what flows back through it, dx [groups, rows, columns], and the columns' sums where
// they are wanted: a bias gradient. A block takes kLanes packs of columns of a group, all its rows in turn by
// slices of its threads, so that sums have one order. kMost: 0, or dx is made here, dy w^T with at most as
// many columns in dy, a product so thin that memory alone counts.
constexpr int kLanes = 8, kMaskThreads = 512, kSlices = kMaskThreads / kLanes;
// Rows of a slice at once: as many as registers hold.
template <class T, int kMost>
constexpr std::uint32_t kAtOnce = kMost > 1 && sizeof(T) > 4 ? 2 : 4;
template <class T>
struct Masked {
  const T *dy, *w, *mask;
  std::uint32_t groups, rows, columns, inner;
  T *dx, *sums;
};
template <class T, int N, int kMost>
__global__ void __launch_bounds__(kMaskThreads) masked_kernel(const __grid_constant__ Masked<T> m) {
  constexpr int kColumns = kLanes * N, kWarps = kMaskThreads / 32, kInner = std::max(kMost, 1);
  constexpr std::uint32_t kRows = kAtOnce<T, kMost>;
  static_assert(kInner * kColumns <= kMaskThreads);
  alignas(16) __shared__ T parts[kWarps][kColumns], weights[kInner][kColumns];
  const std::uint32_t slice = threadIdx.x / kLanes, lane = threadIdx.x % kLanes,
                      pack = blockIdx.x * kLanes + lane, packs = m.columns / N,
                      column = blockIdx.x * kColumns + threadIdx.x % kColumns;
  const int inner = kMost == 1 ? 1 : static_cast<int>(m.inner);
  for (std::uint32_t group = blockIdx.y; group < m.groups; group += gridDim.y) {
    const std::int64_t begin = static_cast<std::int64_t>(group) * m.rows;
    // A weight is each of the first threads', which lays it where all find it once the first rows are asked
    // for.
    const int mine = static_cast<int>(threadIdx.x) / kColumns;
    T weight = T(0);
    if (mine < kMost && mine < inner && column < m.columns)
      weight = m.w[(static_cast<std::int64_t>(group) * m.columns + column) * inner + mine];
    Pack<T, N> sum{};
    // Of a few rows all is read before any is used or written.
    for (std::uint32_t first = slice; first - slice < m.rows; first += kSlices * kRows) {
      Pack<T, N> x[kRows], y[kRows];
      T d[kRows][kInner];
      const auto there = [&](std::uint32_t j) { return first + j * kSlices < m.rows && pack < packs; };
      const bool any = first - slice % (32 / kLanes) < m.rows;  // of the warp's
      const auto at = [&](std::uint32_t j) { return (begin + first + j * kSlices) * packs + pack; };
#pragma unroll
      for (std::uint32_t j = 0; j < kRows; ++j) {
        y[j] = there(j) ? read_pack<N>(m.mask, at(j)) : Pack<T, N>{};
        x[j] = kMost == 0 && there(j) ? read_pack<N>(m.dx, at(j)) : Pack<T, N>{};
      }
#pragma unroll
      for (std::uint32_t j = 0; j < kRows && any; ++j) {
        const T* dy = m.dy + (begin + first + j * kSlices) * inner;
#pragma unroll
        for (int i = 0; i < kMost; ++i) d[j][i] = there(j) && i < inner ? dy[i] : T(0);
      }
      all_asked();
      if (kMost > 0 && first == slice) {
        if (mine < kMost) weights[mine][threadIdx.x % kColumns] = weight;
        __syncthreads();
      }
      if (!any) continue;
#pragma unroll
      for (int i = 0; i < kMost; ++i) {
        const Pack<T, N> by = read_pack<N>(weights[i], lane);
#pragma unroll
        for (std::uint32_t j = 0; j < kRows; ++j)
#pragma unroll
          for (int k = 0; k < N; ++k) x[j].at[k] += d[j][i] * by.at[k];
      }
#pragma unroll
      for (std::uint32_t j = 0; j < kRows; ++j) {
#pragma unroll
        for (int k = 0; k < N; ++k) {
          x[j].at[k] = y[j].at[k] > T(0) ? x[j].at[k] : T(0);
          sum.at[k] += x[j].at[k];
        }
        if (there(j)) write_pack(m.dx, at(j), x[j]);
      }
    }
    if (m.sums) {
#pragma unroll
      for (int k = 0; k < N; ++k)
#pragma unroll
        for (int step = kLanes; step < 32; step *= 2)
          sum.at[k] += __shfl_xor_sync(0xffffffffu, sum.at[k], step);
      if (threadIdx.x % 32 < kLanes) write_pack(parts[threadIdx.x / 32], lane, sum);
      __syncthreads();
      if (threadIdx.x < kColumns && column < m.columns) {
        T total = parts[0][threadIdx.x];
#pragma unroll
        for (int other = 1; other < kWarps; ++other) total += parts[other][threadIdx.x];
        m.sums[static_cast<std::int64_t>(group) * m.columns + column] = total;
      }
    }
    __syncthreads();  // before the next group's
  }
}
template <class T, int kMost>
void mask(const KernelCall& call, const Sizes& s, device::Stream& stream) {
  const Shape& shape = call.outputs[0].shape;
  const auto columns = static_cast<std::uint32_t>(shape.back());
  const Masked<T> m{.dy = call.inputs[0].as<const T>(),
                    .w = call.inputs[1].as<const T>(),
                    .mask = call.inputs[2].as<const T>(),
                    .groups = static_cast<std::uint32_t>(shape.elements() / (s.rows * s.in)),
                    .rows = static_cast<std::uint32_t>(s.rows),
                    .columns = columns,
                    .inner = static_cast<std::uint32_t>(s.out),
                    .dx = call.outputs[0].as<T>(),
                    .sums = call.outputs.size() > 1 ? call.outputs[1].as<T>() : nullptr};
  const auto run = [&](auto kernel, std::uint32_t width) {
    const dim3 grid((columns / width + kLanes - 1) / kLanes, std::min<std::uint32_t>(m.groups, 65535));
    launch("mask of a ReLU", kernel, grid, kMaskThreads, stream, m);
  };
  constexpr int kWide = kWidest<T>;
  if (columns % kWide == 0 && are_wide(m.mask, m.dx))
    run(masked_kernel<T, kWide, kMost>, kWide);
  else
    run(masked_kernel<T, 1, kMost>, 1);
}
template <int kMost>
void mask(const KernelCall& call, const Sizes& s, device::Stream& stream) {
  with_float(call.outputs[0].type, [&](auto t) { mask<decltype(t), kMost>(call, s, stream); });
}
// dy, w (, y) -> dx (, the columns' sums of dx): members that share an x add up, in their order; the mask of
// a ReLU comes last.
void input_gradient(const KernelCall& call, device::Stream& stream) {
  const Buffer &dy = call.inputs[0], &w = call.inputs[1], &dx = call.outputs[0];
  const Sizes s(dx.shape, w.shape);
  const bool masked = call.inputs.size() > 2;
  if (masked && !s.shared && s.out == 1) return mask<1>(call, s, stream);
  if (masked && !s.shared && s.out <= kNarrowest) return mask<kNarrowest>(call, s, stream);
  const std::int64_t rounds = s.shared ? s.members : 1;
  for (std::int64_t member = 0; member < rounds; ++member) {
    Product p;
    p.type = dx.type;
    p.m = s.rows, p.n = s.in, p.k = s.out, p.count = s.shared ? s.agents : s.agents * s.members;
    p.a = at(dy, member * s.rows * s.out), p.stride_a = rounds * s.rows * s.out;
    p.b = at(w, member * s.in * s.out), p.stride_b = rounds * s.in * s.out, p.transpose_b = true;
    p.c = at_mutable(dx, 0), p.stride_c = s.rows * s.in;
    p.accumulate = member > 0;
    multiply(p, stream);
  }
  if (masked) mask<0>(call, s, stream);
}

// x, dy -> dw (, db)
void weight_gradient(const KernelCall& call, device::Stream& stream) {
  const Buffer &x = call.inputs[0], &dy = call.inputs[1], &dw = call.outputs[0];
  const Sizes s(x.shape, dw.shape);
  void* const db = call.outputs.size() > 1 ? call.outputs[1].data : nullptr;
  if (db && is_narrow(s) && s.rows <= kNarrowRows)
    return narrow_gradients(thin(s, x), dy.data, dw.data, db, stream);
  if (const ThinLayer layer = thin(s, x); is_shallow(layer) && s.rows <= kShallowRows)
    return shallow_gradients(layer, dy.data, dw.data, db, stream);
  for_rounds(s, [&](const Round& r) {
    Product p;
    p.type = dw.type;
    p.m = s.in, p.n = s.out, p.k = s.rows, p.count = r.count;
    p.a = at(x, r.x * s.rows * s.in), p.stride_a = r.x_step * s.rows * s.in, p.transpose_a = true;
    p.b = at(dy, r.y * s.rows * s.out), p.stride_b = r.y_step * s.rows * s.out;
    p.c = at_mutable(dw, r.w * s.in * s.out), p.stride_c = r.w_step * s.in * s.out;
    if (db) p.column_sums = at_mutable(call.outputs[1], r.w * s.out), p.stride_sums = r.w_step * s.out;
    multiply(p, stream);
  });
}

// y [A, (E,) B, n] + b [A, (E,) n]
template <class T>
__global__ void add_bias_kernel(const T* x, const T* b, std::int64_t each, std::int64_t columns,
                                std::int64_t n, T* y) {
  for (const std::int64_t i : every(n)) y[i] = x[i] + b[i / each * columns + i % columns];
}
void add_bias(const KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t columns = shape.back(), each = columns * shape[shape.rank() - 2], n = shape.elements();
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("add_bias", add_bias_kernel<T>, blocks_for(n), kThreads, stream, call.inputs[0].as<const T>(),
           call.inputs[1].as<const T>(), each, columns, n, call.outputs[0].as<T>());
  });
}
void bias_gradient(const KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t columns = shape.back(), rows = shape[shape.rank() - 2];
  sum_middle(call.outputs[0].type, shape.elements() / (rows * columns), rows, columns, call.inputs[0].data,
             call.outputs[0].data, stream);
}

const graph::RegisterKernel registrations[] = {
    {kBackend, ops::kLinear.name, linear},
    {kBackend, ops::kLinearBias.name, linear_bias},
    {kBackend, ops::kLinearInputGradient.name, input_gradient},
    {kBackend, ops::kLinearInputGradientRelu.name, input_gradient},
    {kBackend, ops::kLinearInputGradientReluBias.name, input_gradient},
    {kBackend, ops::kLinearWeightGradient.name, weight_gradient},
    {kBackend, ops::kLinearWeightBiasGradient.name, weight_gradient},
    {kBackend, ops::kAddBias.name, add_bias},
    {kBackend, ops::kBiasGradient.name, bias_gradient},
};

}  // namespace
}  // namespace hardy::cuda
