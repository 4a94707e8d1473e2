// philox_uniforms() (draws.h) on the machine's vectors: the same numbers, from products of 32-bit words.
// Written with 64-bit products, which AVX2 does not have, each costs it three of those.
#pragma once

#include "algorithms/adversarial/steps/draws.h"
#include "engine/linalg/lanes.h"

namespace hardy::algorithms {

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))

using Words = simd::VectorOf<std::uint64_t>::type;

// The products of the low halves.
inline Words product_of_low(Words a, std::uint32_t b) {
  const Words all_b = Words{} + b;
#if defined(__AVX512F__)
  return (Words)_mm512_mul_epu32((__m512i)a, (__m512i)all_b);
#else
  return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)all_b);
#endif
}

// A whole number below 2^52 as a double: it is the mantissa's end of 2^52 plus itself.
inline linalg::Vec<linalg::kLanes> number_of(Words x) {
  return (linalg::Vec<linalg::kLanes>)(x | (Words{} + 0x4330000000000000u)) - 0x1p52;
}

inline void philox_lanes(const std::array<std::uint64_t, linalg::kLanes>& seeds, DrawFor purpose,
                         std::int64_t episode, int blocks, double* out) {
  const auto step = static_cast<std::uint64_t>(episode);
  const Words low = Words{} + 0xFFFFFFFFu, first0 = simd::load<std::uint64_t>(seeds.data()),
              first1 = first0 >> 32;
  for (int index = 0; index < blocks; ++index) {
    // Words stand in low halves; what high halves hold is never looked at.
    Words c0 = Words{} + static_cast<std::uint32_t>(index),
          c1 = Words{} + static_cast<std::uint32_t>(purpose);
    Words c2 = Words{} + static_cast<std::uint32_t>(step),
          c3 = Words{} + static_cast<std::uint32_t>(step >> 32);
    Words key0 = first0, key1 = first1;
    for (int round = 0; round < 10; ++round) {
      const Words p0 = product_of_low(c0, 0xD2511F53u), p1 = product_of_low(c2, 0xCD9E8D57u);
      c0 = (p1 >> 32) ^ c1 ^ key0, c1 = p1;
      c2 = (p0 >> 32) ^ c3 ^ key1, c3 = p0;
      key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
    }
    for (const auto& [high, rest] : {std::pair{c0, c1}, std::pair{c2, c3}}) {
      linalg::store<linalg::kLanes>(
          out, (number_of((high & low) >> 5) * 67108864.0 + number_of((rest & low) >> 6)) * 0x1p-53);
      out += linalg::kLanes;
    }
  }
}

#else

inline void philox_lanes(const std::array<std::uint64_t, linalg::kLanes>& seeds, DrawFor purpose,
                         std::int64_t episode, int blocks, double* out) {
  philox_uniforms(seeds, purpose, episode, blocks, out);
}

#endif

}  // namespace hardy::algorithms
