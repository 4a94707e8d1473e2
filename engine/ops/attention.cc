#include "engine/ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/attention_rows.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

using detail::exponentials;
using detail::kPanel;
using detail::kTileRows;
using detail::kTileVectors;
using detail::Padded;
using detail::padded;
using detail::rounded_up;
using detail::scaled;
using hardy::detail::tile_of;
using hardy::detail::TileEnd;

// Rows whose scores the gradient holds at once. The sums over rows of a key's gradient run in these pieces.
constexpr std::int64_t kRowBlock = 64;

// Where the numbers of one head of one sequence are. Rows of q and of the output lie q_step apart, of k and v
// k_step. `real` of a sequence's rows are no padding.
template <class T>
struct Sizes {
  std::int64_t A, S, rows, U, H, G, d, q_step, k_step;
  std::int64_t padded;  // d up to whole vectors
  explicit Sizes(const Buffer& q, const Buffer& k)
      : A(q.shape[0]),
        S(q.shape[1]),
        rows(q.shape[2]),
        U(k.shape[2]),
        H(q.shape[3]),
        G(k.shape[3]),
        d(q.shape[4]),
        q_step(H * d),
        k_step(G * d),
        padded(rounded_up(d, simd::VectorOf<T>::kLanes)) {}
  std::int64_t rows_at(std::int64_t sequence, std::int64_t head) const {
    return (sequence * rows * H + head) * d;
  }
  std::int64_t keys_at(std::int64_t sequence, std::int64_t group) const {
    return (sequence * U * G + group) * d;
  }
  std::int64_t real(std::int64_t first, std::int64_t last) const {
    return std::clamp<std::int64_t>(std::min(last, U) - first, 0, rows);
  }
};

// `count` rows, `step` apart, turned: panels of kPanel rows side by side, each [d][kPanel], zeros behind the
// last row.
template <class T>
const T* turned(const T* x, std::int64_t step, std::int64_t count, std::int64_t d, T* to) {
  constexpr std::int64_t width = kPanel<T>;
  for (std::int64_t begin = 0; begin < count; begin += width, to += d * width) {
    const std::int64_t rows = std::min(width, count - begin);
    std::int64_t j = 0;
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
      for (; j + 8 <= rows; j += 8)
        hardy::detail::transpose_rows_of_8(x + (begin + j) * step, step, d, to + j, width);
#endif
    for (; j < width; ++j)
      for (std::int64_t i = 0; i < d; ++i) to[i * width + j] = j < rows ? x[(begin + j) * step + i] : T(0);
  }
  return to;
}
// products[r][j] = x_r . y_j for `rows` rows of x and the first `keys` turned rows: a chain of fused
// multiply-adds over d, whatever stands beside.
template <class T>
void products_of(const T* x, std::int64_t step, std::int64_t rows, const T* turned_y, std::int64_t keys,
                 std::int64_t d, T* products, std::int64_t products_step) {
  for (std::int64_t j = 0; j < keys; j += kPanel<T>, turned_y += d * kPanel<T>)
    for (std::int64_t r = 0; r < rows; r += kTileRows)
      tile_of<T, kTileRows, kTileVectors>(
          std::min<std::int64_t>(kTileRows, rows - r), d, x + r * step, step, 1, turned_y, kPanel<T>,
          TileEnd<T>{products + r * products_step + j, products_step, false, nullptr, false, nullptr, 0});
}

