#include "engine/ops/decode_attention.h"

#include <array>
#include <cmath>

#include "engine/ops/attention_rows.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

using detail::exponentials;
using detail::kTileRows;
using detail::kTileVectors;
using detail::Padded;
using detail::padded;
using detail::rounded_up;
using detail::scaled;
using hardy::detail::tile_of;
using hardy::detail::TileEnd;

struct Sizes {
  std::int64_t A, S, P, H, G, d, U, W;
  Sizes(const Buffer& keys, const Buffer& q, const Buffer& prompt_keys)
      : A(q.shape[0]),
        S(q.shape[1]),
        P(prompt_keys.shape[1]),
        H(q.shape[3]),
        G(keys.shape[2]),
        d(q.shape[4]),
        U(prompt_keys.shape[4]),
        W(keys.shape[4]) {}
};

// Products of rows with the first `count` of their common turned keys [d][room].
template <class T>
void common_products(std::int64_t rows, const T* q, std::int64_t q_step, const T* keys, std::int64_t room,
                     std::int64_t count, std::int64_t d, T* products, std::int64_t step) {
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  for (std::int64_t j = 0; j < count;) {
    const TileEnd<T> end{products + j, step, false, nullptr, false, nullptr, 0};
    if (count - j > lanes) {
      tile_of<T, kTileRows, kTileVectors>(rows, d, q, q_step, 1, keys + j, room, end);
      j += kTileVectors * lanes;
    } else {
      tile_of<T, kTileRows, 1>(rows, d, q, q_step, 1, keys + j, room, end);
      j += lanes;
    }
  }
}

// f(std::integral_constant<int, rows>) for rows in [1, Rows].
template <int Rows, class F>
void with_rows(std::int64_t rows, F&& f) {
  if (rows == Rows)
    f(std::integral_constant<int, Rows>());
  else if constexpr (Rows > 1)
    with_rows<Rows - 1>(rows, f);
}

// Products of each row with the first `count` turned keys of its own, the rows' `keys_step` apart.
template <class T, int Rows>
void own_products(const T* q, std::int64_t q_step, const T* keys, std::int64_t keys_step, std::int64_t room,
                  std::int64_t count, std::int64_t d, T* products, std::int64_t step) {
  using V = typename simd::VectorOf<T>::type;
  for (std::int64_t j = 0; j < count; j += simd::VectorOf<T>::kLanes) {
    V acc[Rows] = {};
    for (std::int64_t i = 0; i < d; ++i)
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
        acc[r] =
            simd::multiply_add(q[r * q_step + i], simd::load(keys + r * keys_step + i * room + j), acc[r]);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) simd::store(products + r * step + j, acc[r]);
  }
}

// Elements [0, Vectors lanes) of scale_r sum_j w_rj v_rj: `common` values of the prompt, then `own` of each.
template <class T, int Rows, int Vectors>
void weigh(const T* weights, std::int64_t weights_step, const T* common, std::int64_t common_step,
           std::int64_t commons, const T* own, std::int64_t own_step, std::int64_t row_step,
           std::int64_t owns, const T* scale, T* to, std::int64_t to_step, std::int64_t width) {
  using V = typename simd::VectorOf<T>::type;
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  V acc[Rows][Vectors] = {};
  for (std::int64_t j = 0; j < commons; ++j) {
    V those[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) those[v] = simd::load(common + j * common_step + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v)
        acc[r][v] = simd::multiply_add(weights[r * weights_step + j], those[v], acc[r][v]);
  }
  weights += commons;
  for (std::int64_t j = 0; j < owns; ++j)
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v)
        acc[r][v] = simd::multiply_add(weights[r * weights_step + j],
                                       simd::load(own + r * row_step + j * own_step + v * lanes), acc[r][v]);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      detail::store_part(to + r * to_step + v * lanes, std::min(lanes, width - v * lanes),
                         acc[r][v] * simd::broadcast<T>(scale[r]));
}

// Operands by their places in the call.
enum Operand { kKeys, kQ, kK, kValues, kPromptKeys, kPromptValues, kPrompt, kCount, kFirst, kLast };

template <class T>
class Rows {
 public:
  explicit Rows(const KernelCall& call)
      : call_(call), n_(call.inputs[kKeys], call.inputs[kQ], call.inputs[kPromptKeys]) {}

