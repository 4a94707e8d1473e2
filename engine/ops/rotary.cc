#include "engine/ops/rotary.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// Elements [i, half) of a head's two halves by `Lanes` at a time, what is left by fewer; half a vector and
// less are common here. Products and sums apart, as everywhere: the bits do not depend on the lanes.
template <class T, int Lanes = simd::VectorOf<T>::kLanes>
inline void turn(const T* x, const T* turns, std::int64_t half, T* y, std::int64_t i = 0) {
  if constexpr (Lanes > 1) {
    typedef T Several __attribute__((vector_size(Lanes * sizeof(T)), aligned(sizeof(T)), may_alias));
    const auto at = [](const T* from) { return *reinterpret_cast<const Several*>(from); };
    for (; i + Lanes <= half; i += Lanes) {
      const Several u = at(x + i), w = at(x + i + half), c = at(turns + i), s = at(turns + half + i);
      *reinterpret_cast<Several*>(y + i) = u * c - w * s;
      *reinterpret_cast<Several*>(y + i + half) = w * c + u * s;
    }
    turn<T, (Lanes > 4 ? Lanes / 2 : 1)>(x, turns, half, y, i);
  } else {
    for (; i < half; ++i) {
      const T u = x[i], w = x[i + half];
      y[i] = u * turns[i] - w * turns[half + i];
      y[i + half] = w * turns[i] + u * turns[half + i];
    }
  }
}

// The cosines and sines of each row's position. Angles are told apart by position alone: a table of them
// where it is smaller than the rows that read it.
template <class T>
class Turns {
 public:
  // first [sequences]: where row 0 of each stands, of `rows`; heads of d elements.
  Turns(const std::int32_t* first, std::int64_t sequences, std::int64_t rows, std::int64_t d,
        const Rotary& attributes, ThreadTeam& team)
      : first_(first), rows_(rows), half_(d / 2), direction_(attributes.direction) {
    frequency_ = thread_scratch<double, Scratch::kRowSums>(half_);
    for (std::int64_t i = 0; i < half_; ++i)
      frequency_[i] = std::pow(attributes.base, -2.0 * static_cast<double>(i) / static_cast<double>(d));
    std::int64_t count = 0;
    if (sequences > 0) {
      const auto [least, most] = std::minmax_element(first, first + sequences);
      lowest_ = *least;
      count = *most + rows - lowest_;
    }
    tabled_ = count <= sequences * rows;
    table_ = thread_scratch<T, Scratch::kTurns>(tabled_ ? count * d : 0);
    if (tabled_) for_rows(count, 32 * d, team, [&](std::int64_t i) { make(lowest_ + i, table_ + i * d); });
  }
  // Elements that a row's turns cost, for each of its heads' elements.
  std::int64_t work() const { return tabled_ ? 2 : 32; }
  // [d]: half of them cosines, half of them sines.
  const T* of(std::int64_t row) const {
    const std::int64_t position = first_[row / rows_] + row % rows_, d = 2 * half_;
    if (tabled_) return table_ + (position - lowest_) * d;
    T* own = thread_scratch<T, Scratch::kRows>(d);
    make(position, own);
    return own;
  }

 private:
  void make(std::int64_t position, T* turns) const {
    for (std::int64_t i = 0; i < half_; ++i) {
      const double angle = static_cast<double>(position) * frequency_[i];
      turns[i] = static_cast<T>(std::cos(angle));
      turns[half_ + i] = static_cast<T>(direction_ * std::sin(angle));
    }
  }

  const std::int32_t* first_;
  std::int64_t rows_, half_, lowest_ = 0;
  double direction_;
  double* frequency_;
  bool tabled_ = false;
  T* table_;
};

template <class T>
void rotate(const KernelCall& call, ThreadTeam& team) {
  const Shape& s = call.inputs[0].shape;
  const std::int64_t sequences = s[0] * s[1], rows = s[2], H = s[3], d = s[4];
  const Turns<T> turns(call.inputs[1].as<const std::int32_t>(), sequences, rows, d, call.attribute<Rotary>(),
                       team);
  for_rows(sequences * rows, turns.work() * H * d, team, [&](std::int64_t row) {
    const T* own = turns.of(row);
    for (std::int64_t h = row * H; h < (row + 1) * H; ++h)
      turn(call.inputs[0].as<const T>() + h * d, own, d / 2, call.outputs[0].as<T>() + h * d);
  });
}

