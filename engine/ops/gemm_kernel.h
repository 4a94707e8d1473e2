// The micro-kernels of the matrix products: a tile of C in registers over a piece of k, and its epilogue.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/base/simd.h"

namespace hardy::detail {

using simd::broadcast;
using simd::fused;
using simd::load;
using simd::multiply_add;
using simd::multiply_add_scalar;
using simd::store;
using simd::VectorOf;

// Rows and vectors of a tile of C, as many as the registers hold.
#if defined(__AVX512F__)
inline constexpr int kTileRows = 12, kTileVectors = 2, kAccumulators = 24, kRegisters = 32;
inline constexpr const char* kKernelName = "avx512 12x32";
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int kTileRows = 6, kTileVectors = 2, kAccumulators = 12, kRegisters = 16;
inline constexpr const char* kKernelName = "avx2 6x16";
#elif defined(__aarch64__)
inline constexpr int kTileRows = 8, kTileVectors = 2, kAccumulators = 16, kRegisters = 32;
inline constexpr const char* kKernelName = "neon 8x8";
#else
inline constexpr int kTileRows = 4, kTileVectors = 2, kAccumulators = 8, kRegisters = 16;
inline constexpr const char* kKernelName = "generic 4x8";
#endif

// Columns of B up to which inner products along k are faster than a panel, most of which would be empty.
inline constexpr int kDotColumns = simd::kVectorBytes == 64 ? 8 : simd::kVectorBytes == 32 ? 7 : 4;

// Rows of A that share them: so many sums side by side as hide each other's latency, where registers hold
// them.
template <int Columns>
inline constexpr int kDotRows = [] {
  int rows = (kRegisters / 2 + Columns - 1) / Columns;
  while (rows * Columns + std::min(rows, Columns) + 1 > kRegisters) --rows;
  return rows;
}();

template <class T>
inline constexpr int kPanel = kTileVectors* VectorOf<T>::kLanes;  // columns of a panel

// A panel of B, and with it a tile of C: so many vectors V side by side. What is left over beside the widest
// panels takes narrower ones, with AVX-512 down to half a vector.
template <class T, int Bytes, int Vectors>
struct PanelShape {
  typedef T V __attribute__((vector_size(Bytes)));
  static constexpr int kVectors = Vectors, kColumns = Vectors * Bytes / static_cast<int>(sizeof(T)),
                       kRows = kAccumulators / Vectors;
};
template <class T>
using WidePanel = PanelShape<T, simd::kVectorBytes, kTileVectors>;
template <class T>
using NarrowPanel = PanelShape<T, simd::kVectorBytes, 1>;
template <class T>
using HalfPanel = PanelShape<T, simd::kVectorBytes == 64 ? 32 : simd::kVectorBytes, 1>;

// f(shape) for the panel that begins `columns` >= 1 of B.
template <class T, class F>
inline void with_panel(std::int64_t columns, F&& f) {
  constexpr int narrow = NarrowPanel<T>::kColumns, half = HalfPanel<T>::kColumns;
  if (columns > narrow + half % narrow) return f(WidePanel<T>());
  if constexpr (half < narrow)
    if (columns <= half) return f(HalfPanel<T>());
  f(NarrowPanel<T>());
}

// What becomes of a tile: where it goes, what is added, and on the last piece of k the epilogue.
template <class T>
struct TileEnd {
  T* c;
  std::int64_t ldc;
  bool add;       // C is accumulated into
  const T* bias;  // null unless this is the last piece of k, as the next two
  bool relu;
  const T* mask;
  std::int64_t ldmask;
  bool begin = false;  // the sums begin at C
};

// The product of `Rows` rows of A with Vectors vectors V of B's columns. A's element (r, p) is
// a[r * row_stride + p * k_stride], B's row p begins at b + p * b_stride.
template <class T, int Rows, int Vectors, class V>
inline void micro_kernel(std::int64_t k, const T* __restrict a, std::int64_t row_stride,
                         std::int64_t k_stride, const T* __restrict b, std::int64_t b_stride,
                         const TileEnd<T>& end) {
  constexpr int lanes = sizeof(V) / sizeof(T);
  const auto load = [](const T* from) { return simd::load_as<V>(from); };
  V acc[Rows][Vectors] = {};
  if (end.begin) [[unlikely]]
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v) acc[r][v] = load(end.c + r * end.ldc + v * lanes);
  // A pointer every four rows: the rows between are reached by addressing, which spares registers.
  const T* quad[(Rows + 3) / 4];
  for (int q = 0; q < (Rows + 3) / 4; ++q) quad[q] = a + 4 * q * row_stride;
  // The tile's end is asked for now, so that it has come when the sums are ready; a short sum is ready first.
  if (k > 32)
    for (int r = 0; r < Rows; ++r) __builtin_prefetch(end.c + r * end.ldc, 1);
  if (end.mask)
    for (int r = 0; r < Rows; ++r) __builtin_prefetch(end.mask + r * end.ldmask);
#pragma GCC unroll 2
  for (std::int64_t p = 0; p < k; ++p) {
    V x[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) x[v] = load(b + v * lanes);
#pragma GCC unroll 24
    for (int r = 0; r < Rows; ++r) {
      const T y = quad[r / 4][r % 4 * row_stride];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) acc[r][v] = multiply_add(y, x[v], acc[r][v]);
    }
#pragma GCC unroll 4
    for (int q = 0; q < (Rows + 3) / 4; ++q) quad[q] += k_stride;
    b += b_stride;
  }
  const V zero{};
