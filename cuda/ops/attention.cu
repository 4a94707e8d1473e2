// Causal attention (engine/ops/attention.h): a block to a tile of a head's queries (attention_tiles.cuh).
// Their scores with a panel of keys lie in shared memory, where they become weights, and the values are added
// up by them. Every sum has an order of its own that no other row has a part in, and decode_attention.cu has
// the same.
#include <cmath>

#include "cuda/block.cuh"
#include "cuda/ops/attention_rows.cuh"
#include "cuda/ops/attention_tiles.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T>
struct Forward {
  const T *q, *k, *v;
  const std::int32_t *first, *last;
  AttentionSizes n;
  T scale;
  T *y, *log_sums;
};

template <class T, int N>
__global__ void __launch_bounds__(kTileThreads, sizeof(T) == 8 ? 3 : 4) attention_kernel(Forward<T> f) {
  __shared__ TilePack<T> stage[kTileStage], weights[kPanel * kOwnPitch];
  __shared__ T of_rows[kOwnRows<T>];  // factors, then sums of weights
  const QueryTile<T> b(f.n, f.first, f.last);
  const int d = static_cast<int>(f.n.d), own = own_pack() * kEach<T>, other = other_pack() * kEach<T>;
  // A row's kParts neighbours.
  const int row = static_cast<int>(threadIdx.x) / kParts<T>, part = static_cast<int>(threadIdx.x) % kParts<T>;
  RunningSoftmax<T> softmax;
  TileSums<T> sums{};
  for (int panel = 0; panel < b.keys; panel += kPanel) {
    const int count = rows_from(panel, b.keys, kPanel);
    for (int tile = 0; tile < count; tile += kOtherRows<T>) {
      const int here = rows_from(tile, count, kOtherRows<T>);
      T scores[kEach<T>][kEach<T>] = {};
      multiply_rows<N>(TileRows<T>{f.q + b.at, b.step, b.rows},
                       TileRows<T>{f.k + b.keys_at + static_cast<std::int64_t>(panel + tile) * b.key_step,
                                   b.key_step, here},
                       d, panel + tile + other < b.position + own + kEach<T>, stage, scores);
      set_weights(weights + tile * kOwnPitch, [&](int r, int c, const T&) { return f.scale * scores[r][c]; });
    }
    __syncthreads();
    const int after = b.position + row + 1 - panel, seen = row >= b.rows || after < 0 ? 0
                                                           : after < count            ? after
                                                                                      : count;
    constexpr int kLine = kOwnPitch * kEach<T>;
    T *score = reinterpret_cast<T*>(weights) + row, largest = -T(INFINITY);
    for (int c = part; c < seen; c += kParts<T>) largest = LargerOf()(largest, score[c * kLine]);
    const T shrink = softmax.raise(over_parts(largest, LargerOf()));
    for (int c = part; c < seen; c += kParts<T>) score[c * kLine] = exp(score[c * kLine] - softmax.top);
    softmax.add(score, kLine, seen);
    if (part == 0) of_rows[row] = shrink;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < kEach<T>; ++r)
#pragma unroll
      for (int p = 0; p < TileSums<T>::kPacks; ++p)
#pragma unroll
        for (int e = 0; e < kEach<T>; ++e)
          sums.at[r][p].at[e] = rounded_product(sums.at[r][p].at[e], of_rows[own + r]);
    add_weighed<true, N>(
        weights,
        TileRows<T>{f.v + b.keys_at + static_cast<std::int64_t>(panel) * b.key_step + b.column, b.key_step,
                    count},
        b.width, b.position + own - panel, stage, sums);
  }
  __syncthreads();
  if (part == 0) of_rows[row] = softmax.total;
  if (part == 0 && b.column == 0 && row < b.all)
    f.log_sums[b.at / d + row * f.n.H] = row < b.rows ? softmax.top + log(softmax.total) : T(0);
  __syncthreads();
  write_sums<N>(sums, f.y + b.at + b.column, b.step, b.rows, b.all, b.width,
                [&](int of, T sum) { return sum / of_rows[of]; });
}

void attention(const graph::KernelCall& call, device::Stream& stream) {
  const AttentionSizes n(call.inputs[0], call.inputs[1]);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const Forward<T> f{call.inputs[0].as<const T>(),
                       call.inputs[1].as<const T>(),
                       call.inputs[2].as<const T>(),
                       call.inputs[3].as<const std::int32_t>(),
                       call.inputs[4].as<const std::int32_t>(),
                       n,
                       static_cast<T>(1 / std::sqrt(static_cast<double>(n.d))),
                       call.outputs[0].as<T>(),
                       call.outputs[1].as<T>()};
    const dim3 grid(static_cast<unsigned>(n.S * n.H * tiles_of<T>(n.T)), column_tiles_of(n.d));
    const bool wide = n.d % kEach<T> == 0 && are_wide(f.q, f.k, f.v, f.y);
    launch("attention", wide ? attention_kernel<T, kEach<T>> : attention_kernel<T, 1>, grid, kTileThreads,
           stream, f);
  });
}

const graph::RegisterKernel registration(kBackend, "attention", attention);

}  // namespace
}  // namespace hardy::cuda