  std::int64_t all() const { return n_.A * n_.S; }

  // Rows [begin, end), neighbours of one prompt at one place together.
  void run(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t row = begin; row < end;) {
      std::int64_t together = 1;
      if (!is_there(row))
        std::fill_n(call_.outputs[1].as<T>() + row * n_.H * n_.d, n_.H * n_.d, T(0));
      else {
        while (together < kTileRows && row + together < end && continues(row, row + together)) ++together;
        attend(row, together);
      }
      row += together;
    }
  }

 private:
  const T* in(Operand operand, std::int64_t at) const { return call_.inputs[operand].as<const T>() + at; }
  std::int64_t number(Operand operand, std::int64_t at) const {
    return call_.inputs[operand].as<const std::int32_t>()[at];
  }
  bool is_there(std::int64_t row) const {
    const std::int64_t first = number(kFirst, row), prompt = number(kPrompt, row);
    return first >= 0 && first < std::min(number(kLast, row), n_.W) && prompt >= 0 && prompt < n_.P;
  }
  bool continues(std::int64_t row, std::int64_t next) const {
    return next / n_.S == row / n_.S && is_there(next) && number(kPrompt, next) == number(kPrompt, row) &&
           number(kFirst, next) == number(kFirst, row);
  }

  // A head's new keys of `rows` rows to their places, and its places of the next head asked for: they are far
  // apart, a line each.
  void put_keys(const T* k, std::int64_t rows, T* to, bool next) const {
    for (std::int64_t r = 0; r < rows; ++r, k += n_.G * n_.d, to += n_.G * n_.d * n_.W) {
      if (next)
        for (std::int64_t i = n_.d; i < 2 * n_.d; ++i) __builtin_prefetch(to + i * n_.W, 1);
      for (std::int64_t i = 0; i < n_.d; ++i) to[i * n_.W] = k[i];
    }
  }

  void attend(std::int64_t row, std::int64_t rows) const {
    const std::int64_t prompt = row / n_.S * n_.P + number(kPrompt, row), d = n_.d,
                       common = std::clamp<std::int64_t>(number(kCount, prompt), 0, n_.U),
                       own = number(kFirst, row) + 1, width = rounded_up(d, simd::VectorOf<T>::kLanes),
                       step = rounded_up(common + turned_room(own), simd::VectorOf<T>::kLanes);
    T* scores = thread_scratch<T, Scratch::kScores>(kTileRows * step);
    const T scale = T(1) / std::sqrt(static_cast<T>(d));
    for (std::int64_t group = 0; group < n_.G; ++group) {
      const std::int64_t keys_at = (row * n_.G + group) * d * n_.W, keys_step = n_.G * d * n_.W;
      T* keys = call_.outputs[0].as<T>() + keys_at;
      put_keys(in(kK, (row * n_.G + group) * d), rows, keys + own - 1, group + 1 < n_.G);
      const std::int64_t value_step = n_.G * d, values_at = (row * n_.W * n_.G + group) * d;
      const Padded<T> common_values =
          padded<T>(call_.inputs[kPromptValues], (prompt * n_.U * n_.G + group) * d, value_step,
                    std::max<std::int64_t>(1, common), d,
                    thread_scratch<T, Scratch::kValues>(std::max<std::int64_t>(1, common) * width));
      Padded<T> own_values{in(kValues, values_at), value_step};
      std::int64_t row_step = n_.W * value_step;
      if (values_at + (rows - 1) * row_step + (own - 1) * value_step + width >
          call_.inputs[kValues].elements()) {
        T* copy = thread_scratch<T, Scratch::kRows>(rows * own * width);
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t j = 0; j < own; ++j)
            std::copy_n(own_values.at + r * row_step + j * value_step, d, copy + (r * own + j) * width);
        own_values = {copy, width};
        row_step = own * width;
      }
      for (std::int64_t head = group * (n_.H / n_.G); head < (group + 1) * (n_.H / n_.G); ++head) {
        const T* q = in(kQ, (row * n_.H + head) * d);
        common_products(rows, q, n_.H * d, in(kPromptKeys, (prompt * n_.G + group) * d * n_.U), n_.U, common,
                        d, scores, step);
        with_rows<kTileRows>(rows, [&](auto some) {
          own_products<T, some()>(q, n_.H * d, keys, keys_step, n_.W, own, d, scores + common, step);
        });
        T tops[kTileRows], shares[kTileRows];  // row after row, so that no row waits for another's sums
        for (std::int64_t r = 0; r < rows; ++r) tops[r] = scaled(scores + r * step, common + own, scale);
        for (std::int64_t r = 0; r < rows; ++r)
          shares[r] = 1 / exponentials(scores + r * step, common + own, tops[r]);
        T* y = call_.outputs[1].as<T>() + (row * n_.H + head) * d;
        constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
        for (std::int64_t i = 0; i < d; i += kTileVectors * lanes) {
          const std::int64_t left = std::min<std::int64_t>(kTileVectors * lanes, d - i);
          with_rows<kTileRows>(rows, [&](auto some) {
            const auto with = [&](auto vectors) {
              weigh<T, some(), vectors()>(scores, step, common_values.at + i, common_values.step, common,
                                          own_values.at + i, own_values.step, row_step, own, shares, y + i,
                                          n_.H * d, left);
            };
            if (left > lanes)
              with(std::integral_constant<int, kTileVectors>());
            else
              with(std::integral_constant<int, 1>());
          });
        }
      }
    }
  }

  const KernelCall& call_;
  const Sizes n_;
};

