// Pointwise maps from functors. A formula is written once, templated on its scalar:
//
//   struct Expectile {
//     static constexpr const char* kName = "expectile";
//     float tau;
//     template <class S> constexpr S operator()(S advantage) const {
//       return math::where(advantage < S(0), S(1 - tau), S(tau)) * math::square(advantage);
//     }
//   };
//   Tensor loss = ops::map(g, Expectile{0.7f}, advantage);
//
// On numbers it is the value, on dual numbers (engine/base/dual.h) its partial derivatives, on duals of duals
// the second ones; the gradient ops below are made from it (engine/ops/slope.h). `constexpr` lets the very
// same source be compiled for other devices (cuda/ops/map.cuh). Operands have equal rank, axes of 1 are
// stretched; a value of shape [1] goes with anything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "engine/base/dual.h"
#include "engine/graph/graph.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slope.h"

namespace hardy::ops {

using graph::Buffer;
using graph::Graph;
using graph::KernelCall;
using graph::Node;
using graph::Op;
using graph::Tensor;

// The shape that the operands stretch to; a shape error that names `op` if they do not fit.
Shape broadcast_shape(const Graph& g, const char* op, std::span<const Tensor> operands);

namespace detail {

inline constexpr std::int64_t kBlock = 256;

// How M operands are walked beside an output: neighbouring axes with the same stretching are merged;
// the innermost group is a run over which each operand either advances by one or stands still.
template <int M>
struct Walk {
  int outer = 0;                                     // groups outside the innermost one
  std::int64_t run = 1;                              // length of the innermost group
  std::array<std::int64_t, Shape::kMaxRank> dims{};  // of the outer groups
  std::array<std::array<std::int64_t, Shape::kMaxRank>, static_cast<std::size_t>(M)> strides{};
  std::array<bool, static_cast<std::size_t>(M)> moves{};  // in the innermost group

