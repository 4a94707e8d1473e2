#include "engine/ops/rotary.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

template <class T>
void turn(const T* __restrict x, const T* __restrict turns, std::int64_t half, T* __restrict y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const T u = x[i], w = x[i + half];
    y[i] = u * turns[i] - w * turns[half + i];
    y[i + half] = w * turns[i] + u * turns[half + i];
  }
}

// Angles are told apart by position alone: a table of their cosines and sines where it is smaller than the
// rows that read it.
template <class T>
void rotate(const KernelCall& call, ThreadTeam& team) {
  const Shape& s = call.inputs[0].shape;
  const std::int64_t sequences = s[0] * s[1], rows = s[2], H = s[3], d = s[4], half = d / 2;
  const auto* first = call.inputs[1].as<const std::int32_t>();
  const Rotary& a = call.attribute<Rotary>();
  double* frequency = thread_scratch<double, Scratch::kRowSums>(half);
  for (std::int64_t i = 0; i < half; ++i)
    frequency[i] = std::pow(a.base, -2.0 * static_cast<double>(i) / static_cast<double>(d));
  const auto turns_at = [&](std::int64_t position, T* turns) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * frequency[i];
      turns[i] = static_cast<T>(std::cos(angle));
      turns[half + i] = static_cast<T>(a.direction * std::sin(angle));
    }
  };
  std::int64_t lowest = 0, count = 0;
  if (sequences > 0) {
    const auto [least, most] = std::minmax_element(first, first + sequences);
    lowest = *least;
    count = *most + rows - lowest;
  }
  const bool tabled = count <= sequences * rows;
  T* table = thread_scratch<T, Scratch::kTurns>(tabled ? count * d : 0);
  if (tabled) for_rows(count, 32 * d, team, [&](std::int64_t i) { turns_at(lowest + i, table + i * d); });
  for_rows(sequences * rows, (tabled ? 2 : 32) * H * d, team, [&](std::int64_t row) {
    const std::int64_t position = first[row / rows] + row % rows;
    const T* turns = table + (position - lowest) * d;
    if (!tabled) {
      T* own = thread_scratch<T, Scratch::kRows>(d);
      turns_at(position, own);
      turns = own;
    }
    for (std::int64_t h = row * H; h < (row + 1) * H; ++h)
      turn(call.inputs[0].as<const T>() + h * d, turns, half, call.outputs[0].as<T>() + h * d);
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

std::vector<Tensor> rotary_rule(Graph& g, const Node& node, std::span<const Tensor> d);
constexpr Op kRotary{
    .name = "rotary", .gradient = rotary_rule, .cpu = by_type<rotate<float>, rotate<double>>};

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

}  // namespace hardy::ops