template <class T>
void decode(const KernelCall& call, ThreadTeam& team) {
  const Rows<T> rows(call);
  // Whole prompts where a few rows share one; a row's bits do not depend on where the cuts are.
  team.for_range(rows.all(), 16, [&](std::int64_t begin, std::int64_t end) { rows.run(begin, end); });
}
void decode_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[1].type == DType::kF64 ? decode<double> : decode<float>)(call, team);
}

constexpr Op kDecodeAttention{.name = "decode_attention", .cpu = decode_cpu, .writes = true};

}  // namespace

Decoded decode_attention(Graph& g, Tensor keys, Tensor values, Tensor q, Tensor k, const DecodedRows& rows) {
  const std::array operands{
      keys,        q,          k,          values,   rows.prompt_keys, rows.prompt_values,
      rows.prompt, rows.count, rows.first, rows.last};
  const DType type = detail::common_float_type(g, "decode_attention", std::span(operands).first(6));
  const Shape &y = g.shape(q), &x = g.shape(keys), &common = g.shape(rows.prompt_keys);
  bool fits = y.rank() == 5 && x.rank() == 5 && common.rank() == 5 && y[2] == 1 && y.elements() > 0;
  if (fits) {
    const std::int64_t A = y[0], S = y[1], G = x[2], d = y[4], W = x[4], P = common[1], U = common[4];
    fits = G > 0 && y[3] % G == 0 && x == Shape{A, S, G, d, W} && W == turned_room(W) &&
           g.shape(values) == Shape{A, S, W, G, d} && g.shape(k) == Shape{A, S, 1, G, d} &&
           common == Shape{A, P, G, d, U} && U == turned_room(U) && P > 0 &&
           g.shape(rows.prompt_values) == Shape{A, P, U, G, d};
    for (const Tensor t : {rows.prompt, rows.first, rows.last})
      fits = fits && g.type(t) == DType::kI32 && g.shape(t) == Shape{A, S};
    fits = fits && g.type(rows.count) == DType::kI32 && g.shape(rows.count) == Shape{A, P};
  }
  if (!fits)
    g.shape_error(
        "decode_attention",
        "own keys [A, S, G, d, W] need values [A, S, W, G, d], q [A, S, 1, H, d], H a multiple of G, "
        "k [A, S, 1, G, d], a prompt's keys [A, P, G, d, U] and values [A, P, U, G, d], W and U in "
        "whole 16s, and i32 [A, S] thrice and [A, P] once",
        operands);
  const std::vector<Tensor> both =
      g.apply(kDecodeAttention, operands, std::array{std::pair{type, Shape(x)}, std::pair{type, Shape(y)}},
              nullptr, 0);
  return {both[0], both[1]};
}

void turn_keys(const float* rows, std::int64_t count, std::int64_t groups, std::int64_t d, std::int64_t room,
               float* to) {
  for (std::int64_t j = 0; j < count; ++j)
    for (std::int64_t i = 0; i < groups * d; ++i) to[i * room + j] = rows[j * groups * d + i];
}

}  // namespace hardy::ops
