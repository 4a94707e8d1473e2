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

// Operands of one map at most: five, and two more for its second derivatives' dy.
inline constexpr int kMostOperands = 8;

// What a map does with n neighbouring elements: out[i] from in[0][i], in[1][i], ...
template <class T>
using Block = void (*)(const void* formula, const T* const* in, T* out, std::int64_t n);

// Calls block over the output's elements [begin, end) in pieces that each of the operands reads contiguously;
// operands that stand still are spread over a piece first. f32 and f64 (pointwise.cc).
template <class T>
void walk_blocks(const KernelCall& call, int operands, std::int64_t begin, std::int64_t end, Block<T> block,
                 const void* formula = nullptr);

// The loops alone are compiled for every formula; the walk is shared.
template <class F, int N, class T>
void map_block(const void* formula, const T* const* in, T* out, std::int64_t n) {
  const F f = *static_cast<const F*>(formula);
  const auto loop = [&]<std::size_t... I>(std::index_sequence<I...>) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(f(in[I][i]...));
  };
  loop(std::make_index_sequence<N>());
}

template <class F, int N>
void map_kernel(const KernelCall& call, std::int64_t begin, std::int64_t end) {
  static_assert(N <= kMostOperands);
  if (call.outputs[0].type == DType::kF64)
    walk_blocks<double>(call, N, begin, end, map_block<F, N, double>, call.attributes);
  else
    walk_blocks<float>(call, N, begin, end, map_block<F, N, float>, call.attributes);
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
