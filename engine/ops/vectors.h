// Vectors over any number of elements.
#pragma once

#include <cstdint>

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

}  // namespace hardy::ops::detail
