// A chain of pointwise ops in one launch (graph::ChainLink): a thread to an element goes through the links,
// each a functor chosen by its code. A functor is known here if it is in the list that one source
// instantiates (cuda/formulas/chains.cu); all others, users' own among them, are launches of their own
// (cuda/ops/map.cuh).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda/ops/map.cuh"

namespace hardy::cuda {

// A functor of N operands, on the memory that holds its attributes.
template <class F, int N>
struct Entry {
  static constexpr std::size_t kAttributes = std::is_empty_v<F> ? 0 : sizeof(F);
  static graph::Op op() { return {.name = F::kName, .derivatives = ops::kDerivatives<F>}; }
  static __device__ float value(const std::byte* attributes, const float (&x)[graph::kMostLinkOperands]) {
    return of(*reinterpret_cast<const F*>(attributes), x, std::make_index_sequence<N>());
  }

 private:
  template <std::size_t... I>
  static __device__ float of(const F& f, const float (&x)[graph::kMostLinkOperands],
                             std::index_sequence<I...>) {
    return static_cast<float>(f(x[I]...));
  }
};

template <class... E>
struct Entries {
  using Types = std::tuple<E...>;
  template <class... More>
  friend constexpr Entries<E..., More...> operator+(Entries<E...>, Entries<More...>) {
    return {};
  }
};
// The functor itself and, unless it knows a cheaper form, its first derivatives.
template <class F, int N>
constexpr auto functor() {
  if constexpr (requires { &F::gradient; })
    return Entries<Entry<F, N>>();
  else
    return []<int... J>(std::integer_sequence<int, J...>) {
      return Entries<Entry<F, N>, Entry<ops::Slope<F, N, J>, N + 1>...>();
    }
  (std::make_integer_sequence<int, N>());
}

// What the launch is told: links, and the operands that they take from memory.
struct Chain {
  static constexpr int kLinks = graph::kMostLinks, kArguments = graph::kMostLinkOperands,
                       kOperands = graph::kMostChainOperands;
  struct Link {
    alignas(8) std::byte attributes[24];
    float* out;  // null: other links alone read it
    std::int32_t code, arguments;
    std::int32_t from[kArguments];  // a link's number, or kLinks + an operand's
  };
  Link links[kLinks];
  Operands<1> operands[kOperands];
  int count = 0;
};

// The value of the entry number `code`, which is one of [begin, end): found by halves.
template <class All, int begin, int end>
__device__ float value_of(int code, const std::byte* attributes, const float (&x)[graph::kMostLinkOperands]) {
  if constexpr (end - begin == 1) {
    return std::tuple_element_t<begin, typename All::Types>::value(attributes, x);
  } else {
    constexpr int middle = (begin + end) / 2;
    return code < middle ? value_of<All, begin, middle>(code, attributes, x)
                         : value_of<All, middle, end>(code, attributes, x);
  }
}

// Known: a type whose known() gives the entries.
template <class Known>
__global__ void __launch_bounds__(kThreads)
    chain_kernel(const __grid_constant__ Chain chain, std::int64_t n) {
  using All = decltype(Known::known());
  __shared__ float made[Chain::kLinks][kThreads];  // by link, of this thread's element
  for (const std::int64_t i : every(n))
    for (int k = 0; k < chain.count; ++k) {
      const Chain::Link& link = chain.links[k];
      float x[Chain::kArguments];
#pragma unroll
      for (int m = 0; m < Chain::kArguments; ++m) {
        x[m] = 0;
        if (m >= link.arguments) continue;
        if (link.from[m] < Chain::kLinks) {
          x[m] = made[link.from[m]][threadIdx.x];
        } else {
          float operand[1];
          chain.operands[link.from[m] - Chain::kLinks].read(static_cast<std::uint32_t>(i), operand);
          x[m] = operand[0];
        }
      }
      const float y = value_of<All, 0, std::tuple_size_v<typename All::Types>>(link.code, link.attributes, x);
      made[k][threadIdx.x] = y;
      if (link.out) link.out[i] = y;
    }
}

template <class... E>
constexpr auto attribute_bytes(Entries<E...>) {
  return std::array{E::kAttributes...};
}
template <class Known>
void run_chain(std::span<const graph::ChainLink> links, device::Stream& stream) {
  Chain chain;
  int operands = 0;
  const std::int64_t n = links.front().call.outputs[0].elements();
  static constexpr auto kBytes = attribute_bytes(Known::known());
  static_assert(std::ranges::max(kBytes) <= sizeof(Chain::Link::attributes));
  for (const graph::ChainLink& from : links) {
    Chain::Link& link = chain.links[chain.count++];
    link.code = from.code;
    link.arguments = static_cast<int>(from.makers.size());
    link.out = from.call.outputs[0].as<float>();
    std::copy_n(from.call.attributes, kBytes[static_cast<std::size_t>(from.code)], link.attributes);
    for (std::size_t m = 0; m < from.makers.size(); ++m) {
      link.from[m] = from.makers[m] >= 0 ? from.makers[m] : Chain::kLinks + operands;
      if (from.makers[m] < 0)
        chain.operands[operands++] = Operands<1>(from.call.outputs[0].shape, from.call.inputs.subspan(m, 1));
    }
  }
  launch("chain", chain_kernel<Known>, blocks_for(n), kThreads, stream, chain, n);
}

// The ops' keys, in the order of their codes.
template <class... E>
std::vector<std::string> keys_of(Entries<E...>) {
  return {graph::kernel_key(E::op())...};
}
template <class Known>
graph::Chains chains_of() {
  graph::Chains chains{run_chain<Known>, {}};
  for (const std::string& key : keys_of(Known::known()))
    chains.codes.emplace(key, static_cast<int>(chains.codes.size()));
  return chains;
}

}  // namespace hardy::cuda
