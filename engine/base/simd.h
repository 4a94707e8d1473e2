// The machine's vectors, by the compiler's vector extensions: one text for AVX-512, AVX2 and NEON. A fused
// multiply-add is said, never left to the compiler: where it fuses and where not would decide an element's
// bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace hardy::simd {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
  typedef T unaligned __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
};

template <class T>
inline typename VectorOf<T>::type load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(from);
}
template <class T>
inline void store(T* to, typename VectorOf<T>::type x) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(to) = x;
}
// The same of a vector of any width.
template <class V, class T>
inline V load_as(const T* from) {
  V x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}
template <class V, class T>
inline void store_as(T* to, V x) {
  __builtin_memcpy(to, &x, sizeof x);
}
template <class T>
inline typename VectorOf<T>::type broadcast(T x) {
  return x - typename VectorOf<T>::type{};  // minus zero keeps every x, -0 included
}

// a * b + acc, fused where the machine has it; with AVX-512 of half vectors too.
template <class T, class V>
inline V fused(V a, V b, V acc) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(T) == 4)
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)acc);
  else if constexpr (sizeof(V) == 64)
    return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)acc);
  else if constexpr (sizeof(T) == 4)
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)acc);
  else
    return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)acc);
#elif defined(__AVX2__) && defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)acc);
  else
    return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)acc);
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return (V)vfmaq_f32((float32x4_t)acc, (float32x4_t)a, (float32x4_t)b);
  else
    return (V)vfmaq_f64((float64x2_t)acc, (float64x2_t)a, (float64x2_t)b);
#else
  return acc + a * b;
#endif
}
template <class V, class T>
inline V multiply_add(T a, V b, V acc) {
  return fused<T>(a - V{}, b, acc);  // as broadcast()
}
// The same for one element, with the same bits.
template <class T>
inline T multiply_add_scalar(T a, T b, T acc) {
#if defined(__FMA__) || defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return __builtin_fmaf(a, b, acc);
  else
    return __builtin_fma(a, b, acc);
#else
  return acc + a * b;
#endif
}

// What e^x is computed with: below `least` it is 0.
template <class T>
struct Exponential;
template <>
struct Exponential<double> {
  using Int = std::int64_t;
  typedef Int Ints __attribute__((vector_size(kVectorBytes)));
  static constexpr double least = -708,
                          round = 0x1.8p52;  // adding it leaves the rounded integer in the last bits
  static constexpr double ln2_high = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;
  static constexpr int mantissa = 52;
  static constexpr double factorials[] = {6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0,
                                          40320.0,      5040.0,      720.0,      120.0,     24.0,
                                          6.0,          2.0,         1.0,        1.0};
};
template <>
struct Exponential<float> {
  using Int = std::int32_t;
  typedef Int Ints __attribute__((vector_size(kVectorBytes)));
  static constexpr float least = -87, round = 0x1.8p23f;
  // Few enough bits that n ln2_high is exact where nothing is fused.
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr int mantissa = 23;
  static constexpr double factorials[] = {5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0};
};

// e^x of a vector or of one number, with the same bits, to about one unit in the last place (f64: where
// multiply-adds are fused, else |x| / 2 units more); x <= 709 (f64),
// 88 (f32). A NaN stays one. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its series to r^13 (r^7), whose rest
// is below a tenth of a unit; times 2^n.
template <class T, class V>
inline V exp(V x) {
  using E = Exponential<T>;
  using Int = std::conditional_t<std::is_same_v<V, T>, typename E::Int, typename E::Ints>;
  const auto all = [](T y) {
    if constexpr (std::is_same_v<V, T>)
      return y;
    else
      return broadcast<T>(y);
  };
  const auto fma = [](V a, V b, V c) {
    if constexpr (std::is_same_v<V, T>)
      return multiply_add_scalar<T>(a, b, c);
    else
      return fused<T>(a, b, c);
  };
  const V least = all(E::least), round = all(E::round), safe = x < least ? least : x;
  const V shifted = fma(safe, all(T(1.4426950408889634)), round), n = shifted - round;
  V r = fma(n, all(-E::ln2_high), safe);
  r = fma(n, all(-E::ln2_low), r);
  V sum = all(T(1 / E::factorials[0]));
  for (std::size_t i = 1; i < std::size(E::factorials); ++i) sum = fma(sum, r, all(T(1 / E::factorials[i])));
  const auto scaled = (std::bit_cast<Int>(shifted) << E::mantissa) + std::bit_cast<Int>(sum);
  const V all_but_nan = x < least ? all(T(0)) : std::bit_cast<V>(scaled);
  return x != x ? x : all_but_nan;
}

}  // namespace hardy::simd
