// What quantiles need of a few numbers: their order, and where a quantile lies among them. Compiled for every
// device from here.
#pragma once

#include <cstdint>

namespace hardy::ops {

inline constexpr std::int64_t kMostOrdered = 64;

// Sorted positions of the values at `first`, `first + stride`, ...; ties keep their order. False if
// one of them is NaN.
template <class T>
constexpr bool sort_members(const T* first, std::int64_t n, std::int64_t stride, std::uint8_t* order) {
  for (std::int64_t k = 0; k < n; ++k) {
    const T x = first[k * stride];
    if (x != x) return false;
    std::int64_t at = k;
    for (; at > 0 && first[order[at - 1] * stride] > x; --at) order[at] = order[at - 1];
    order[at] = static_cast<std::uint8_t>(k);
  }
  return true;
}

// The alpha-quantile of n sorted numbers lies between number `low` and number `high`.
struct QuantilePosition {
  std::int64_t low, high;
  double weight;  // of high
  constexpr QuantilePosition(double alpha, std::int64_t n) : low(0), high(0), weight(0) {
    const double at = alpha * static_cast<double>(n - 1);
    low = static_cast<std::int64_t>(at);  // at >= 0
    high = low + 1 < n ? low + 1 : n - 1;
    weight = at - static_cast<double>(low);
  }
};

}  // namespace hardy::ops
