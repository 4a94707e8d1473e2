// Causal attention (engine/ops/attention.h). A block to a row of queries, its threads over keys, then over
// the row's elements; for the gradients of keys and values a block to a key, its threads over the rows that
// see it. Every sum runs in an order of its own that no other block has a part in.
#include <cmath>

#include "cuda/block.cuh"
#include "cuda/elements.cuh"
#include "cuda/ops/attention_rows.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

// As engine/ops/attention.cc has them.
struct Sizes {
  std::int64_t S, T, U, H, G, d;
};
Sizes sizes_of(const graph::Buffer& q, const graph::Buffer& k) {
  return {q.shape[0] * q.shape[1], q.shape[2], k.shape[2], q.shape[3], k.shape[3], q.shape[4]};
}

// One row of queries: block ((sequence, t), head).
struct Row {
  std::int64_t at, keys, position;  // of its first element, of key 0's, in the sequence
  bool real;
  __device__ Row(std::int64_t row, const Sizes& n, const std::int32_t* first, const std::int32_t* last) {
    const std::int64_t head = row % n.H, t = row / n.H % n.T, sequence = row / (n.H * n.T);
    at = row * n.d;
    keys = (sequence * n.U * n.G + head / (n.H / n.G)) * n.d;
    position = first[sequence] + t;
    real = position < last[sequence] && position < n.U;
  }
};