#define HARDY_FOR_TILE(...)                                       \
  _Pragma("GCC unroll 24") for (int r = 0; r < Rows; ++r)         \
      _Pragma("GCC unroll 8") for (int v = 0; v < Vectors; ++v) { \
    __VA_ARGS__;                                                  \
  }
  if (end.add) HARDY_FOR_TILE(acc[r][v] += load(end.c + r * end.ldc + v * lanes))
  if (end.bias) HARDY_FOR_TILE(acc[r][v] += load(end.bias + v * lanes))
  if (end.relu) HARDY_FOR_TILE(acc[r][v] = acc[r][v] < zero ? zero : acc[r][v])  // NaN stays NaN
  if (end.mask)
    HARDY_FOR_TILE(acc[r][v] = load(end.mask + r * end.ldmask + v * lanes) > zero ? acc[r][v] : zero)
  HARDY_FOR_TILE(simd::store_as(end.c + r * end.ldc + v * lanes, acc[r][v]))
#undef HARDY_FOR_TILE
}

// micro_kernel for a number of rows known only at run time, at most Rows.
template <class T, int Rows, int Vectors, class V = typename VectorOf<T>::type>
inline void tile_of(std::int64_t rows, std::int64_t k, const T* a, std::int64_t row_stride,
                    std::int64_t k_stride, const T* b, std::int64_t b_stride, const TileEnd<T>& end) {
  if (rows == Rows)
    micro_kernel<T, Rows, Vectors, V>(k, a, row_stride, k_stride, b, b_stride, end);
  else if constexpr (Rows > 1)
    tile_of<T, Rows - 1, Vectors, V>(rows, k, a, row_stride, k_stride, b, b_stride, end);
}

#if defined(__AVX2__)
// Eight rows of `from` [8][count] side by side: to[p * stride + r] = from[r * ld + p].
inline void transpose_rows_of_8(const float* from, std::int64_t ld, std::int64_t count, float* to,
                                std::int64_t stride) {
  std::int64_t p = 0;
  for (; p + 8 <= count; p += 8) {
    __m256 x[8], y[8];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {  // rows r and r + 4 share a register, so that halves need no exchange later
      const float *low = from + r * ld + p, *high = from + (r + 4) * ld + p;
      x[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
      x[r + 4] =
          _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)), _mm_loadu_ps(high + 4), 1);
    }
#pragma GCC unroll 2
    for (int h = 0; h < 8; h += 4) {
      const __m256 a = _mm256_unpacklo_ps(x[h], x[h + 1]), b = _mm256_unpackhi_ps(x[h], x[h + 1]);
      const __m256 c = _mm256_unpacklo_ps(x[h + 2], x[h + 3]), d = _mm256_unpackhi_ps(x[h + 2], x[h + 3]);
      y[h] = _mm256_shuffle_ps(a, c, 0x44);
      y[h + 1] = _mm256_shuffle_ps(a, c, 0xee);
      y[h + 2] = _mm256_shuffle_ps(b, d, 0x44);
      y[h + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 8
    for (int q = 0; q < 8; ++q) _mm256_storeu_ps(to + (p + q) * stride, y[q]);
  }
  for (; p < count; ++p)
    for (int r = 0; r < 8; ++r) to[p * stride + r] = from[r * ld + p];
}
#endif

