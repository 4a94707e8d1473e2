// A token's draw, compiled for every device from here.
#pragma once

#include <cstdint>

#include "engine/base/random.h"

namespace hardy::ops {

// The uniform number of a row's four words under an agent's seed (low and high word): a counter under a key
// of its own, which is a draw of the seed's stream for tokens.
constexpr double token_uniform(const std::int32_t* seed, const std::int32_t* words) {
  const std::uint64_t whole =
      static_cast<std::uint32_t>(seed[0]) | std::uint64_t{static_cast<std::uint32_t>(seed[1])} << 32;
  const PhiloxBlock key = Random(whole, RandomStream::kToken).block(0);
  const PhiloxBlock drawn =
      philox4x32({static_cast<std::uint32_t>(words[0]), static_cast<std::uint32_t>(words[1]),
                  static_cast<std::uint32_t>(words[2]), static_cast<std::uint32_t>(words[3])},
                 key[0], key[1]);
  return uniform_of(drawn[0], drawn[1]);
}

// The first of `n` weights at which their running sum passes u times their sum `total`; of those that are not
// 0 the last where rounding carries it further.
template <class T>
constexpr std::int64_t token_at(double u, const T* weights, std::int64_t n, double total) {
  double left = u * total;
  std::int64_t drawn = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    const double weight = static_cast<double>(weights[k]);
    if (weight > 0) drawn = k;
    if (left < weight) break;
    left -= weight;
  }
  return drawn;
}

}  // namespace hardy::ops
