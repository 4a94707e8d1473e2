#include "engine/ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

// Keys are taken in blocks of this many, each with a largest score of its own; a row's blocks begin at key 0,
// so that its sums run in the same order however many rows there are.
constexpr std::int64_t kKeys = 64;

// Where the numbers of one head of one sequence are. Rows of q and of the output lie q_step apart, of k and v
// k_step.
struct Sizes {
  std::int64_t A, S, T, U, H, G, d, q_step, k_step;
  explicit Sizes(const Buffer& q, const Buffer& k)
      : A(q.shape[0]),
        S(q.shape[1]),
        T(q.shape[2]),
        U(k.shape[2]),
        H(q.shape[3]),
        G(k.shape[3]),
        d(q.shape[4]),
        q_step(H * d),
        k_step(G * d) {}
  std::int64_t rows_at(std::int64_t sequence, std::int64_t head) const {
    return (sequence * T * H + head) * d;
  }
  std::int64_t keys_at(std::int64_t sequence, std::int64_t group) const {
    return (sequence * U * G + group) * d;
  }
};

template <class T>
T dot(const T* x, const T* y, std::int64_t n) {
  return sum_of<T>(n, [&](std::int64_t i) { return x[i] * y[i]; });
}
template <class T>
void add_scaled(T* y, const T* x, T scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

// One row: sum_j e^{s_j - top} v_j / sum_j e^{s_j - top}, s_j = scale q . k_j over `keys` keys. Returns
// log sum_j e^{s_j}.
template <class T>
T attend(const T* q, const T* k, const T* v, std::int64_t keys, const Sizes& n, T scale, T* out) {
  std::fill_n(out, n.d, T(0));
  T top = -HUGE_VAL, total = 0;
  std::array<T, kKeys> weight;
  for (std::int64_t begin = 0; begin < keys; begin += kKeys) {
    const std::int64_t count = std::min(kKeys, keys - begin);
    T largest = top;
    for (std::int64_t j = 0; j < count; ++j) {
      weight[static_cast<std::size_t>(j)] = scale * dot(q, k + (begin + j) * n.k_step, n.d);
      largest = larger(largest, weight[static_cast<std::size_t>(j)]);
    }
    const T shrink = std::exp(top - largest);
    top = largest;
    total *= shrink;
    for (std::int64_t i = 0; i < n.d; ++i) out[i] *= shrink;
    for (std::int64_t j = 0; j < count; ++j) {
      const T e = std::exp(weight[static_cast<std::size_t>(j)] - top);
      total += e;
      add_scaled(out, v + (begin + j) * n.k_step, e, n.d);
    }
  }
  for (std::int64_t i = 0; i < n.d; ++i) out[i] /= total;
  return top + std::log(total);
}

// q, k, v, first, last -> y, and log sum_j e^{s_j} of every row, which the gradient needs.
template <class T>
void forward(const KernelCall& call, ThreadTeam& team) {
  const Sizes n(call.inputs[0], call.inputs[1]);
  const T scale = T(1) / std::sqrt(static_cast<T>(n.d));
  const auto *first = call.inputs[3].as<const std::int32_t>(),
             *last = call.inputs[4].as<const std::int32_t>();
  team.run(n.A * n.S * n.H, [&](std::int64_t task) {
    const std::int64_t sequence = task / n.H, head = task % n.H;
    const std::int64_t rows = n.rows_at(sequence, head), keys = n.keys_at(sequence, head / (n.H / n.G));
    for (std::int64_t t = 0; t < n.T; ++t) {
      T* y = call.outputs[0].as<T>() + rows + t * n.q_step;
      T& log_sum = call.outputs[1].as<T>()[(sequence * n.T + t) * n.H + head];
      const std::int64_t position = first[sequence] + t;
      if (position < last[sequence] && position < n.U) {
        log_sum =
            attend(call.inputs[0].as<const T>() + rows + t * n.q_step, call.inputs[1].as<const T>() + keys,
                   call.inputs[2].as<const T>() + keys, position + 1, n, scale, y);
      } else {
        std::fill_n(y, n.d, T(0));
        log_sum = 0;
      }
    }
  });
}

// dy, q, k, v, y, log sums, first, last -> dq, dk, dv. With p_j = e^{s_j - log sum} and D = dy . y:
// dv_j = sum p_j dy, ds_j = p_j (dy . v_j - D), dq = scale sum_j ds_j k_j, dk_j = scale sum ds_j q, the sums
// over rows in their order, the heads of a group one after the other.
template <class T>
void backward(const KernelCall& call, ThreadTeam& team) {
  const Sizes n(call.inputs[1], call.inputs[2]);
  const T scale = T(1) / std::sqrt(static_cast<T>(n.d));
  const auto *first = call.inputs[6].as<const std::int32_t>(),
             *last = call.inputs[7].as<const std::int32_t>();
  team.run(n.A * n.S * n.G, [&](std::int64_t task) {
    const std::int64_t sequence = task / n.G, group = task % n.G, keys = n.keys_at(sequence, group);
    const T *k = call.inputs[2].as<const T>() + keys, *v = call.inputs[3].as<const T>() + keys;
    T *dk = call.outputs[1].as<T>() + keys, *dv = call.outputs[2].as<T>() + keys;
    for (std::int64_t j = 0; j < n.U; ++j) {
      std::fill_n(dk + j * n.k_step, n.d, T(0));
      std::fill_n(dv + j * n.k_step, n.d, T(0));
    }
    for (std::int64_t head = group * (n.H / n.G); head < (group + 1) * (n.H / n.G); ++head)
      for (std::int64_t t = 0; t < n.T; ++t) {
        const std::int64_t at = n.rows_at(sequence, head) + t * n.q_step, position = first[sequence] + t;
        const T *dy = call.inputs[0].as<const T>() + at, *q = call.inputs[1].as<const T>() + at;
        T* dq = call.outputs[0].as<T>() + at;
        std::fill_n(dq, n.d, T(0));
        if (position >= last[sequence] || position >= n.U) continue;
        const T log_sum = call.inputs[5].as<const T>()[(sequence * n.T + t) * n.H + head];
        const T D = dot(dy, call.inputs[4].as<const T>() + at, n.d);
        for (std::int64_t j = 0; j <= position; ++j) {
          const T *kj = k + j * n.k_step, *vj = v + j * n.k_step;
          const T p = std::exp(scale * dot(q, kj, n.d) - log_sum);
          const T ds = scale * (p * (dot(dy, vj, n.d) - D));
          add_scaled(dv + j * n.k_step, dy, p, n.d);
          add_scaled(dq, kj, ds, n.d);
          add_scaled(dk + j * n.k_step, q, ds, n.d);
        }
      }
  });
}

template <class T>
void rotate(const KernelCall& call, ThreadTeam& team) {
  const Shape& s = call.inputs[0].shape;
  const std::int64_t rows = s[2], H = s[3], d = s[4], half = d / 2;
  const auto* first = call.inputs[1].as<const std::int32_t>();
  const Rotary& a = call.attribute<Rotary>();
  for_rows(s[0] * s[1] * rows, 8 * H * d, team, [&](std::int64_t row) {
    const std::int64_t sequence = row / rows, t = row % rows;
    const auto position = static_cast<double>(first[sequence] + t);
    const T* x = call.inputs[0].as<const T>() + row * H * d;
    T* y = call.outputs[0].as<T>() + row * H * d;
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle =
          position * std::pow(a.base, -2.0 * static_cast<double>(i) / static_cast<double>(d));
      const T c = static_cast<T>(std::cos(angle)), sine = static_cast<T>(a.direction * std::sin(angle));
      for (std::int64_t h = 0; h < H; ++h) {
        const T u = x[h * d + i], w = x[h * d + i + half];
        y[h * d + i] = u * c - w * sine;
        y[h * d + i + half] = w * c + u * sine;
      }
    }
  });
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

constexpr Op kAttentionGradient{.name = "attention_gradient",
                                .cpu = by_type<backward<float>, backward<double>>};

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
constexpr Op kAttention{
    .name = "attention", .gradient = attention_rule, .cpu = by_type<forward<float>, forward<double>>};

std::vector<Tensor> rotary_rule(Graph& g, const Node& node, std::span<const Tensor> d);
constexpr Op kRotary{
    .name = "rotary", .gradient = rotary_rule, .cpu = by_type<rotate<float>, rotate<double>>};

// The other way round.
std::vector<Tensor> rotary_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  Rotary back = node.attribute<Rotary>();
  back.direction = -back.direction;
  return {g.apply(kRotary, {d[0], node.inputs[1]}, g.type(d[0]), g.shape(d[0]), back), {}};
}

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

Tensor rotary(Graph& g, Tensor x, Tensor first, double base) {
  const std::array operands{x, first};
  const DType type = detail::common_float_type(g, "rotary", std::span(operands).first(1));
  const Shape s = g.shape(x);
  if (s.rank() != 5 || s[4] % 2 != 0 || !are_positions(g, first, s) || !(base > 0))
    g.shape_error("rotary", "x [A, S, T, H, d], d even, needs i32 [A, S] and a base above 0", operands);
  return g.apply(kRotary, {x, first}, type, s, Rotary{base, 1});
}

}  // namespace hardy::ops
