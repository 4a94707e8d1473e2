// One token a row over its prompt's keys and its own (engine/ops/decode_attention.h): the new keys are put to
// their places first, a thread to an element; then a block to a row and head, its threads over a panel of
// keys, then over the row's elements. A row's sums have the order that attention.cu gives them, and so the
// same bits.
#include <cmath>

#include "cuda/block.cuh"
#include "cuda/elements.cuh"
#include "cuda/ops/attention_rows.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

// As engine/ops/decode_attention.cc has them.
struct Sizes {
  std::int64_t A, S, P, H, G, d, U, W;
};

struct Places {
  const std::int32_t *prompt, *count, *first, *last;
};

__device__ bool is_there(std::int64_t row, const Sizes& n, const Places& at) {
  const std::int32_t first = at.first[row], prompt = at.prompt[row];
  return first >= 0 && first < at.last[row] && first < n.W && prompt >= 0 && prompt < n.P;
}

template <class T>
__global__ void put_kernel(const T* k, Sizes n, Places at, T* keys) {
  const std::int64_t each = n.G * n.d;
  for (const std::int64_t i : every(n.A * n.S * each)) {
    const std::int64_t row = i / each;
    if (is_there(row, n, at)) keys[i * n.W + at.first[row]] = k[i];
  }
}

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    decode_kernel(const T* q, const T* keys, const T* values, const T* prompt_keys, const T* prompt_values,
                  Sizes n, Places at, T scale, T* out) {
  __shared__ T weight[kRowThreads];
  const std::int64_t row = blockIdx.x / n.H, head = blockIdx.x % n.H, group = head / (n.H / n.G),
                     tid = threadIdx.x;
  const T* x = q + static_cast<std::int64_t>(blockIdx.x) * n.d;
  T* y = out + static_cast<std::int64_t>(blockIdx.x) * n.d;
  if (!is_there(row, n, at)) {
    for (std::int64_t i = tid; i < n.d; i += kRowThreads) y[i] = 0;
    return;
  }
  const std::int64_t prompt = row / n.S * n.P + at.prompt[row], held = at.count[prompt],
                     common = held < 0     ? 0
                              : held < n.U ? held
                                           : n.U,
                     all = common + at.first[row] + 1;
  const T *common_keys = prompt_keys + (prompt * n.G + group) * n.d * n.U,
          *common_values = prompt_values + (prompt * n.U * n.G + group) * n.d,
          *own_keys = keys + (row * n.G + group) * n.d * n.W,
          *own_values = values + (row * n.W * n.G + group) * n.d;
  RunningSoftmax<T> softmax;
  for (std::int64_t begin = 0; begin < all; begin += kPanel) {
    const std::int64_t left = all - begin, count = left < kPanel ? left : kPanel, j = begin + tid;
    T score = -T(INFINITY);
    if (tid < count) {
      const T* key = j < common ? common_keys + j : own_keys + (j - common);
      const std::int64_t step = j < common ? n.U : n.W;
      T product = 0;
      for (std::int64_t i = 0; i < n.d; ++i) product += x[i] * key[i * step];
      score = rounded_product(scale, product);
    }
    const T shrink = softmax.raise(over_block(score, LargerOf()));
    weight[tid] = exp(score - softmax.top);
    __syncthreads();
    softmax.add(weight, 1, static_cast<int>(count));
    for (std::int64_t i = tid; i < n.d; i += kRowThreads) {
      T sum = begin > 0 ? rounded_product(y[i], shrink) : T(0);
      for (std::int64_t c = 0; c < count; ++c) {
        const std::int64_t value = begin + c;
        sum += weight[c] * (value < common ? common_values[value * n.G * n.d + i]
                                           : own_values[(value - common) * n.G * n.d + i]);
      }
      y[i] = sum;
    }
    __syncthreads();
  }
  for (std::int64_t i = tid; i < n.d; i += kRowThreads) y[i] /= softmax.total;
}

void decode_attention(const graph::KernelCall& call, device::Stream& stream) {
  const Shape &keys = call.inputs[0].shape, &q = call.inputs[1].shape, &common = call.inputs[4].shape;
  const Sizes n{q[0], q[1], common[1], q[3], keys[2], q[4], common[4], keys[4]};
  const auto numbers = [&](std::size_t i) { return call.inputs[i].as<const std::int32_t>(); };
  const Places at{numbers(6), numbers(7), numbers(8), numbers(9)};
  with_float(call.outputs[1].type, [&](auto t) {
    using T = decltype(t);
    const auto operand = [&](std::size_t i) { return call.inputs[i].as<const T>(); };
    launch("decode_attention", put_kernel<T>, blocks_for(n.A * n.S * n.G * n.d), kThreads, stream, operand(2),
           n, at, call.outputs[0].as<T>());
    launch("decode_attention", decode_kernel<T>, static_cast<unsigned>(n.A * n.S * n.H), kRowThreads, stream,
           operand(1), call.outputs[0].as<const T>(), operand(3), operand(4), operand(5), n, at,
           static_cast<T>(1 / std::sqrt(static_cast<double>(n.d))), call.outputs[1].as<T>());
  });
}

const graph::RegisterKernel registration(kBackend, "decode_attention", decode_attention);

}  // namespace
}  // namespace hardy::cuda