template <class T>
void rotate_heads(const KernelCall& call, ThreadTeam& team) {
  const Shape &q = call.outputs[0].shape, &k = call.outputs[1].shape;
  const std::int64_t sequences = q[0] * q[1], rows = q[2], H = q[3], G = k[3], d = q[4],
                     width = (H + 2 * G) * d;
  const Turns<T> turns(call.inputs[1].as<const std::int32_t>(), sequences, rows, d, call.attribute<Rotary>(),
                       team);
  for_rows(sequences * rows, turns.work() * width, team, [&](std::int64_t row) {
    const T *own = turns.of(row), *from = call.inputs[0].as<const T>() + row * width;
    for (std::int64_t h = row * H; h < (row + 1) * H; ++h, from += d)
      turn(from, own, d / 2, call.outputs[0].as<T>() + h * d);
    for (std::int64_t h = row * G; h < (row + 1) * G; ++h, from += d)
      turn(from, own, d / 2, call.outputs[1].as<T>() + h * d);
    std::copy_n(from, G * d, call.outputs[2].as<T>() + row * G * d);
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

std::vector<Tensor> rotary_rule(Graph& g, const Node& node, std::span<const Tensor> d);
constexpr Op kRotary{
    .name = "rotary", .gradient = rotary_rule, .cpu = by_type<rotate<float>, rotate<double>>};

constexpr Op kRotaryHeads{.name = "rotary_heads", .cpu = by_type<rotate_heads<float>, rotate_heads<double>>};

// The other way round.
std::vector<Tensor> rotary_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  Rotary back = node.attribute<Rotary>();
  back.direction = -back.direction;
  return {g.apply(kRotary, {d[0], node.inputs[1]}, g.type(d[0]), g.shape(d[0]), back), {}};
}

}  // namespace

Tensor rotary(Graph& g, Tensor x, Tensor first, double base) {
  const std::array operands{x, first};
  const DType type = detail::common_float_type(g, "rotary", std::span(operands).first(1));
  const Shape s = g.shape(x);
  const Shape& at = g.shape(first);
  if (s.rank() != 5 || s[4] % 2 != 0 || g.type(first) != DType::kI32 || at.rank() != 2 || at[0] != s[0] ||
      at[1] != s[1] || !(base > 0))
    g.shape_error("rotary", "x [A, S, T, H, d], d even, needs i32 [A, S] and a base above 0", operands);
  return g.apply(kRotary, {x, first}, type, s, Rotary{base, 1});
}

Heads rotary_heads(Graph& g, Tensor qkv, Tensor first, const HeadCounts& n, double base) {
  const std::array operands{qkv, first};
  const DType type = detail::common_float_type(g, "rotary_heads", std::span(operands).first(1));
  const Shape &x = g.shape(qkv), &at = g.shape(first);
  const std::int64_t both = n.heads + 2 * n.kv_heads;
  if (x.rank() != 3 || both < 1 || x[2] % (2 * both) != 0 || g.type(first) != DType::kI32 || at.rank() != 2 ||
      at[0] != x[0] || at[1] < 1 || x[1] % at[1] != 0 || !(base > 0))
    g.shape_error("rotary_heads", "qkv [A, S T, (H + 2 G) d], d even, needs i32 [A, S] and a base above 0",
                  operands);
  const std::int64_t d = x[2] / both;
  const auto shape = [&](std::int64_t heads) { return Shape{x[0], at[1], x[1] / at[1], heads, d}; };
  const Rotary attributes{base, 1};
  const std::vector<Tensor> out =
      g.apply(kRotaryHeads, operands,
              std::array{std::pair{type, shape(n.heads)}, std::pair{type, shape(n.kv_heads)},
                         std::pair{type, shape(n.kv_heads)}},
              &attributes, sizeof attributes);
  return {out[0], out[1], out[2]};
}

}  // namespace hardy::ops