// The first `count` lanes of a vector in memory: what lies behind them is neither read nor written.
template <class T>
class FirstLanes {
  using V = typename VectorOf<T>::type;

 public:
#if defined(__AVX512F__)
  explicit FirstLanes(int count) : mask_((1u << count) - 1) {}
  V load(const T* from) const {
    if constexpr (sizeof(T) == 4)
      return (V)_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask_), from);
    else
      return (V)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask_), from);
  }
  void store(T* to, V x) const {
    if constexpr (sizeof(T) == 4)
      _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask_), (__m512)x);
    else
      _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask_), (__m512d)x);
  }

 private:
  unsigned mask_;
#elif defined(__AVX2__) && defined(__FMA__)
  explicit FirstLanes(int count) {
    alignas(32) static constexpr std::int32_t kOnes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    constexpr int words = sizeof(T) / 4;
    mask_ = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kOnes + 8 - words * count));
  }
  V load(const T* from) const {
    if constexpr (sizeof(T) == 4)
      return (V)_mm256_maskload_ps(from, mask_);
    else
      return (V)_mm256_maskload_pd(from, mask_);
  }
  void store(T* to, V x) const {
    if constexpr (sizeof(T) == 4)
      _mm256_maskstore_ps(to, mask_, (__m256)x);
    else
      _mm256_maskstore_pd(to, mask_, (__m256d)x);
  }

 private:
  __m256i mask_;
#else
  explicit FirstLanes(int count) : count_(count) {}
  V load(const T* from) const {
    V x{};
    for (int i = 0; i < count_; ++i) x[i] = from[i];
    return x;
  }
  void store(T* to, V x) const {
    for (int i = 0; i < count_; ++i) to[i] = x[i];
  }

 private:
  int count_;
#endif
};

// All lanes, where a mask would only cost.
template <class T>
struct AllLanes {
  static typename VectorOf<T>::type load(const T* from) { return simd::load(from); }
  static void store(T* to, typename VectorOf<T>::type x) { simd::store(to, x); }
};
// f(lanes, i) for every vector of `size` elements, the last of which may be a part.
template <class T, class F>
inline void for_vectors(std::int64_t size, F&& f) {
  constexpr std::int64_t lanes = VectorOf<T>::kLanes;
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) f(AllLanes<T>(), i);
  if (i < size) f(FirstLanes<T>(static_cast<int>(size - i)), i);
}

// The sum of a vector's lanes, halves upon halves.
#if defined(__AVX2__) && defined(__FMA__)
inline float sum_lanes(__m256 x) {
  __m128 h = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  h = _mm_add_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
}
inline double sum_lanes(__m256d x) {
  const __m128d h = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
}
#endif
#if defined(__AVX2__) && defined(__FMA__)
template <class T>
struct Halves {
  typedef T Half __attribute__((vector_size(32)));
  Half half[simd::kVectorBytes / 32];
};
#endif
template <class T, class V>
inline T sum_of(V x) {
#if defined(__AVX2__) && defined(__FMA__)
  const auto halves = __builtin_bit_cast(Halves<T>, x);
  auto sum = halves.half[0];
  if constexpr (simd::kVectorBytes == 64) sum += halves.half[1];
  if constexpr (sizeof(T) == 4)
    return sum_lanes((__m256)sum);
  else
    return sum_lanes((__m256d)sum);
#else
  T sum = x[0];
  for (int i = 1; i < VectorOf<T>::kLanes; ++i) sum += x[i];
  return sum;
#endif
}

// f(0), f(1), ... f(N - 1), each index a constant from the start: only so does the compiler surely keep an
// array that they index in registers.
#define HARDY_INLINE __attribute__((always_inline))
template <int N, class F>
HARDY_INLINE inline void for_constants(F&& f) {
  if constexpr (N > 1) for_constants<N - 1>(f);
  if constexpr (N > 0) f(std::integral_constant<int, N - 1>());
}