// sum_j w_rj y_j, row r over its first common + r keys in their order; `Vectors` vectors of y's rows, written
// to out [Rows][Vectors].
template <class T, int Rows, int Vectors>
void weigh(const T* weights, std::int64_t weights_step, std::int64_t common, const T* y, std::int64_t y_step,
           typename simd::VectorOf<T>::type (&out)[kTileRows][kTileVectors]) {
  using V = typename simd::VectorOf<T>::type;
  constexpr int lanes = simd::VectorOf<T>::kLanes;
  V acc[Rows][Vectors] = {};
  const auto add = [&](int from, std::int64_t j) __attribute__((always_inline)) {
    V those[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) those[v] = simd::load(y + j * y_step + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
      if (r >= from) {
        const T w = weights[r * weights_step + j];
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) acc[r][v] = simd::multiply_add(w, those[v], acc[r][v]);
      }
  };
  for (std::int64_t j = 0; j < common; ++j) add(0, j);
#pragma GCC unroll 16
  for (int r = 1; r < Rows; ++r) add(r, common + r - 1);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) out[r][v] = acc[r][v];
}
template <class T, int Rows, int Vectors>
void weigh_some(std::int64_t rows, const T* weights, std::int64_t weights_step, std::int64_t common,
                const T* y, std::int64_t y_step,
                typename simd::VectorOf<T>::type (&out)[kTileRows][kTileVectors]) {
  if (rows == Rows)
    weigh<T, Rows, Vectors>(weights, weights_step, common, y, y_step, out);
  else if constexpr (Rows > 1)
    weigh_some<T, Rows - 1, Vectors>(rows, weights, weights_step, common, y, y_step, out);
}
// to[r] = scale(r) sum_j w_rj y_j for `rows` <= kTileRows rows, d elements each.
template <class T, class Scale>
void weighed(std::int64_t rows, const T* weights, std::int64_t weights_step, std::int64_t common,
             const Padded<T>& y, const Sizes<T>& n, Scale&& scale, T* to) {
  constexpr int lanes = simd::VectorOf<T>::kLanes;
  typename simd::VectorOf<T>::type out[kTileRows][kTileVectors];
  for (std::int64_t i = 0; i < n.d; i += kTileVectors * lanes) {
    const std::int64_t width = std::min<std::int64_t>(kTileVectors * lanes, n.d - i);
    if (width > lanes)
      weigh_some<T, kTileRows, kTileVectors>(rows, weights, weights_step, common, y.at + i, y.step, out);
    else
      weigh_some<T, kTileRows, 1>(rows, weights, weights_step, common, y.at + i, y.step, out);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t v = 0; v * lanes < width; ++v)
        detail::store_part(to + r * n.q_step + i + v * lanes,
                           std::min<std::int64_t>(lanes, width - v * lanes), scale(r, out[r][v]));
  }
}

// q, k, v, first, last -> y, and log sum_j e^{s_j} of every row, which the gradient needs. A few rows at a
// time: their scores, the exponentials, the sums over values.
template <class T>
void forward(const KernelCall& call, ThreadTeam& team) {
  using V = typename simd::VectorOf<T>::type;
  const Sizes<T> n(call.inputs[0], call.inputs[1]);
  const T scale = T(1) / std::sqrt(static_cast<T>(n.d));
  const auto *first = call.inputs[3].as<const std::int32_t>(),
             *last = call.inputs[4].as<const std::int32_t>();
  team.run(n.A * n.S * n.G, [&](std::int64_t task) {
    const std::int64_t sequence = task / n.G, group = task % n.G, heads = n.H / n.G, start = first[sequence],
                       real = n.real(start, last[sequence]), keys = real > 0 ? start + real : 0,
                       wide = rounded_up(keys, kPanel<T>), at_keys = n.keys_at(sequence, group);
    T *turned_k = thread_scratch<T, Scratch::kKeys>(wide * n.d),
      *scores = thread_scratch<T, Scratch::kScores>(kTileRows * wide);
    turned(call.inputs[1].as<const T>() + at_keys, n.k_step, keys, n.d, turned_k);
    const Padded<T> v = padded<T>(call.inputs[2], at_keys, n.k_step, keys, n.d,
                                  thread_scratch<T, Scratch::kValues>(keys * n.padded));
    for (std::int64_t head = group * heads; head < (group + 1) * heads; ++head) {
      const T* q = call.inputs[0].as<const T>() + n.rows_at(sequence, head);
      T *y = call.outputs[0].as<T>() + n.rows_at(sequence, head),
        *log_sum = call.outputs[1].as<T>() + sequence * n.rows * n.H + head;
      for (std::int64_t t = 0; t < real; t += kTileRows) {
        const std::int64_t rows = std::min<std::int64_t>(kTileRows, real - t), common = start + t + 1;
        products_of(q + t * n.q_step, n.q_step, rows, turned_k, common + rows - 1, n.d, scores, wide);
        V shares[kTileRows];
        for (std::int64_t r = 0; r < rows; ++r) {
          const T top = scaled(scores + r * wide, common + r, scale),
                  total = exponentials(scores + r * wide, common + r, top);
          shares[r] = simd::broadcast<T>(1 / total);
          log_sum[(t + r) * n.H] = top + std::log(total);
        }
        weighed(
            rows, scores, wide, common, v, n, [&](std::int64_t r, V sum) { return sum * shares[r]; },
            y + t * n.q_step);
      }
      for (std::int64_t t = real; t < n.rows; ++t) {
        std::fill_n(y + t * n.q_step, n.d, T(0));
        log_sum[t * n.H] = 0;
      }
    }
  });
}

