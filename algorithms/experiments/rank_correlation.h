// How well one number orders what another one is the truth of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hardy::algorithms {

// Ranks from 1, ties the mean of theirs.
std::vector<double> ranks(std::span<const double> x);

struct RankCorrelation {
  std::int64_t n = 0;
  // Spearman's rho: Pearson's correlation of the ranks; NaN where a side is constant, or n < 2. 95 %:
  // tanh(atanh rho +- 1.96 sqrt((1 + rho^2 / 2) / (n - 3))) (Bonett and Wright 2000); NaN below four, and of
  // a perfect order.
  double spearman = 0, low = 0, high = 0;
  double kendall = 0;  // tau-b
};

// x and y of one length; pairs with a NaN are left out.
RankCorrelation rank_correlation(std::span<const double> x, std::span<const double> y);

}  // namespace hardy::algorithms
