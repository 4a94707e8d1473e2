// The gradients of attention (engine/ops/attention.cc has the formulas), in tiles (attention_tiles.cuh): a
// block to a tile of a head's queries for dq, and to a tile of a group's keys for dk and dv. Weights are
// computed again from the forward pass' logarithms of sums. Every sum goes through keys, or heads and then
// rows, in their order.
#include <cmath>

#include "cuda/block.cuh"
#include "cuda/ops/attention_rows.cuh"
#include "cuda/ops/attention_tiles.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class T>
struct Backward {
  const T *dy, *q, *k, *v, *y, *log_sums;
  const std::int32_t *first, *last;
  AttentionSizes n;
  T scale;
  T* products;  // [S, T, H]: dy . y of every row, which the queries' kernel leaves to the keys'
  T *dq, *dk, *dv;

  // The slope of a score with its factor, of a row at `position`. Where that sees one key the weight is 1
  // whatever the score, and nothing is left of it, however y and v were multiplied.
  __device__ T slope(T weight, T of_weight, T product, int position) const {
    return position == 0 ? T(0) : scale * (weight * (of_weight - product));
  }
};

// x . y of d elements, by a row's kParts neighbours; no element is read of a row that is not `real`.
template <int N, class T>
__device__ T product_of(const T* x, const T* y, int d, bool real) {
  T sum = 0;
  for (int i = static_cast<int>(threadIdx.x) % kParts<T> * kEach<T>; i < d; i += kParts<T> * kEach<T>) {
    const TilePack<T> a = read_part<N>(x + i, real ? d - i : 0), b = read_part<N>(y + i, real ? d - i : 0);
#pragma unroll
    for (int e = 0; e < kEach<T>; ++e) sum += a.at[e] * b.at[e];
  }
  return over_parts(sum, Add());
}

template <class T, int N>
__global__ void __launch_bounds__(kTileThreads, 3) query_gradient_kernel(Backward<T> f) {
  __shared__ TilePack<T> stage[kTileStage], weights[kOtherRows<T> * kOwnPitch];
  __shared__ T log_sums[kOwnRows<T>], products[kOwnRows<T>];
  const QueryTile<T> b(f.n, f.first, f.last);
  const int d = static_cast<int>(f.n.d), own = own_pack() * kEach<T>, other = other_pack() * kEach<T>;
  if (b.rows > 0) {
    const int row = static_cast<int>(threadIdx.x) / kParts<T>;
    const std::int64_t element = b.at + row * b.step;
    const T product = product_of<N>(f.dy + element, f.y + element, d, row < b.rows);
    if (threadIdx.x % kParts<T> == 0) {
      products[row] = product;
      log_sums[row] = row < b.rows ? f.log_sums[element / d] : T(0);
      if (row < b.rows && b.column == 0) f.products[element / d] = product;
    }
  }
  TileSums<T> dq{};
  for (int tile = 0; tile < b.keys; tile += kOtherRows<T>) {
    const std::int64_t key = b.keys_at + static_cast<std::int64_t>(tile) * b.key_step;
    const int count = rows_from(tile, b.keys, kOtherRows<T>), limit = b.position + own - tile;
    const bool wanted = other < limit + kEach<T>;
    {
      T scores[kEach<T>][kEach<T>] = {};
      multiply_rows<N>(TileRows<T>{f.q + b.at, b.step, b.rows}, TileRows<T>{f.k + key, b.key_step, count}, d,
                       wanted, stage, scores);
      set_weights(weights, [&](int r, int c, const T&) {
        const bool sees = own + r < b.rows && other + c <= limit + r;
        return sees ? exp(f.scale * scores[r][c] - log_sums[own + r]) : T(0);
      });
    }
    T slopes[kEach<T>][kEach<T>] = {};
    multiply_rows<N>(TileRows<T>{f.dy + b.at, b.step, b.rows}, TileRows<T>{f.v + key, b.key_step, count}, d,
                     wanted, stage, slopes);
    set_weights(weights, [&](int r, int c, const T& weight) {
      return f.slope(weight, slopes[r][c], products[own + r], b.position + own + r);
    });
    add_weighed<true, N>(weights, TileRows<T>{f.k + key + b.column, b.key_step, count}, b.width, limit, stage,
                         dq);
  }
  write_sums<N>(dq, f.dq + b.at + b.column, b.step, b.rows, b.all, b.width, [](int, T sum) { return sum; });
}