// dy, q, k, v, y, log sums, first, last -> dq, dk, dv. With p_j = e^{s_j - log sum} and D = dy . y:
// dv_j = sum p_j dy, ds_j = p_j (dy . v_j - D), dq = scale sum_j ds_j k_j, dk_j = scale sum ds_j q, the sums
// over rows in their order, the heads of a group one after the other. A block of rows at a time.
template <class T>
void backward(const KernelCall& call, ThreadTeam& team) {
  using V = typename simd::VectorOf<T>::type;
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  const Sizes<T> n(call.inputs[1], call.inputs[2]);
  const T scale = T(1) / std::sqrt(static_cast<T>(n.d));
  const auto *first = call.inputs[6].as<const std::int32_t>(),
             *last = call.inputs[7].as<const std::int32_t>();
  const auto operand = [&](std::size_t i, std::int64_t at) { return call.inputs[i].as<const T>() + at; };
  team.run(n.A * n.S * n.G, [&](std::int64_t task) {
    const std::int64_t sequence = task / n.G, group = task % n.G, heads = n.H / n.G, start = first[sequence],
                       real = n.real(start, last[sequence]), keys = real > 0 ? start + real : 0,
                       wide = rounded_up(keys, kPanel<T>), at_keys = n.keys_at(sequence, group);
    T *turned_k = thread_scratch<T, Scratch::kKeys>(2 * wide * n.d), *turned_v = turned_k + wide * n.d;
    turned(operand(2, at_keys), n.k_step, keys, n.d, turned_k);
    turned(operand(3, at_keys), n.k_step, keys, n.d, turned_v);
    const Padded<T> k = padded<T>(call.inputs[2], at_keys, n.k_step, keys, n.d,
                                  thread_scratch<T, Scratch::kValues>(keys * n.padded));
    T *p = thread_scratch<T, Scratch::kScores>(kRowBlock * wide),
      *ds = thread_scratch<T, Scratch::kSlopes>(kRowBlock * wide);
    // The gradients of all keys and values, then the rows of q and dy of a block, each with whole vectors.
    T *dk = thread_scratch<T, Scratch::kRowSums>(2 * wide * n.padded), *dv = dk + wide * n.padded;
    T *rows_q = thread_scratch<T, Scratch::kRows>(2 * kRowBlock * n.padded),
      *rows_dy = rows_q + kRowBlock * n.padded;
    std::fill_n(dk, 2 * wide * n.padded, T(0));
    for (std::int64_t head = group * heads; head < (group + 1) * heads; ++head) {
      const std::int64_t at = n.rows_at(sequence, head);
      T* dq = call.outputs[0].as<T>() + at;
      for (std::int64_t t = real; t < n.rows; ++t) std::fill_n(dq + t * n.q_step, n.d, T(0));
      for (std::int64_t begin = 0; begin < real; begin += kRowBlock) {
        const std::int64_t rows = std::min(kRowBlock, real - begin), here = at + begin * n.q_step,
                           most = start + begin + rows;  // keys of the last row
        products_of(operand(1, here), n.q_step, rows, turned_k, most, n.d, p, wide);
        products_of(operand(0, here), n.q_step, rows, turned_v, most, n.d, ds, wide);
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::int64_t row = here + r * n.q_step, count = start + begin + r + 1;
          const T log_sum = operand(5, (sequence * n.rows + begin + r) * n.H + head)[0];
          // As the products with the values are: with a single key, whose value is y, the slopes are 0.
          T D = 0;
          for (std::int64_t i = 0; i < n.d; ++i)
            D = simd::multiply_add_scalar(operand(0, row)[i], operand(4, row)[i], D);
          const V times = simd::broadcast<T>(scale), sums = simd::broadcast<T>(log_sum),
                  Ds = simd::broadcast<T>(D);
          T *p_row = p + r * wide, *ds_row = ds + r * wide;
          for (std::int64_t j = 0; j < count; j += lanes) {
            const V weight = simd::exp<T>(simd::load(p_row + j) * times - sums);
            simd::store(p_row + j, weight);
            simd::store(ds_row + j, times * (weight * (simd::load(ds_row + j) - Ds)));
          }
          std::fill(p_row + count, p_row + wide, T(0));  // keys that the row does not see
          std::fill(ds_row + count, ds_row + wide, T(0));
        }
        for (std::int64_t r = 0; r < rows; r += kTileRows)
          weighed(
              std::min<std::int64_t>(kTileRows, rows - r), ds + r * wide, wide, start + begin + r + 1, k, n,
              [](std::int64_t, V sum) { return sum; }, dq + (begin + r) * n.q_step);
        const Padded<T> q = padded<T>(call.inputs[1], here, n.q_step, rows, n.d, rows_q),
                        dy = padded<T>(call.inputs[0], here, n.q_step, rows, n.d, rows_dy);
        for (std::int64_t j = 0; j < most; j += kTileRows) {
          // The first row that sees key j, by whole rows of this block.
          const std::int64_t from = std::max<std::int64_t>(0, j - start - begin),
                             those = std::min<std::int64_t>(kTileRows, most - j);
          for (std::int64_t i = 0; i < n.padded; i += lanes) {
            const auto add = [&](const T* weights, const Padded<T>& x, T* to) {
              tile_of<T, kTileRows, 1>(
                  those, rows - from, weights + from * wide + j, 1, wide, x.at + from * x.step + i, x.step,
                  TileEnd<T>{to + j * n.padded + i, n.padded, true, nullptr, false, nullptr, 0});
            };
            add(p, dy, dv);
            add(ds, q, dk);
          }
        }
      }
    }
    for (std::int64_t j = 0; j < n.U; ++j)
      for (const auto& [sums, to] :
           {std::pair{dk, call.outputs[1].as<T>()}, std::pair{dv, call.outputs[2].as<T>()}})
        if (j < keys)
          std::copy_n(sums + j * n.padded, n.d, to + at_keys + j * n.k_step);
        else
          std::fill_n(to + at_keys + j * n.k_step, n.d, T(0));
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

// One product over the pairs of rows that see each other, the last row all keys and each before it one less.
double pair_product(const Shape& q, const Shape& k) {
  const auto T = static_cast<double>(q[2]), U = static_cast<double>(k[2]);
  return 2.0 * static_cast<double>(q[0] * q[1] * q[3] * q[4]) * (T * U - T * (T - 1) / 2);
}
double forward_flops(const KernelCall& c) { return 2 * pair_product(c.inputs[0].shape, c.inputs[1].shape); }
// The scores that it computes once more are not counted.
double backward_flops(const KernelCall& c) { return 4 * pair_product(c.inputs[1].shape, c.inputs[2].shape); }

constexpr Op kAttentionGradient{
    .name = "attention_gradient", .cpu = by_type<backward<float>, backward<double>>, .flops = backward_flops};

std::vector<Tensor> attention_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  if (!d[0]) return std::vector<Tensor>(5);  // nobody reads the log sums
  const Tensor q = node.inputs[0], k = node.inputs[1];
  const std::pair<DType, Shape> rows{g.type(q), g.shape(q)}, keys{g.type(k), g.shape(k)};
  const std::array inputs{
      d[0], q, k, node.inputs[2], node.outputs[0], node.outputs[1], node.inputs[3], node.inputs[4]};
  const std::vector<Tensor> all =
      g.apply(kAttentionGradient, inputs, std::array{rows, keys, keys}, nullptr, 0);
  return {all[0], all[1], all[2], {}, {}};
}
constexpr Op kAttention{.name = "attention",
                        .gradient = attention_rule,
                        .cpu = by_type<forward<float>, forward<double>>,
                        .flops = forward_flops};

bool are_positions(const Graph& g, Tensor t, const Shape& x) {
  const Shape& s = g.shape(t);
  return g.type(t) == DType::kI32 && s.rank() == 2 && s[0] == x[0] && s[1] == x[1];
}

}  // namespace

Tensor attention(Graph& g, Tensor q, Tensor k, Tensor v, Tensor first, Tensor last) {
  const std::array operands{q, k, v, first, last};
  const DType type = detail::common_float_type(g, "attention", std::span(operands).first(3));
  const Shape &x = g.shape(q), &y = g.shape(k);
  bool fits = x.rank() == 5 && y.rank() == 5 && y == g.shape(v) && x.elements() > 0 && y.elements() > 0;
  for (const int axis : {0, 1, 4}) fits = fits && x[axis] == y[axis];
  fits = fits && x[3] % y[3] == 0 && are_positions(g, first, x) && are_positions(g, last, x);
  if (!fits)
    g.shape_error("attention",
                  "q [A, S, T, H, d] needs k and v [A, S, U, G, d], H a multiple of G, and i32 [A, S] twice",
                  operands);
  return g.apply(kAttention, operands,
                 std::array{std::pair{type, Shape(x)}, std::pair{type, Shape{x[0], x[1], x[2], x[3], 1}}},
                 nullptr, 0)[0];
}

}  // namespace hardy::ops