// to[i] = sum_of(x[i]) for each of Count vectors, with its bits: eight of them share their shuffles.
template <class T, int Count>
HARDY_INLINE inline void sums_of(const typename VectorOf<T>::type* x, T* to) {
  int done = 0;
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (sizeof(T) == 4) {
    constexpr int eights = (Count + 4) / 8;  // the last of four to seven, if such are left
    for_constants<eights>([x, to](auto eight) HARDY_INLINE {
      constexpr int first = 8 * eight, here = std::min(8, Count - first);
      Halves<T> halves[here];
      for_constants<here>([&](auto n)
                              HARDY_INLINE { halves[n] = __builtin_bit_cast(Halves<T>, x[first + n]); });
      // Put into memory, all of them, and loaded from there, halves are a quarter faster than extracted.
      if constexpr (simd::kVectorBytes == 64) asm("" : "+m"(halves));
      const auto half = [&halves](int n) HARDY_INLINE {
        const Halves<T>& both = halves[std::min(n, here - 1)];
        auto sum = both.half[0];
        if constexpr (simd::kVectorBytes == 64) sum += both.half[1];
        return (__m256)sum;
      };
      // Of vectors n and n + 4 the sum of both halves, side by side.
      const auto quarter = [half](int n) HARDY_INLINE {
        const __m256 y = half(n), z = half(n + 4);
        return _mm256_add_ps(_mm256_permute2f128_ps(y, z, 0x20), _mm256_permute2f128_ps(y, z, 0x31));
      };
      const auto pair = [quarter](int n) HARDY_INLINE {
        const __m256 y = quarter(n), z = quarter(n + 1);
        return _mm256_add_ps(_mm256_shuffle_ps(y, z, 0x44), _mm256_shuffle_ps(y, z, 0xee));
      };
      const __m256 y = pair(0), z = pair(2);
      const __m256 sums = _mm256_add_ps(_mm256_shuffle_ps(y, z, 0x88), _mm256_shuffle_ps(y, z, 0xdd));
      if constexpr (here == 8) {
        _mm256_storeu_ps(to + first, sums);
      } else {
        _mm_storeu_ps(to + first, _mm256_castps256_ps128(sums));
        for_constants<here - 4>([&](auto n) HARDY_INLINE { to[first + 4 + n] = sums[4 + n]; });
      }
    });
    done = std::min(8 * eights, Count);
  }
#endif
  for_constants<Count>([&](auto n) HARDY_INLINE {
    if (n >= done) to[n] = sum_of<T>(x[n]);
  });
}

// x, loaded once: without this g++ 12 reads it from memory again wherever it is used.
template <class V>
inline V in_register(V x) {
#if defined(__AVX2__) && defined(__FMA__)
  asm("" : "+v"(x));
#endif
  return x;
}

// Inner products of `Rows` rows of A with `Columns` rows of B, both running along k, those of B ldb apart:
// lane l of a vector sums the p with p mod lanes of its own, then the lanes and the remaining p are added.
template <class T, int Rows, int Columns, std::int64_t ldb>
inline void dot_kernel(std::int64_t k, const T* __restrict a, std::int64_t lda, const T* __restrict b,
                       T* __restrict out) {
  using V = typename VectorOf<T>::type;
  constexpr int lanes = VectorOf<T>::kLanes;
  // The fewer of both stay in registers while the others go by.
  constexpr int few = std::min(Rows, Columns), many = std::max(Rows, Columns);
  constexpr bool rows_stay = Rows < Columns;
  const T *of_few = rows_stay ? a : b, *of_many = rows_stay ? b : a;
  const std::int64_t ld_few = rows_stay ? lda : ldb, ld_many = rows_stay ? ldb : lda;
  V sums[Rows * Columns] = {};
  std::int64_t p = 0;
#pragma GCC unroll 2
  for (; p + lanes <= k; p += lanes) {
    V y[few];
    for_constants<few>([&](auto j) HARDY_INLINE { y[j] = in_register(load(of_few + j * ld_few + p)); });
    for_constants<many>([&](auto r) HARDY_INLINE {
      const V x = in_register(load(of_many + r * ld_many + p));
      for_constants<few>([&](auto j) HARDY_INLINE {
        V& sum = sums[rows_stay ? j * Columns + r : r * Columns + j];
        sum = fused<T>(x, y[j], sum);
      });
    });
  }
  sums_of<T, Rows * Columns>(sums, out);
  if (p == k) return;
  for (int r = 0; r < Rows; ++r)
    for (int j = 0; j < Columns; ++j)
      for (std::int64_t rest = 0; rest < k - p; ++rest) {
        T& sum = out[r * Columns + j];
        sum = multiply_add_scalar(a[r * lda + p + rest], b[j * ldb + p + rest], sum);
      }
}

#undef HARDY_INLINE

}  // namespace hardy::detail