// Block (((sequence, group), tile of keys), tile of columns).
template <class T, int N>
__global__ void __launch_bounds__(kTileThreads, 3) key_gradient_kernel(Backward<T> f) {
  __shared__ TilePack<T> stage[kTileStage], weights[kOtherRows<T> * kOwnPitch];
  __shared__ T log_sums[kOtherRows<T>], products[kOtherRows<T>];
  const AttentionSizes& n = f.n;
  const int tiles = tiles_of<T>(n.U), begin = static_cast<int>(blockIdx.x) % tiles * kOwnRows<T>,
            d = static_cast<int>(n.d), column = static_cast<int>(blockIdx.y) * kTileColumns,
            width = d - column, keys = rows_from(begin, static_cast<int>(n.U), kOwnRows<T>),
            row_step = static_cast<int>(n.H * n.d), key_step = static_cast<int>(n.G * n.d);
  const std::int64_t group = blockIdx.x / tiles % n.G, sequence = blockIdx.x / tiles / n.G, heads = n.H / n.G,
                     at = ((sequence * n.U + begin) * n.G + group) * n.d;
  // Rows of the position of this tile's first key and later.
  const int start = f.first[sequence], end = n.real(start, f.last[sequence]),
            from = begin > start ? begin - start : 0, own = own_pack() * kEach<T>,
            other = other_pack() * kEach<T>;
  TileSums<T> dk{}, dv{};
  for (std::int64_t head = group * heads; head < (group + 1) * heads; ++head)
    for (int tile = from; tile < end; tile += kOtherRows<T>) {
      const int count = rows_from(tile, end, kOtherRows<T>), limit = begin + own - start - tile;
      const std::int64_t row = (sequence * n.T + tile) * n.H + head;
      const bool wanted = other < count && other + kEach<T> > limit;
      if (threadIdx.x < kOtherRows<T>) {
        const bool real = static_cast<int>(threadIdx.x) < count;
        log_sums[threadIdx.x] = real ? f.log_sums[row + threadIdx.x * n.H] : T(0);
        products[threadIdx.x] = real ? f.products[row + threadIdx.x * n.H] : T(0);
      }
      {
        T scores[kEach<T>][kEach<T>] = {};
        multiply_rows<N>(TileRows<T>{f.k + at, key_step, keys}, TileRows<T>{f.q + row * n.d, row_step, count},
                         d, wanted, stage, scores);
        set_weights(weights, [&](int r, int c, const T&) {
          return other + c < count && other + c >= limit + r
                     ? exp(f.scale * scores[r][c] - log_sums[other + c])
                     : T(0);
        });
      }
      add_weighed<false, N>(weights, TileRows<T>{f.dy + row * n.d + column, row_step, count}, width, limit,
                            stage, dv);
      T slopes[kEach<T>][kEach<T>] = {};
      multiply_rows<N>(TileRows<T>{f.v + at, key_step, keys}, TileRows<T>{f.dy + row * n.d, row_step, count},
                       d, wanted, stage, slopes);
      set_weights(weights, [&](int r, int c, const T& weight) {
        return f.slope(weight, slopes[r][c], products[other + c], start + tile + other + c);
      });
      add_weighed<false, N>(weights, TileRows<T>{f.q + row * n.d + column, row_step, count}, width, limit,
                            stage, dk);
    }
  const auto whole = [](int, T sum) { return sum; };
  write_sums<N>(dk, f.dk + at + column, key_step, keys, keys, width, whole);
  write_sums<N>(dv, f.dv + at + column, key_step, keys, keys, width, whole);
}

void attention_gradient(const graph::KernelCall& call, device::Stream& stream) {
  const AttentionSizes n(call.inputs[1], call.inputs[2]);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const auto operand = [&](std::size_t i) { return call.inputs[i].as<const T>(); };
    const Backward<T> f{
        operand(0),
        operand(1),
        operand(2),
        operand(3),
        operand(4),
        operand(5),
        call.inputs[6].as<const std::int32_t>(),
        call.inputs[7].as<const std::int32_t>(),
        n,
        static_cast<T>(1 / std::sqrt(static_cast<double>(n.d))),
        static_cast<T*>(as_cuda(stream).scratch(static_cast<std::size_t>(n.S * n.T * n.H) * sizeof(T))),
        call.outputs[0].as<T>(),
        call.outputs[1].as<T>(),
        call.outputs[2].as<T>()};
    const bool wide = n.d % kEach<T> == 0 && are_wide(f.dy, f.q, f.k, f.v, f.y, f.dq, f.dk, f.dv);
    const auto run = [&](auto kernel, std::int64_t tiles) {
      launch("attention_gradient", kernel, dim3(static_cast<unsigned>(tiles), column_tiles_of(n.d)),
             kTileThreads, stream, f);
    };
    run(wide ? query_gradient_kernel<T, kEach<T>> : query_gradient_kernel<T, 1>,
        n.S * n.H * tiles_of<T>(n.T));
    run(wide ? key_gradient_kernel<T, kEach<T>> : key_gradient_kernel<T, 1>, n.S * n.G * tiles_of<T>(n.U));
  });
}

const graph::RegisterKernel registration(kBackend, "attention_gradient", attention_gradient);

}  // namespace
}  // namespace hardy::cuda
