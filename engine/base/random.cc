#include "engine/base/random.h"

#include <numeric>
#include <utility>

#include "engine/base/error.h"

namespace hardy {

std::size_t Random::categorical(std::uint64_t i, std::span<const double> weights) const {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(total > 0)) throw Error("categorical weights must have a positive, finite sum");
  double left = uniform64(i) * total;
  std::size_t last = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] <= 0) continue;
    last = k;
    if (left < weights[k]) return k;
    left -= weights[k];
  }
  return last;  // rounding carried the draw past the last positive weight
}

void Random::permutation(std::span<std::uint32_t> out) const {
  std::iota(out.begin(), out.end(), 0u);
  for (std::size_t k = out.size(); k > 1; --k)
    std::swap(out[k - 1], out[integer(k - 1, static_cast<std::uint32_t>(k))]);
}

}  // namespace hardy
