// The machine's vectors, by the compiler's vector extensions: one text for AVX-512, AVX2 and NEON. A fused
// multiply-add is said, never left to the compiler: where it fuses and where not would decide an element's
// bits.
#pragma once

#include <cstdint>

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
template <class T>
inline typename VectorOf<T>::type broadcast(T x) {
  return x - typename VectorOf<T>::type{};  // minus zero keeps every x, -0 included
}

// a * b + acc, fused where the machine has it.
template <class T, class V>
inline V fused(V a, V b, V acc) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)acc);
  else
    return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)acc);
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
  return fused<T>(broadcast<T>(a), b, acc);
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

}  // namespace hardy::simd
