// Vectors over any number of elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/simd.h"

namespace hardy::ops::detail {

// f(i, count) for every vector of [0, n); the last may have fewer than all lanes.
template <class T, class F>
void for_vectors(std::int64_t begin, std::int64_t end, F&& f) {
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  for (; begin + lanes <= end; begin += lanes) f(begin, lanes);
  if (begin < end) f(begin, end - begin);
}
// `count` elements, the other lanes `rest`.
template <class T>
typename simd::VectorOf<T>::type load_part(const T* from, std::int64_t count, T rest) {
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  if (count == lanes) return simd::load(from);
  alignas(64) T all[lanes];
  for (std::int64_t i = 0; i < lanes; ++i) all[i] = i < count ? from[i] : rest;
  return simd::load(all);
}
template <class T>
void store_part(T* to, std::int64_t count, typename simd::VectorOf<T>::type x) {
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes;
  if (count == lanes) return simd::store(to, x);
  alignas(64) T all[lanes];
  simd::store(all, x);
  for (std::int64_t i = 0; i < count; ++i) to[i] = all[i];
}

// The larger of two in each lane; a NaN on either side is never lost.
template <class V>
V larger_lanes(V a, V b) {
  return ((a >= b) | (a != a)) ? a : b;
}
// Lanes l and l ^ step change places.
template <std::size_t step, class V, std::size_t... l>
V exchanged(V x, std::index_sequence<l...>) {
  return __builtin_shufflevector(x, x, static_cast<int>(l ^ step)...);
}
template <class T, std::size_t step = simd::VectorOf<T>::kLanes / 2>
T largest_lane(typename simd::VectorOf<T>::type x) {
  x = larger_lanes(x, exchanged<step>(x, std::make_index_sequence<simd::VectorOf<T>::kLanes>()));
  if constexpr (step > 1)
    return largest_lane<T, step / 2>(x);
  else
    return x[0];
}
// x with `rest` in the lanes from `count` on.
template <class T>
typename simd::VectorOf<T>::type first_lanes(typename simd::VectorOf<T>::type x, std::int64_t count, T rest) {
  typedef typename simd::Exponential<T>::Ints Ints;
  Ints lane{};
  for (int l = 0; l < simd::VectorOf<T>::kLanes; ++l) lane[l] = l;
  const Ints end = Ints{} + static_cast<typename simd::Exponential<T>::Int>(count);
  return lane < end ? x : simd::broadcast<T>(rest);
}

}  // namespace hardy::ops::detail
