// The micro-kernel: a tile of C in registers, kRows rows by kVectors vectors, over all of k.
// Written with the compiler's vector extensions, so that one text serves AVX-512, AVX2 and NEON.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace hardy::detail {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kTileRows = 12, kTileVectors = 2;
inline constexpr const char* kKernelName = "avx512 12x32";
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int kVectorBytes = 32, kTileRows = 6, kTileVectors = 2;
inline constexpr const char* kKernelName = "avx2 6x16";
#else
inline constexpr int kVectorBytes = 16, kTileRows = 4, kTileVectors = 2;
inline constexpr const char* kKernelName = "generic 4x8";
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
  typedef T unaligned __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
};

template <class T>
inline constexpr int kPanel = kTileVectors* VectorOf<T>::kLanes;  // columns of a panel

// a * b + acc, fused where the machine has it. Said with intrinsics: left to contraction, the compiler
// fuses in some tiles and not in others, and an element's bits would depend on its tile.
template <class V, class T>
inline V multiply_add(T a, V b, V acc) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (V)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)acc);
  else
    return (V)_mm512_fmadd_pd(_mm512_set1_pd(a), (__m512d)b, (__m512d)acc);
#elif defined(__AVX2__) && defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return (V)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)acc);
  else
    return (V)_mm256_fmadd_pd(_mm256_set1_pd(a), (__m256d)b, (__m256d)acc);
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return (V)vfmaq_n_f32((float32x4_t)acc, (float32x4_t)b, a);
  else
    return (V)vfmaq_n_f64((float64x2_t)acc, (float64x2_t)b, a);
#else
  return acc + a * b;
#endif
}

// The product of `Rows` rows of A with one packed panel of B [k][Vectors * lanes]; A's element (r, p)
// is a[r * row_stride + p * k_stride]. The tile is written to `tile` [Rows][Vectors * lanes].
template <class T, int Rows, int Vectors>
inline void micro_kernel(std::int64_t k, const T* __restrict a, std::int64_t row_stride,
                         std::int64_t k_stride, const T* __restrict panel, T* __restrict tile) {
  using V = typename VectorOf<T>::type;
  using U = typename VectorOf<T>::unaligned;
  constexpr int lanes = VectorOf<T>::kLanes;
  V acc[Rows][Vectors] = {};
  for (std::int64_t p = 0; p < k; ++p) {
    V b[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      b[v] = *reinterpret_cast<const U*>(panel + p * Vectors * lanes + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const T x = a[r * row_stride + p * k_stride];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) acc[r][v] = multiply_add(x, b[v], acc[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) *reinterpret_cast<U*>(tile + (r * Vectors + v) * lanes) = acc[r][v];
}

}  // namespace hardy::detail