template <class T>
__device__ T dot(const T* x, const T* y, std::int64_t n) {
  T sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    attention_kernel(const T* q, const T* k, const T* v, const std::int32_t* first, const std::int32_t* last,
                     Sizes n, T scale, T* out, T* log_sums) {
  __shared__ T weight[kRowThreads];
  const Row row(blockIdx.x, n, first, last);
  const std::int64_t step = n.G * n.d, tid = threadIdx.x;
  T* y = out + row.at;
  if (!row.real) {
    for (std::int64_t i = tid; i < n.d; i += kRowThreads) y[i] = 0;
    if (tid == 0) log_sums[blockIdx.x] = 0;
    return;
  }
  RunningSoftmax<T> softmax;
  for (std::int64_t begin = 0; begin <= row.position; begin += kRowThreads) {
    const std::int64_t j = begin + tid, left = row.position + 1 - begin,
                       count = left < kRowThreads ? left : kRowThreads;
    const bool mine = tid < count;
    const T score =
        scale * dot(q + row.at, k + row.keys + (mine ? j : begin) * step, n.d);  // a spare thread's: key 0's
    const T shrink = softmax.take(score, mine, begin == 0, weight);
    for (std::int64_t i = tid; i < n.d; i += kRowThreads) {
      T sum = begin > 0 ? y[i] * shrink : T(0);
      for (std::int64_t c = 0; c < count; ++c) sum += weight[c] * v[row.keys + (begin + c) * step + i];
      y[i] = sum;
    }
    __syncthreads();
  }
  for (std::int64_t i = tid; i < n.d; i += kRowThreads) y[i] /= softmax.total;
  if (tid == 0) log_sums[blockIdx.x] = softmax.top + log(softmax.total);
}

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    query_gradient_kernel(const T* dy, const T* q, const T* k, const T* v, const T* y, const T* log_sums,
                          const std::int32_t* first, const std::int32_t* last, Sizes n, T scale, T* dq) {
  __shared__ T slope[kRowThreads];
  const Row row(blockIdx.x, n, first, last);
  const std::int64_t step = n.G * n.d, tid = threadIdx.x;
  for (std::int64_t i = tid; i < n.d; i += kRowThreads) dq[row.at + i] = 0;
  if (!row.real) return;
  const T D = dot(dy + row.at, y + row.at, n.d), log_sum = log_sums[blockIdx.x];
  for (std::int64_t begin = 0; begin <= row.position; begin += kRowThreads) {
    const std::int64_t left = row.position + 1 - begin, count = left < kRowThreads ? left : kRowThreads;
    if (tid < count) {
      const std::int64_t key = row.keys + (begin + tid) * step;
      const T p = exp(scale * dot(q + row.at, k + key, n.d) - log_sum);
      slope[tid] = scale * (p * (dot(dy + row.at, v + key, n.d) - D));
    }
    __syncthreads();
    for (std::int64_t i = tid; i < n.d; i += kRowThreads) {
      T sum = dq[row.at + i];
      for (std::int64_t c = 0; c < count; ++c) sum += slope[c] * k[row.keys + (begin + c) * step + i];
      dq[row.at + i] = sum;
    }
    __syncthreads();
  }
}

// Block ((sequence, j), group).
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    key_gradient_kernel(const T* dy, const T* q, const T* k, const T* v, const T* y, const T* log_sums,
                        const std::int32_t* first, const std::int32_t* last, Sizes n, T scale, T* dk, T* dv) {
  __shared__ T weight[kRowThreads], slope[kRowThreads];
  const std::int64_t group = blockIdx.x % n.G, j = blockIdx.x / n.G % n.U,
                     sequence = blockIdx.x / (n.G * n.U);
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * n.d, tid = threadIdx.x, heads = n.H / n.G;
  for (std::int64_t i = tid; i < n.d; i += kRowThreads) dk[at + i] = dv[at + i] = 0;
  // Rows of positions from j on, this side of the padding and the last key.
  const std::int64_t start = first[sequence], begin = j > start ? j - start : 0;
  std::int64_t end = (last[sequence] < n.U ? last[sequence] : n.U) - start;
  if (end > n.T) end = n.T;
  for (std::int64_t head = group * heads; head < (group + 1) * heads; ++head)
    for (std::int64_t from = begin; from < end; from += kRowThreads) {
      const std::int64_t count = end - from < kRowThreads ? end - from : kRowThreads;
      if (tid < count) {
        const std::int64_t row = (sequence * n.T + from + tid) * n.H + head;
        const T *query = q + row * n.d, *slopes = dy + row * n.d;
        const T p = exp(scale * dot(query, k + at, n.d) - log_sums[row]);
        weight[tid] = p;
        slope[tid] = scale * (p * (dot(slopes, v + at, n.d) - dot(slopes, y + row * n.d, n.d)));
      }
      __syncthreads();
      for (std::int64_t i = tid; i < n.d; i += kRowThreads) {
        T sum_k = dk[at + i], sum_v = dv[at + i];
        for (std::int64_t c = 0; c < count; ++c) {
          const std::int64_t element = ((sequence * n.T + from + c) * n.H + head) * n.d + i;
          sum_k += slope[c] * q[element];
          sum_v += weight[c] * dy[element];
        }
        dk[at + i] = sum_k;
        dv[at + i] = sum_v;
      }
      __syncthreads();
    }
}

void attention(const graph::KernelCall& call, device::Stream& stream) {
  const Sizes n = sizes_of(call.inputs[0], call.inputs[1]);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("attention", attention_kernel<T>, static_cast<unsigned>(n.S * n.T * n.H), kRowThreads, stream,
           call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), call.inputs[2].as<const T>(),
           call.inputs[3].as<const std::int32_t>(), call.inputs[4].as<const std::int32_t>(), n,
           static_cast<T>(1 / std::sqrt(static_cast<double>(n.d))), call.outputs[0].as<T>(),
           call.outputs[1].as<T>());
  });
}

void attention_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const Sizes n = sizes_of(call.inputs[1], call.inputs[2]);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const auto operand = [&](std::size_t i) { return call.inputs[i].as<const T>(); };
    const auto *first = call.inputs[6].as<const std::int32_t>(),
               *last = call.inputs[7].as<const std::int32_t>();
    const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(n.d)));
    launch("attention_gradient", query_gradient_kernel<T>, static_cast<unsigned>(n.S * n.T * n.H),
           kRowThreads, stream, operand(0), operand(1), operand(2), operand(3), operand(4), operand(5), first,
           last, n, scale, call.outputs[0].as<T>());
    launch("attention_gradient", key_gradient_kernel<T>, static_cast<unsigned>(n.S * n.U * n.G), kRowThreads,
           stream, operand(0), operand(1), operand(2), operand(3), operand(4), operand(5), first, last, n,
           scale, call.outputs[1].as<T>(), call.outputs[2].as<T>());
  });
}

const graph::RegisterKernel attention_registration(kBackend, "attention", attention);
const graph::RegisterKernel gradient_registration(kBackend, "attention_gradient", attention_gradient);

}  // namespace
}  // namespace hardy::cuda
