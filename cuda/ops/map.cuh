// Kernels made of pointwise functors (engine/ops/pointwise.h): the same source as on the CPU, value and
// partial derivatives. A family of functors is registered by one small .cu file:
//
//   #include "cuda/ops/map.cuh"
//   #include "algorithms/offline/formulas.h"
//   const RegisterMap<algorithms::Huber, 2> huber;
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/slope.h"

namespace hardy::cuda {

// How M operands lie beside the output: the output's axes with equal stretching merged, innermost first, and
// each operand's step along them (0: it stands still). No axes: all operands have the output's shape.
template <int M>
struct Operands {
  const void* data[M] = {};
  int axes = 0;
  std::uint32_t sizes[Shape::kMaxRank] = {};
  std::uint32_t steps[M][Shape::kMaxRank] = {};

  Operands() = default;
  Operands(const Shape& out, std::span<const graph::Buffer> inputs) {
    if (out.elements() >= (std::int64_t{1} << 31))
      throw Error("a pointwise op of 2^31 elements or more", out.str());
    bool flat = true;
    for (int m = 0; m < M; ++m) {
      data[m] = inputs[static_cast<std::size_t>(m)].data;
      flat = flat && inputs[static_cast<std::size_t>(m)].shape == out;
    }
    if (flat) return;
    std::uint32_t behind[M];  // elements of operand m in one step of the axis
    for (int m = 0; m < M; ++m) behind[m] = 1;
    for (int axis = out.rank() - 1; axis >= 0; --axis) {
      if (out[axis] == 1) continue;
      const auto size = static_cast<std::uint32_t>(out[axis]);
      bool joins = axes > 0;
      std::uint32_t step[M];
      for (int m = 0; m < M; ++m) {
        const Shape& s = inputs[static_cast<std::size_t>(m)].shape;
        const bool moves = s.rank() == out.rank() && s[axis] == out[axis];
        step[m] = moves ? behind[m] : 0;
        if (axes > 0) joins = joins && (step[m] != 0) == (steps[m][axes - 1] != 0);
        if (moves) behind[m] *= size;
      }
      if (joins) {
        sizes[axes - 1] *= size;
        continue;
      }
      sizes[axes] = size;
      for (int m = 0; m < M; ++m) steps[m][axes] = step[m];
      ++axes;
    }
    if (axes == 0) {  // one element
      axes = 1;
      sizes[0] = 1;
      for (int m = 0; m < M; ++m) steps[m][0] = 0;
    }
  }

  template <class T>
  __device__ void read(std::uint32_t i, T (&x)[M]) const {
    std::uint32_t at[M];
    for (int m = 0; m < M; ++m) at[m] = axes == 0 ? i : 0;
    for (int axis = 0; axis < axes; ++axis) {
      const std::uint32_t index = axis + 1 < axes ? i % sizes[axis] : i;
      i /= sizes[axis];
      for (int m = 0; m < M; ++m) at[m] += index * steps[m][axis];
    }
    for (int m = 0; m < M; ++m) x[m] = static_cast<const T*>(data[m])[at[m]];
  }
};

template <class F, int N, class T, std::size_t... I>
__device__ T value_of(const F& f, const T (&x)[N], std::index_sequence<I...>) {
  return static_cast<T>(f(x[I]...));
}
template <class F, int N, class T>
__global__ void map_kernel(F f, const __grid_constant__ Operands<N> in, T* out, std::int64_t n) {
  for (const std::int64_t i : every(n)) {
    T x[N];
    in.read(static_cast<std::uint32_t>(i), x);
    out[i] = value_of(f, x, std::make_index_sequence<N>());
  }
}

template <class F, int N>
void map_op(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  with_float(out.type, [&](auto t) {
    using T = decltype(t);
    launch(F::kName, map_kernel<F, N, T>, blocks_for(out.elements()), kThreads, stream, call.attribute<F>(),
           Operands<N>(out.shape, call.inputs), out.as<T>(), out.elements());
  });
}
// Registers F of N operands and, unless the functor knows a cheaper form, its partial derivatives and theirs.
template <class F, int N>
struct RegisterMap {
  RegisterMap() {
    add<F, N>("");
    if constexpr (!requires { &F::gradient; }) slopes(std::make_integer_sequence<int, N>());
  }

 private:
  template <class G, int M>
  static void add(const std::string& derivative) {
    graph::RegisterKernel(kBackend, G::kName + derivative, map_op<G, M>);
  }
  template <int... J>
  static void slopes(std::integer_sequence<int, J...>) {
    (slope<J>(std::make_integer_sequence<int, N - J>()), ...);
  }
  template <int J, int... K>  // second derivatives by J and J + K: the others are the same ones
  static void slope(std::integer_sequence<int, K...>) {
    using D = ops::Slope<F, N, J>;
    const std::string by = "/d" + std::to_string(J);
    add<D, N + 1>(by);
    (add<ops::Slope<D, N + 1, J + K>, N + 2>(by + "/d" + std::to_string(J + K)), ...);
  }
};

}  // namespace hardy::cuda