  Walk(const Shape& out, std::span<const Buffer> inputs) {
    std::array<std::int64_t, Shape::kMaxRank> sizes{};
    std::array<std::array<bool, static_cast<std::size_t>(M)>, Shape::kMaxRank> full{};
    int groups = 0;
    for (int axis = out.rank() - 1; axis >= 0; --axis) {  // innermost group first
      if (out[axis] == 1) continue;
      std::array<bool, static_cast<std::size_t>(M)> f{};
      for (std::size_t i = 0; i < M; ++i)
        f[i] = inputs[i].shape.rank() == out.rank() && inputs[i].shape[axis] == out[axis];
      const auto last = static_cast<std::size_t>(groups - 1);
      if (groups && full[last] == f) {
        sizes[last] *= out[axis];
      } else {
        sizes[static_cast<std::size_t>(groups)] = out[axis];
        full[static_cast<std::size_t>(groups++)] = f;
      }
    }
    if (groups == 0) return;
    run = sizes[0];
    outer = groups - 1;
    for (std::size_t i = 0; i < M; ++i) {
      moves[i] = full[0][i];
      std::int64_t stride = full[0][i] ? sizes[0] : 1;
      for (int group = 1; group < groups; ++group) {
        const auto at = static_cast<std::size_t>(group);
        strides[i][at - 1] = full[at][i] ? stride : 0;
        if (full[at][i]) stride *= sizes[at];
      }
    }
    for (int group = 1; group < groups; ++group)
      dims[static_cast<std::size_t>(group - 1)] = sizes[static_cast<std::size_t>(group)];
  }
};

// Calls body(in, out, n) over the output's elements [begin, end) in blocks that every operand reads
// contiguously; operands that stand still are spread over a block first.
template <class T, int M, class Body>
void walk_blocks(const KernelCall& call, std::int64_t begin, std::int64_t end, Body&& body) {
  T* const out = call.outputs[0].as<T>();
  std::array<const T*, static_cast<std::size_t>(M)> in{};
  bool flat = true;
  for (std::size_t i = 0; i < M; ++i) flat = flat && call.inputs[i].shape == call.outputs[0].shape;
  if (flat) {
    for (std::size_t i = 0; i < M; ++i) in[i] = call.inputs[i].as<const T>() + begin;
    body(in, out + begin, end - begin);
    return;
  }
  const Walk<M> walk(call.outputs[0].shape, call.inputs);
  T spread[static_cast<std::size_t>(M)][kBlock];
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t within = at % walk.run, n = std::min(end - at, walk.run - within);
    std::int64_t rest = at / walk.run;
    std::array<std::int64_t, static_cast<std::size_t>(M)> offset{};
    for (int group = 0; group < walk.outer; ++group) {
      const auto d = static_cast<std::size_t>(group);
      const std::int64_t index = rest % walk.dims[d];
      rest /= walk.dims[d];
      for (std::size_t i = 0; i < M; ++i) offset[i] += index * walk.strides[i][d];
    }
    for (std::size_t i = 0; i < M; ++i)
      if (!walk.moves[i])
        std::fill_n(spread[i], std::min(n, kBlock), call.inputs[i].as<const T>()[offset[i]]);
    for (std::int64_t done = 0; done < n; done += kBlock) {
      for (std::size_t i = 0; i < M; ++i)
        in[i] = walk.moves[i] ? call.inputs[i].as<const T>() + offset[i] + within + done : spread[i];
      body(in, out + at + done, std::min(kBlock, n - done));
    }
    at += n;
  }
}

template <class F, int N, class T, std::size_t... I>
void map_range(const KernelCall& call, std::int64_t begin, std::int64_t end, std::index_sequence<I...>) {
  const F f = call.attribute<F>();
  walk_blocks<T, N>(call, begin, end, [f](const auto& in, T* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(f(in[I][i]...));
  });
}

template <class F, int N>
void map_kernel(const KernelCall& call, std::int64_t begin, std::int64_t end) {
  if (call.outputs[0].type == DType::kF64)
    map_range<F, N, double>(call, begin, end, std::make_index_sequence<N>());
  else
    map_range<F, N, float>(call, begin, end, std::make_index_sequence<N>());
}

// A node of `op` with the attributes of `node` and its output's shape, summed to the shape of `like`.
inline Tensor apply_map(Graph& g, const Op& op, const Node& node, const std::vector<Tensor>& operands,
                        Tensor like) {
  const std::pair<DType, Shape> out{g.type(node.outputs[0]), g.shape(node.outputs[0])};
  const Shape shape = g.shape(like);
  return sum_to(
      g, g.apply(op, operands, std::span(&out, 1), node.attributes.data(), node.attributes.size())[0], shape);
}

// A formula is differentiated at most twice: of its second derivatives there is no rule.
template <class F, int N>
constexpr graph::GradientRule map_rule();
template <class F, int N>
inline constexpr Op kMap{.name = F::kName,
                         .gradient = map_rule<F, N>(),
                         .cpu_range = map_kernel<F, N>,
                         .derivatives = kDerivatives<F>};

// dy times the slopes of F's N operands, each summed to its operand's shape.
template <class F, int N>
struct MapGradient {
  static std::vector<Tensor> rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
    if constexpr (requires { F::gradient(g, node, dy[0]); })  // a cheaper form that the functor knows
      return F::gradient(g, node, dy[0]);
    else
      return slopes(g, node, dy[0], std::make_index_sequence<N>());
  }
  template <std::size_t... J>
  static std::vector<Tensor> slopes(Graph& g, const Node& node, Tensor dy, std::index_sequence<J...>) {
    std::vector<Tensor> operands(node.inputs);
    operands.push_back(dy);
    return {apply_map(g, kMap<Slope<F, N, static_cast<int>(J)>, N + 1>, node, operands, node.inputs[J])...};
  }
};
// A slope dy df/dx_J is linear in dy, its last operand, and what two operands do to f is symmetric: the
// kernels of J <= K serve both.
template <class F, int N, int J>
struct MapGradient<Slope<F, N, J>, N + 1> {
  static std::vector<Tensor> rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
    return slopes(g, node, dy[0], std::make_index_sequence<N>());
  }
  template <std::size_t... K>
  static std::vector<Tensor> slopes(Graph& g, const Node& node, Tensor dy, std::index_sequence<K...>) {
    std::vector<Tensor> operands(node.inputs);
    operands.push_back(dy);
    std::vector<Tensor> linear(node.inputs);
    linear.back() = dy;
    return {apply_map(g, second<static_cast<int>(K)>(), node, operands, node.inputs[K])...,
            apply_map(g, kMap<Slope<F, N, J>, N + 1>, node, linear, node.inputs[N])};
  }
  template <int K>
  static const Op& second() {
    return kMap<Slope<Slope<F, N, std::min(J, K)>, N + 1, std::max(J, K)>, N + 2>;
  }
};
template <class F, int N>
constexpr graph::GradientRule map_rule() {
  if constexpr (kDerivatives<F>[1] >= 0)
    return nullptr;
  else
    return MapGradient<F, N>::rule;
}

DType common_float_type(const Graph& g, const char* op, std::span<const Tensor> operands);

}  // namespace detail

// f applied to every element of the (stretched) operands, f32 or f64.
template <class F, class... Tensors>
Tensor map(Graph& g, const F& f, Tensors... inputs) {
  static_assert(std::is_trivially_copyable_v<F>);
  constexpr int n = sizeof...(Tensors);
  const std::array<Tensor, n> operands{inputs...};
  const std::pair<DType, Shape> out{detail::common_float_type(g, F::kName, operands),
                                    broadcast_shape(g, F::kName, operands)};
  return g.apply(detail::kMap<F, n>, operands, std::span(&out, 1), &f, sizeof(F))[0];
}

}  // namespace hardy::ops
