#include "algorithms/experiments/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace hardy::algorithms {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// cov / sqrt(var var); NaN where one of them is 0.
double normalised(double product, double xx, double yy) {
  return xx > 0 && yy > 0 ? product / std::sqrt(xx * yy) : kNone;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  const double mx = std::accumulate(x.begin(), x.end(), 0.0) / n,
               my = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return normalised(xy, xx, yy);
}

int sign(double x) { return (x > 0) - (x < 0); }

double kendall_tau(std::span<const double> x, std::span<const double> y) {
  double agree = 0, untied_x = 0, untied_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const int dx = sign(x[i] - x[j]), dy = sign(y[i] - y[j]);
      agree += dx * dy;
      untied_x += dx != 0;
      untied_y += dy != 0;
    }
  return normalised(agree, untied_x, untied_y);
}

}  // namespace

std::vector<double> ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> all(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i)
      all[order[i]] = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    begin = end;
  }
  return all;
}

RankCorrelation rank_correlation(std::span<const double> x, std::span<const double> y) {
  std::vector<double> a, b;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!std::isnan(x[i]) && !std::isnan(y[i])) a.push_back(x[i]), b.push_back(y[i]);
  RankCorrelation r{static_cast<std::int64_t>(a.size()), kNone, kNone, kNone, kNone};
  if (a.size() < 2) return r;
  r.spearman = pearson(ranks(a), ranks(b));
  r.kendall = kendall_tau(a, b);
  if (r.n < 4 || !(std::abs(r.spearman) < 1 - 1e-12)) return r;
  const double reach = 1.96 * std::sqrt((1 + r.spearman * r.spearman / 2) / static_cast<double>(r.n - 3));
  r.low = std::tanh(std::atanh(r.spearman) - reach);
  r.high = std::tanh(std::atanh(r.spearman) + reach);
  return r;
}

}  // namespace hardy::algorithms
